package harness

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// unproven opens a cluster outside of a test, so that a failure is kept.
func unproven(t *testing.T, f *fake, change func(*Settings)) (*Cluster, *bytes.Buffer) {
	t.Helper()
	f.open(t)
	out := new(bytes.Buffer)
	s := Settings{Protocol: toy, Nodes: 6, World: "fake", Out: out}
	if change != nil {
		change(&s)
	}
	c, err := Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, out
}

// everything answers at once, whatever is cut.
func everything(_, _ p2p.Addr, p Probing) Echo {
	n := max(p.Count, 1)
	return Echo{Sent: n, There: n, Back: n, RTTs: make([]time.Duration, n)}
}

func nothing(_, _ p2p.Addr, p Probing) Echo { return Echo{Sent: max(p.Count, 1)} }

func TestProofs(t *testing.T) {
	f := new(fake)
	c, out := unproven(t, f, nil)
	c.Cut([]int{0, 1, 2}, []int{3, 4, 5})
	c.Advance(time.Second)
	c.CutOneWay([]int{0}, []int{1})
	c.Advance(time.Second)
	c.Heal()
	c.Advance(time.Second)
	c.Shape(linkmodel.Model{Default: linkmodel.Link{Delay: 40 * time.Millisecond}})
	if c.Err() != nil {
		t.Fatal(c.Err())
	}
	var got []string
	for _, x := range c.Faults() {
		for _, p := range x.Proofs {
			if p.Asked != p.Got {
				t.Errorf("%s: asked %s, got %s", x.Text, p.Asked, p.Got)
			}
			got = append(got, p.Asked)
		}
	}
	want := []string{
		"ways: 12 closed, 6 open",                     // the halves
		"ways: 18 open",                               // healed
		"ways: 5 closed, 1 without an answer, 2 open", // one way, and what stays cut
		"ways: 18 open",
		"ways: 12 open, 80ms there and back",
	}
	if !slices.Equal(got, want) {
		t.Errorf("proofs %q, want %q", got, want)
	}
	if text := out.String(); strings.Count(text, "peerbed: probed: ") != 4 || !strings.Contains(text, "after the cut between") {
		t.Errorf("progress:\n%s\nwant a line for each of the four changes", text)
	}
}

// "A fault that did not take ends the run as an infrastructure failure that
// says so."
func TestAFaultThatDidNotTakeEndsTheRun(t *testing.T) {
	slow := linkmodel.Model{Default: linkmodel.Link{Delay: 40 * time.Millisecond}}
	lossy := linkmodel.Model{Default: linkmodel.Link{Loss: 0.5}}
	for _, test := range []struct {
		what        string
		lie         func(from, to p2p.Addr, p Probing) Echo
		do          func(c *Cluster)
		what2, want string
	}{
		{"a cut", everything, func(c *Cluster) { c.Cut([]int{0}, []int{1, 2}) },
			"cut between toy-0 | toy-1, toy-2", "asked: no datagram from toy-"},
		{"a cut one way", everything, func(c *Cluster) { c.CutOneWay([]int{0}, []int{1}) },
			"cut from toy-0 to toy-1", "got: of 3 datagrams 3 arrived and 3 were answered"},
		{"the others are cut too", nothing, func(c *Cluster) { c.Cut([]int{0}, []int{1, 2}) },
			"cut between toy-0 | toy-1, toy-2", "asked: datagrams from toy-"},
		{"delay", everything, func(c *Cluster) { c.Shape(slow) }, "links shaped", "asked: 80ms there and back; got: 0s"},
		{"less delay", nil, func(c *Cluster) {
			c.Shape(slow)
			c.backend.(*fake).probe = func(from, to p2p.Addr, p Probing) Echo {
				e := everything(from, to, p)
				for i := range e.RTTs {
					e.RTTs[i] = 79 * time.Millisecond
				}
				return e
			}
			c.Advance(time.Second)
			c.Shape(linkmodel.Model{Default: linkmodel.Link{Delay: time.Millisecond}})
		}, "", "asked: 2ms there and back; got: 79ms"},
		{"loss", everything, func(c *Cluster) { c.Shape(lossy) }, "links shaped", "asked: 50.0 % of the datagrams lost; got: 0.0 %"},
		{"heal", nil, func(c *Cluster) {
			c.Cut([]int{0}, []int{1, 2})
			c.backend.(*fake).probe = nothing
			c.Advance(time.Second)
			c.Heal()
		}, "after the cut between toy-0 | toy-1, toy-2", "of 3 datagrams 0 arrived"},
	} {
		c, _ := unproven(t, &fake{probe: test.lie}, nil)
		test.do(c)
		var e Infrastructure
		if !errors.As(c.Err(), &e) || !strings.HasPrefix(e.What, test.what2) || !strings.Contains(e.Error(), test.want) {
			t.Errorf("%s: error %v; want one about %q with %q", test.what, c.Err(), test.what2, test.want)
		}
	}
}

func TestUnprovenBelieves(t *testing.T) {
	c, _ := unproven(t, &fake{probe: everything}, func(s *Settings) { s.Unproven = true })
	c.Cut([]int{0}, []int{1, 2})
	if c.Err() != nil || len(c.Faults()[0].Proofs) != 0 {
		t.Errorf("error %v, faults %+v: want a cut that nobody looked at", c.Err(), c.Faults())
	}
}

// A single link among many is found, in both of its directions.
func TestTheRareLinkIsProbed(t *testing.T) {
	c, _ := unproven(t, new(fake), func(s *Settings) { s.Nodes = 300 })
	c.Cut([]int{17}, []int{230})
	if c.Err() != nil {
		t.Fatal(c.Err())
	}
	if p := c.Faults()[0].Proofs; len(p) != 1 || p[0].Got != "ways: 2 closed, 6 open" {
		t.Errorf("proofs %+v: want both ways of the link", p)
	}
}
