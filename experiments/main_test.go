package experiments

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/harness/record"
	"peerbed/harness/record/report"
	_ "peerbed/harness/worlds"
	"peerbed/protocols/all"
	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

// stay is how long nodes stay, if somebody asked.
var stay fault.LawFlag

func init() {
	harness.Flags(flag.CommandLine)
	flag.Var(&stay, "session", "TestTour: how long nodes stay under churn, a law such as 'weibull(0.38, 40s)' (default: exponential)")
	if text := os.Getenv("PEERBED_SESSION"); text != "" {
		if err := stay.Set(text); err != nil {
			fmt.Fprintf(os.Stderr, "PEERBED_SESSION: %v\n", err)
			os.Exit(2)
		}
	}
}

var protocols = flag.String("protocols", os.Getenv("PEERBED_PROTOCOLS"), "TestTour: which protocols, separated by commas (default: all)")

var paper = flag.Bool("paper", os.Getenv("PEERBED_PAPER") != "", "claims: the sizes of the papers, which take minutes, instead of quick ones")

// TestMain makes a report of every run that has left a journal.
func TestMain(m *testing.M) {
	code := m.Run()
	for _, folder := range harness.Recorded() {
		r, err := report.Load(folder)
		if errors.Is(err, report.ErrNoJournal) {
			continue
		}
		page := ""
		if err == nil {
			page, err = r.Write()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "no report:", err)
			continue
		}
		fmt.Println("Report:", page)
	}
	os.Exit(code)
}

// size is how large a claim's experiment is to be.
func size(quick, asInThePaper int) int {
	if *paper {
		return asInThePaper
	}
	return quick
}

// closeNow ends a cluster before its test ends, to make room for the next.
func closeNow(t testing.TB, c *harness.Cluster) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// start is harness.New, but for one thing: where CI is set, a run that nobody
// asked to be elsewhere must have had real containers.
func start(t testing.TB, p *p2p.Protocol, n int, opts ...harness.Option) *harness.Cluster {
	t.Helper()
	c := harness.New(t, p, n, opts...)
	if world := c.About().World; os.Getenv("CI") != "" && flagged("backend") == "" && world != "docker" {
		t.Fatalf("this is CI, and the nodes run in %s: start a Docker daemon, or ask for another world with -backend", world)
	}
	return c
}

// flagged returns what a flag of package harness, or its twin in the environment,
// says; "": nothing.
func flagged(name string) string {
	if f := flag.Lookup(name); f.Value.String() != f.DefValue {
		return f.Value.String()
	}
	return os.Getenv("PEERBED_" + strings.ToUpper(name))
}

// chosen returns the protocols that -protocols names.
func chosen(t testing.TB) []*p2p.Protocol {
	t.Helper()
	if *protocols == "" {
		return slices.DeleteFunc(slices.Clone(all.All), func(p *p2p.Protocol) bool { return p == introducer.Protocol })
	}
	var some []*p2p.Protocol
	for _, name := range strings.Split(*protocols, ",") {
		p, err := all.Find(name)
		if err != nil {
			t.Fatalf("-protocols %s: %v", *protocols, err)
		}
		some = append(some, p)
	}
	return some
}

// savePage writes a page beside the test's results and says where.
func savePage(t testing.TB, p *record.Page) {
	t.Helper()
	file := pageFile(t)
	if err := p.Save(file); err != nil {
		t.Error(err)
		return
	}
	fmt.Printf("\nLook at it: %s\n", file)
}

// pageFile is where the page of a test, or of one seed of it, lies.
func pageFile(t testing.TB) string {
	t.Helper()
	dir, err := harness.OutDir(t.Name())
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "index.html")
}
