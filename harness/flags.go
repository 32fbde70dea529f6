package harness

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"peerbed/harness/links"
	"peerbed/protocols/linkmodel"
)

// asked is what the command line and the environment ask of every run of this
// process.
var asked = struct {
	fs      *flag.FlagSet
	backend string
	nodes   int
	seed    uint64
	seeds   int
	trace   string
	links   string
}{}

// Flags registers -backend, -nodes, -seed, -seeds, -trace and -links. A test package
// calls it from an init function or a variable declaration, with
// flag.CommandLine. The variables PEERBED_BACKEND, PEERBED_NODES, PEERBED_SEED,
// PEERBED_SEEDS, PEERBED_TRACE and PEERBED_LINKS do the same for packages that do
// not, and under go test ./..., where not every package knows the flags; a flag
// wins.
func Flags(fs *flag.FlagSet) {
	asked.fs = fs
	fs.StringVar(&asked.backend, "backend", "", "the world to run in: sim, proc or docker (default: docker if a daemon answers, else proc)")
	fs.IntVar(&asked.nodes, "nodes", 0, "how many nodes (default: the experiment's own quick size)")
	fs.Uint64Var(&asked.seed, "seed", 0, "seeds all randomness (default 1)")
	fs.IntVar(&asked.seeds, "seeds", 0, "with how many seeds an experiment is played, from -seed on (default: the experiment's own number)")
	fs.StringVar(&asked.links, "links", "", "what the links are like, in place of the experiment's own: "+links.Usage)
	fs.StringVar(&asked.trace, "trace", "", "a folder: there the simulator writes every event of each run, a line of JSON each")
}

// backendAsked returns the world that was asked for, and by what; "" if none.
func backendAsked() (world, why string) {
	if asked.backend != "" {
		return asked.backend, "-backend"
	}
	return os.Getenv("PEERBED_BACKEND"), "PEERBED_BACKEND"
}

func nodesAsked() (int, error) {
	if asked.nodes < 0 {
		return 0, fmt.Errorf("-nodes %d: want 1 or more", asked.nodes)
	}
	if text := os.Getenv("PEERBED_NODES"); asked.nodes == 0 && text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return 0, fmt.Errorf("PEERBED_NODES=%q: want a number of nodes, 1 or more", text)
		}
		return n, nil
	}
	return asked.nodes, nil
}

func seedAsked() (uint64, error) {
	if text := os.Getenv("PEERBED_SEED"); asked.seed == 0 && text != "" {
		seed, err := strconv.ParseUint(text, 0, 64)
		if err != nil {
			return 0, fmt.Errorf("PEERBED_SEED=%q: want a whole number", text)
		}
		return seed, nil
	}
	return asked.seed, nil
}

// seriesAsked returns the first seed of a series and how many there are, quick
// if nobody says.
func seriesAsked(quick int) (first uint64, n int, err error) {
	if first, err = seedAsked(); err != nil {
		return 0, 0, err
	}
	n = cmp.Or(asked.seeds, quick)
	if text := os.Getenv("PEERBED_SEEDS"); asked.seeds == 0 && text != "" {
		if n, err = strconv.Atoi(text); err != nil {
			return 0, 0, fmt.Errorf("PEERBED_SEEDS=%q: want a number of seeds, 1 or more", text)
		}
	}
	if n < 1 || n > maxSeeds {
		return 0, 0, fmt.Errorf("%d seeds: want 1 to %d", n, maxSeeds)
	}
	return cmp.Or(first, 1), n, nil
}

// maxSeeds is more than anybody waits for.
const maxSeeds = 1_000_000

// linksAsked returns the links that were asked for, or else the experiment's own.
func linksAsked(own linkmodel.Source) (linkmodel.Source, error) {
	switch name := cmp.Or(asked.links, os.Getenv("PEERBED_LINKS")); {
	case name != "":
		return links.Read(name)
	case own != nil:
		return own, nil
	}
	return linkmodel.Model{}, nil
}

// traces counts the runs of one name in this process.
var traces = struct {
	sync.Mutex
	of map[string]int
}{of: map[string]int{}}

// traceAsked returns the file for a run's events, in the folder that was asked
// for, or "". A second run of the same name gets "-2" behind it.
func traceAsked(name string) (string, error) {
	dir := cmp.Or(asked.trace, os.Getenv("PEERBED_TRACE"))
	if dir == "" {
		return "", nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("-trace: %w", err)
	}
	name = strings.ReplaceAll(name, "/", "-")
	traces.Lock()
	defer traces.Unlock()
	traces.of[name]++
	if n := traces.of[name]; n > 1 {
		name += fmt.Sprintf("-%d", n)
	}
	return filepath.Join(dir, name+".jsonl"), nil
}
