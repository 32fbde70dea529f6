package docker

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"peerbed/harness/agent"
)

// plenty is a machine that takes a thousand nodes.
var plenty = supply{memory: 32 << 30, ids: 65536, tasks: 500, files: 20000, neighbours: agent.Limits{128, 512, 1024}}

// "Fits before it starts": what N nodes need is worked out, and refused with
// the numbers and the command that helps.
func TestFits(t *testing.T) {
	var said strings.Builder
	for _, c := range []struct {
		what  string
		n     int
		lacks func(*supply)
	}{
		{"all is there", 1000, func(*supply) {}},
		{"nothing is known", 1000, func(s *supply) { *s = supply{} }},
		{"just enough memory", 101, func(s *supply) { s.memory = 101 * nodeMemory }},
		{"more than one bridge", 1101, func(*supply) {}},
		{"addresses", maxNodes + 1, func(*supply) {}},
		{"memory", 301, func(s *supply) { s.memory = 2 << 30 }},
		{"process ids", 301, func(s *supply) { s.ids, s.tasks = 4096, 300 }},
		{"files of the daemon", 301, func(s *supply) { s.files = 1000 }},
		{"hardly anything", 301, func(s *supply) { s.memory = 1 << 20 }},
	} {
		s := plenty
		c.lacks(&s)
		fmt.Fprintf(&said, "%s: %v\n", c.what, s.fits(c.n))
	}
	why := errors.New("permission denied")
	fmt.Fprintf(&said, "neighbours: %v\n", plenty.tight(101, why))
	fmt.Fprintf(&said, "few neighbours: %v\n", plenty.tight(neighboursFit, why))
	want, err := os.ReadFile("testdata/fits.golden")
	if err != nil {
		t.Fatal(err)
	}
	if said.String() != string(want) {
		t.Errorf("it says\n%s\nwant\n%s", &said, want)
	}
}
