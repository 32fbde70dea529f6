package harness

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// OutDir returns the folder for what a test (t.Name()) or another run leaves,
// and makes it: below a folder of this process's own, out/TEST-START-sSEED (TEST
// is the name up to the first "/", START when it was first asked for), what
// follows the first "/". out lies at the module's root, the nearest folder upward
// with a go.mod; PEERBED_OUT names another in its place. out/TEST leads to the
// newest; of each test the Kept newest stay.
func OutDir(name string) (string, error) {
	base, err := Out()
	if err != nil {
		return "", err
	}
	test, below, _ := strings.Cut(plain(name), "/")
	run, err := runFolder(base, test)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(run, filepath.FromSlash(below))
	return dir, os.MkdirAll(dir, 0o755)
}

// Out is the folder of all runs: out at the module's root, or PEERBED_OUT. It may
// not be there yet.
func Out() (string, error) {
	if base := os.Getenv("PEERBED_OUT"); base != "" {
		return filepath.Abs(base)
	}
	root, err := moduleRoot()
	return filepath.Join(root, "out"), err
}

// plain keeps of a test's name what every file system takes.
func plain(name string) string {
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`\:*?"<>|`, r) || r < ' ' {
			return '_'
		}
		return r
	}, name)
	return strings.ReplaceAll(name, "..", "_")
}

var errNoModule = errors.New("no go.mod here or above: set PEERBED_OUT to a folder for the results")

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errNoModule
		}
		dir = up
	}
}

// SetPage tells where the page of this run will lie, for failure texts.
func (c *Cluster) SetPage(file string) { c.page = file }

// Journal returns the file that these results lie in, with all else of the run:
// it was written while they came about. "": nothing is recorded, because of
// PEERBED_RECORD=0 or in a program that did not ask for it.
func (r *Results) Journal() string {
	if r.cluster == nil || r.cluster.rec == nil {
		return ""
	}
	return r.cluster.rec.w.File()
}

// commands returns the command that repeats the test and, after a run in a
// real world, the one that plays the same plans in the simulator.
func (c *Cluster) commands(test string) (repeat, simulate string) {
	repeat = c.command(test, c.about.World)
	if !c.about.Virtual && c.set.World == "" {
		simulate = c.command(test, "sim")
	}
	return repeat, simulate
}

func (c *Cluster) command(test, world string) string {
	var one, seeds string
	if p := c.play; p != nil {
		test = strings.Replace(test, "/"+folder(p.seed), "", 1)
		one, seeds = " PEERBED_SEEDS=1", " -seeds 1"
	}
	run := TestCommand(test)
	if asked.fs == nil {
		return fmt.Sprintf("PEERBED_BACKEND=%s PEERBED_NODES=%d PEERBED_SEED=%d%s %s", world, c.set.Nodes, c.set.Seed, one, run)
	}
	return fmt.Sprintf("%s -args -backend %s -nodes %d -seed %d%s%s", run, world, c.set.Nodes, c.set.Seed, seeds, flagsBut("backend", "nodes", "seed", "seeds"))
}

// again is the command that plays one seed of a test.
func again(test string, seed uint64) string {
	if asked.fs == nil {
		return fmt.Sprintf("PEERBED_SEED=%d PEERBED_SEEDS=1 %s", seed, TestCommand(test))
	}
	return fmt.Sprintf("%s -args -seed %d -seeds 1%s", TestCommand(test), seed, flagsBut("seed", "seeds"))
}

// TestCommand is the command that runs one test (t.Name()) of the package under
// test, from the module's root.
func TestCommand(test string) string {
	return fmt.Sprintf("go test %s -run '^%s$' -count=1", testPackage(), strings.ReplaceAll(test, "/", "$/^"))
}

// testPackage is the package under test as an argument of go test at the
// module's root.
func testPackage() string {
	dir, err := os.Getwd()
	if err != nil {
		return "."
	}
	root, err := moduleRoot()
	if err != nil {
		return "."
	}
	rel, err := filepath.Rel(root, dir)
	if err != nil {
		return "."
	}
	return "./" + filepath.ToSlash(rel)
}

// quoted writes an argument as a shell takes it.
func quoted(arg string) string {
	if !strings.ContainsAny(arg, " ()'\"$*;&|<>") {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
