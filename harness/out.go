package harness

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// OutDir returns the folder for what a test (t.Name()) or another run leaves,
// and makes it: out/NAME at the module's root, the nearest folder upward with a
// go.mod; PEERBED_OUT names another in place of out. While another process runs
// something of the same name, it is out/NAME-2 (or -3 ...).
func OutDir(name string) (string, error) {
	base := os.Getenv("PEERBED_OUT")
	if base == "" {
		root, err := moduleRoot()
		if err != nil {
			return "", err
		}
		base = filepath.Join(root, "out")
	}
	return claim(filepath.Join(base, filepath.FromSlash(plain(name))))
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

// Save writes the results to OutDir as JSON lines, run-1.jsonl for the first
// Run of a cluster, and returns the file. Each line is an object with one key
// that says what it is: "run", "event", "fault", "operation", "sample",
// "machine", "summary".
func (r *Results) Save(t testing.TB) string {
	t.Helper()
	file, err := r.save(t)
	if err != nil {
		t.Errorf("peerbed: saving the results: %v", err)
	}
	return file
}

func (r *Results) save(t testing.TB) (string, error) {
	dir, err := OutDir(t.Name())
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, fmt.Sprintf("run-%d.jsonl", r.Number))
	f, err := os.Create(file)
	if err != nil {
		return "", err
	}
	w := bufio.NewWriter(f)
	err = r.write(json.NewEncoder(w))
	return file, errors.Join(err, w.Flush(), f.Close())
}

// A header is the first line of a file of results.
type header struct {
	Test, World, Detail, Protocol string
	Nodes                         int
	Seed                          uint64
	Config, Plans                 []string
	Repeat                        string
	Names                         []string
	Addrs                         []string
}

func (r *Results) write(e *json.Encoder) error {
	var err error
	line := func(kind string, v any) { err = errors.Join(err, e.Encode(map[string]any{kind: v})) }
	if c := r.cluster; c != nil {
		line("run", c.header(r.Plans))
	}
	for _, x := range r.Events {
		line("event", x)
	}
	for _, x := range r.Faults {
		line("fault", x)
	}
	for _, x := range r.Operations {
		line("operation", x)
	}
	if r.Machine != nil {
		line("machine", r.Machine)
	}
	for _, x := range r.Samples {
		line("sample", x)
	}
	line("summary", struct {
		Summary
		Turnover Turnover
		Traffic  Totals
	}{r.Summary, r.Turnover, r.Traffic})
	return err
}

func (c *Cluster) header(plans []string) header {
	h := header{Test: c.set.Name, World: c.about.World, Detail: c.about.Detail, Protocol: c.set.Protocol.Name,
		Nodes: len(c.nodes), Seed: c.set.Seed, Config: c.set.Config, Plans: plans}
	h.Repeat, _ = c.commands(c.set.Name)
	for i := range c.nodes {
		h.Names = append(h.Names, c.Name(i))
		h.Addrs = append(h.Addrs, c.Addr(i).String())
	}
	return h
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
