package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"
)

// templates are the files of a new module, in which NAME stands for its name.
//
//go:embed templates
var templates embed.FS

// starts are what can be begun: its files, by the template that each is made of.
var starts = map[string]map[string]string{
	"protocol": {
		"NAME.go":      "protocol.go.tmpl",
		"NAME_test.go": "protocol_test.go.tmpl",
		"node/main.go": "node.go.tmpl",
	},
	"experiment": {
		"NAME_test.go": "experiment_test.go.tmpl",
	},
}

// begin is the command new: it writes the start of a protocol or an experiment,
// as a module of its own that lies beside this one.
func (s *shell) begin() *cli.Command {
	return &cli.Command{Name: "new", ArgsUsage: "protocol|experiment NAME [DIR]", Usage: "write the start of a protocol or an experiment of your own, in a new module",
		Description: "It lies in DIR, or in ../NAME, takes peerbed from here, and its tests pass at once, in every world that this machine has:\n\n" +
			"    peerbed new protocol gossip\n    peerbed new experiment churned ../homework/churned",
		Action: func(ctx context.Context, c *cli.Command) error {
			args, err := arguments(c, 2, 3)
			if err != nil {
				return err
			}
			return s.start(ctx, args)
		}}
}

// start does what begin was asked to.
func (s *shell) start(ctx context.Context, args []string) error {
	what, name := args[0], args[1]
	dir := filepath.Join("..", name)
	if len(args) == 3 {
		dir = args[2]
	}
	files, ok := starts[what]
	if !ok {
		return misused("%q cannot be begun: want protocol or experiment", what)
	}
	if err := goodName(ctx, name); err != nil {
		return misuse(err.Error())
	}
	if err := vacant(dir); err != nil {
		return err
	}
	bed, err := checkout(ctx)
	if err != nil {
		return err
	}
	if err := write(ctx, bed, dir, name, files); err != nil {
		return fmt.Errorf("the start of %s is not whole, remove %s: %w", name, dir, err)
	}
	fmt.Fprintf(s.out, "%s holds the start of the %s %s; try it: (cd %s && go test ./...)\n", dir, what, name, dir)
	return nil
}

var shortName = regexp.MustCompile(`^[a-z][a-z0-9]{1,29}$`)

// ours are names that the files of a new module use for something else.
var ours = []string{"peerbed", "introducer", "node", "harness", "workload", "fault", "chord", "p2p", "run"}

// goodName refuses what cannot be the name of a module, of a package and of a
// protocol at once.
func goodName(ctx context.Context, name string) error {
	taken := func(by string) error { return fmt.Errorf("the name %q is %s: choose another", name, by) }
	switch {
	case !shortName.MatchString(name):
		return fmt.Errorf("the name %q: want 2 to 30 lower-case letters and digits, a letter first", name)
	case token.IsKeyword(name) || types.Universe.Lookup(name) != nil || name == "main":
		return taken("a word of Go's")
	case slices.Contains(ours, name):
		return taken("peerbed's own")
	}
	standard, err := exec.CommandContext(ctx, "go", "list", "-e", "-f", "{{.Standard}}", name).Output()
	if err == nil && strings.TrimSpace(string(standard)) == "true" {
		return taken("a package of Go's library")
	}
	return nil
}

// vacant refuses a folder in which something lies: nothing is overwritten.
func vacant(dir string) error {
	there, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("%s cannot hold a module: %w", dir, err)
	case len(there) > 0:
		return fmt.Errorf("%s is not empty, and nothing is overwritten: name another folder", dir)
	}
	return nil
}

// write makes the folder and all files. bed is where peerbed lies.
func write(ctx context.Context, bed, dir, name string, files map[string]string) error {
	texts := map[string][]byte{".gitignore": []byte("out/\n")}
	for file, template := range files {
		text, err := templates.ReadFile("templates/" + template)
		if err != nil {
			return err
		}
		texts[strings.ReplaceAll(file, "NAME", name)] = []byte(strings.ReplaceAll(string(text), "NAME", name))
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var err error
	if texts["go.mod"], texts["go.sum"], err = module(ctx, bed, dir, name); err != nil {
		return err
	}
	for file, text := range texts {
		path := filepath.Join(dir, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// module writes a go.mod that takes peerbed from where it lies, and what peerbed
// needs in the versions that it has, so that nothing need be looked up.
func module(ctx context.Context, bed, dir, name string) (mod, sum []byte, err error) {
	out, err := exec.CommandContext(ctx, "go", "mod", "edit", "-json", filepath.Join(bed, "go.mod")).Output()
	if err != nil {
		return nil, nil, fmt.Errorf("the go.mod of peerbed in %s cannot be read: %w", bed, err)
	}
	var own struct {
		Go      string
		Require []struct{ Path, Version string }
	}
	if err := json.Unmarshal(out, &own); err != nil {
		return nil, nil, err
	}
	if sum, err = os.ReadFile(filepath.Join(bed, "go.sum")); err != nil {
		return nil, nil, err
	}
	way, err := wayTo(bed, dir)
	if err != nil {
		return nil, nil, err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "module %s\n\ngo %s\n\nrequire peerbed v0.0.0\n\nreplace peerbed => %s\n\nrequire (\n", name, own.Go, way)
	for _, r := range own.Require {
		fmt.Fprintf(&b, "\t%s %s // indirect\n", r.Path, r.Version)
	}
	b.WriteString(")\n")
	return []byte(b.String()), sum, nil
}

// checkout finds the source of peerbed: of the module around the current folder,
// if that is it, or as that module replaces it.
func checkout(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "peerbed").Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		return "", errors.New("there is no source of peerbed here: run this in its folder, or in a module that replaces it by one")
	}
	return dir, nil
}

// wayTo writes the way from one folder to another as go.mod wants it, whatever
// links lead to either.
func wayTo(to, from string) (string, error) {
	to, err := filepath.EvalSymlinks(to)
	if err != nil {
		return "", err
	}
	if from, err = filepath.Abs(from); err != nil {
		return "", err
	}
	if from, err = filepath.EvalSymlinks(from); err != nil {
		return "", err
	}
	way, err := filepath.Rel(from, to)
	if err != nil { // another volume
		return filepath.ToSlash(to), nil
	}
	return filepath.ToSlash(way), nil
}
