package hunt

import (
	"flag"
	"fmt"
	"os"
	"strconv"
)

// asked is what the command line asks of every sweep of this process.
var asked struct {
	seeds int
	plan  string
}

// Flags registers -seeds and -plan. A test package calls it from an init
// function, with flag.CommandLine. PEERBED_SEEDS is the twin of -seeds under go
// test ./..., where not every package knows the flag; a flag wins.
func Flags(fs *flag.FlagSet) {
	fs.IntVar(&asked.seeds, "seeds", 0, "how many random plans (default: the test's own quick number)")
	fs.StringVar(&asked.plan, "plan", "", "a plan that was saved: play it again, and tell what happens")
}

// seeds returns how many runs a sweep has.
func (s *Sweep) seeds() (int, error) {
	n := s.Seeds
	if text := os.Getenv("PEERBED_SEEDS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 1 {
			return 0, fmt.Errorf("PEERBED_SEEDS=%q: want a number of seeds, 1 or more", text)
		}
	}
	if asked.seeds != 0 {
		n = asked.seeds
	}
	if n < 1 {
		return 0, fmt.Errorf("%d seeds: want 1 or more", n)
	}
	return n, nil
}

// updating reports whether golden files are to be written anew: by the flag
// -update, which package p2ptest registers.
func updating() bool {
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}
