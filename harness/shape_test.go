package harness

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"peerbed/harness/fault"
	"peerbed/harness/links"
	"peerbed/harness/plan"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// Whoever runs an experiment says what it runs on, before the experiment does.
func TestLinksAskedFor(t *testing.T) {
	slow := Links(linkmodel.Model{Default: linkmodel.Link{Delay: time.Second}})
	_, f := start(t, 4, slow)
	if f.net.Links.Default.Delay != time.Second {
		t.Errorf("nobody asked for links: %+v, want the experiment's own", f.net.Links)
	}
	t.Setenv("PEERBED_LINKS", "world")
	c, f := start(t, 4, slow)
	if r := f.net.Links.Regions; r == nil || len(r.Of) != 4 || len(r.Ways) != 4 || f.net.Links.Default.Delay != 0 {
		t.Errorf("the world was asked for: %+v", f.net.Links)
	}
	if l := c.Shaped(); l.Link(c.Addr(0), c.Addr(1)).Delay != 40300*time.Microsecond {
		t.Errorf("from %v to %v: %+v, want what lies between America and Europe", c.Addr(0), c.Addr(1), l.Link(c.Addr(0), c.Addr(1)))
	}
	t.Setenv("PEERBED_LINKS", "moon")
	new(fake).open(t)
	_, err := Open(t.Context(), Settings{Protocol: toy, Nodes: 3, World: "fake", Out: new(bytes.Buffer)})
	if err == nil || !strings.HasPrefix(err.Error(), "links: open moon: ") || !strings.HasSuffix(err.Error(), "; want "+links.Usage) {
		t.Errorf("error %v, want what may be asked for", err)
	}
}

// Nodes that come later have their place in the table, too, before they start.
func TestGrownNodesHaveLinks(t *testing.T) {
	table, err := links.Read("world")
	if err != nil {
		t.Fatal(err)
	}
	c, f := start(t, 2)
	c.Shape(table)
	if r := f.net.Links.Regions; r == nil || len(r.Of) != 2 || len(r.Ways) != 2 {
		t.Fatalf("two nodes: %v", r)
	}
	c.Grow(p2p.Same(5, p2p.Role{Name: "late"}))
	if r := f.net.Links.Regions; len(r.Of) != 7 || len(r.Ways) != 5 {
		t.Errorf("seven nodes: %v", r)
	}
	c.Shape(linkmodel.Model{})
	if !f.net.Links.Perfect() {
		t.Errorf("the world's own links: %+v", f.net.Links)
	}
}

// A table can hold for a part of a timeline.
func TestATableOnATimeline(t *testing.T) {
	c, f := start(t, 4, Unproven())
	nets := &history{fake: f}
	c.backend = nets
	r := c.Run(time.Minute, fault.Shape{At: 10 * time.Second, For: 20 * time.Second, File: "world"})
	if len(r.Faults) != 1 || r.Faults[0].Text != "links shaped: world (5 nodes in 5 regions)" || r.Faults[0].Until.Round(time.Second) != 30*time.Second {
		t.Errorf("faults %+v, want the world for twenty seconds", r.Faults)
	}
	if len(nets.all) != 2 || nets.all[0].Links.Regions == nil || !nets.all[1].Links.Perfect() {
		t.Errorf("the network was %+v, want the world's links and then none", nets.all)
	}
	if _, err := (fault.Shape{File: "moon"}).Events(plan.Facts{}); err == nil {
		t.Error("a file that is not there passed")
	}
}

// A history keeps what the network was.
type history struct {
	*fake
	all []fault.Net
}

func (h *history) Apply(ctx context.Context, n fault.Net) error {
	h.all = append(h.all, n)
	return h.fake.Apply(ctx, n)
}
