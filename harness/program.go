package harness

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"reflect"
	"strings"

	"peerbed/protocols/p2p"
)

// ownProgram is the node that speaks the protocols of this module.
const ownProgram = "peerbed/node"

// speakers has go list print the main packages that call run.Main.
const speakers = `{{if eq .Name "main"}}{{$path := .ImportPath}}{{range .Imports}}{{if eq . "peerbed/node/run"}}{{$path}}{{"\n"}}{{end}}{{end}}{{end}}`

// NodeProgram returns the package of the program that nodes are, for worlds
// that build it: the main package that imports node/run of the module around the
// current folder, and this module's own where there is none. p is what it must
// speak; nil: anything. An error says what to add, or to remove.
func NodeProgram(ctx context.Context, p *p2p.Protocol) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return ownProgram, nil // whoever builds it says where that can be done
	}
	list := exec.CommandContext(ctx, "go", "list", "-e", "-f", speakers, "./...")
	list.Dir = root
	out, err := list.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", fmt.Errorf("the module in %s cannot be searched for the nodes' program: %s", root, strings.TrimSpace(string(failed.Stderr)))
	}
	if err != nil { // no go tool: so says whoever needs it to build
		return ownProgram, nil
	}
	return pick(root, strings.Fields(string(out)), p, homeOf(p))
}

// pick chooses among the programs of a module that could be nodes. home is the
// package that p is of.
func pick(root string, found []string, p *p2p.Protocol, home string) (string, error) {
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return "", fmt.Errorf("several programs of the module in %s could be its nodes, for they import peerbed/node/run: %s; leave one, which names all protocols", root, strings.Join(found, ", "))
	case home != "" && !strings.HasPrefix(home, "peerbed/"):
		return "", fmt.Errorf("no program of the module in %s speaks %s: add a package main whose main is func main() { run.Main(%s.Protocol) }, importing peerbed/node/run and %s",
			root, p.Name, p.Name, home)
	}
	return ownProgram, nil
}

// homeOf returns the package that a protocol's own messages are of; "" if there
// are none.
func homeOf(p *p2p.Protocol) string {
	if p == nil {
		return ""
	}
	for _, k := range p.Kinds {
		if t := reflect.TypeOf(k.Blank); k.Blank.Kind() >= p2p.First && t.Kind() == reflect.Pointer {
			return t.Elem().PkgPath()
		}
	}
	return ""
}
