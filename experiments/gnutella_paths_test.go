package experiments

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/plan"
	"peerbed/harness/sim"
	"peerbed/harness/workload"
	"peerbed/protocols/gnutella"
	"peerbed/protocols/p2p"
)

// TestGnutellaGN5ReversePath follows every hit of many searches in random graphs
// (claim GN5: "QueryHit only on the reverse path"): each servent on the way sends it
// over the link by which the query came first, and over no other. Then one servent of
// a network with two ways crashes while a hit is under way: on the hit's way it costs
// the answer, though the other way is whole; on the other way it costs nothing.
func TestGnutellaGN5ReversePath(t *testing.T) {
	harness.Repeat(t, 3, func(t *harness.T) {
		file := filepath.Join(t.TempDir(), "trace")
		c := harness.New(t, randomGraph(t.Seed()), 100, harness.World("sim"), harness.Nodes(100), harness.Ideal(), harness.Quiet(),
			harness.Trace(file), harness.Config("degree=0", "max-links=4096", "ping=10m", "patience=1s", "ttl=255"))
		c.Advance(5 * time.Second)
		for i := range 50 {
			mustPublish(t, c, i, fmt.Sprintf("song number%d", i%10)) // five copies each
		}
		c.Run(20*time.Second, workload.Lookups{Rate: 5})
		closeNow(t, c)
		hits, astray := hitsIn(t, file)
		t.Want("times that a hit was passed on", hits, harness.AtLeast(100))
		t.Want("of them, off the way that the query came", astray, harness.Exactly(0))

		for _, row := range []struct {
			what string
			dead int
			want harness.Bound
		}{{"a servent on its way crashes", 1, harness.Exactly(0)}, {"one on the other way does", 3, harness.Exactly(1)}} {
			during, after := crashUnder(t, row.dead)
			t.Want(row.what+": hits that arrive", during, row.want)
			t.Want(row.what+": hits of the next query", after, harness.Exactly(1))
		}
	})
}

// hitsIn counts in a trace how often a hit was sent, and how often elsewhere than
// to where the query of the same wish was first heard.
func hitsIn(t *harness.T, file string) (sent, astray float64) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	type place struct {
		node int
		wish uint32
	}
	came := map[place]p2p.Link{}
	for e, err := range sim.ReadTrace(f) {
		if err != nil {
			t.Fatal(err)
		}
		at := place{e.Node, e.Cause}
		from, heard := came[at]
		switch {
		case e.What == sim.Hear && e.Kind == "query" && !heard:
			came[at] = e.Link
		case e.What == sim.Send && e.Kind == "query_hit":
			if sent++; !heard || from != e.Link {
				astray++
			}
		}
	}
	return sent, astray
}

// twoWays are seven servents: 0-1-2-4, and 0-3-5-6-4, which is longer.
func twoWays(int) [][2]int { return [][2]int{{0, 1}, {1, 2}, {2, 4}, {0, 3}, {3, 5}, {5, 6}, {6, 4}} }

// crashUnder crashes one of them just when servent 4 has sent its hit to 2, from
// whom the query came first, and tells how many answers that query and the next one
// have.
func crashUnder(t *harness.T, dead int) (during, after float64) {
	c := servents(t, linked(twoWays), 7, "degree=0", "ping=10m", "patience=1s")
	defer closeNow(t, c)
	c.Advance(5 * time.Second)
	mustPublish(t, c, 4, "song")
	find := plan.Event{Do: plan.Find, Nodes: []int{0}, Name: "song"}
	crash := plan.Event{At: 35 * time.Millisecond, Do: plan.Crash, Nodes: []int{dead}} // a link takes 10 ms
	during = float64(c.Run(5*time.Second, events{find, crash}).OK)
	return during, float64(c.Run(5*time.Second, events{find}).OK)
}

// events are a plan as it stands.
type events []plan.Event

func (e events) Events(plan.Facts) ([]plan.Event, error) { return slices.Clone(e), nil }

// TestGnutellaGN6Resume crashes the servent that a file comes from, half-way (claim
// GN6: "GET with Range; resume from Range gives the identical file"): the download
// goes on at another holder where it stood, so that hardly more bytes travel than the
// file has, and what lies on the disk in the end is what was published. Without
// another holder it cannot: the negative control.
func TestGnutellaGN6Resume(t *testing.T) {
	harness.Repeat(t, 3, func(t *harness.T) {
		whole, bytes := resumed(t, true)
		t.Want("identical files, with another holder", whole, harness.Exactly(1))
		t.Want("bytes received, by those of the file", bytes, harness.Within(1, 1.1))
		whole, bytes = resumed(t, false)
		t.Want("identical files, without", whole, harness.Exactly(0))
		t.Want("bytes received, by those of the file, without", bytes, harness.Within(0.3, 0.7))
	})
}

// resumed fetches a file over lines that take four seconds for it, of which the
// nearer holder crashes after two, and tells whether (1 or 0) the asker has it then,
// bit by bit, and how much of it was received.
func resumed(t *harness.T, another bool) (whole, received float64) {
	const size = 4 << 20
	c := servents(t, linked(func(int) [][2]int { return [][2]int{{0, 1}, {0, 2}, {2, 3}} }), 4, "degree=0", "ping=10m", "patience=1s")
	defer closeNow(t, c)
	c.Advance(5 * time.Second)
	holders := []int{1}
	if another {
		holders = append(holders, 3)
	}
	for _, i := range holders {
		if out := c.Publish(i, "film", size); out.Err != nil {
			t.Fatal(out.Err)
		}
	}
	c.Throttle([]int{0}, size/4, size/4)
	r := c.Run(2*time.Minute, events{{Do: plan.Fetch, Nodes: []int{0}, Name: "film"},
		{At: 2500 * time.Millisecond, Do: plan.Crash, Nodes: []int{1}}})
	var got, want bytes.Buffer
	if r.OK == 1 {
		err := errors.Join(c.Get(context.Background(), 0, "film", &got), c.Get(context.Background(), 3, "film", &want))
		if err != nil {
			t.Fatal(err)
		}
		if want.Len() == size && bytes.Equal(got.Bytes(), want.Bytes()) {
			whole = 1
		}
	}
	return whole, float64(r.Traffic.Kind("body").ReceivedBytes) / size
}

// TestGnutellaGN7Push fetches from and for servents behind firewalls (claim GN7:
// "Push routed back, responder connects, sends GIV, requestor GETs"): that works
// unless both are behind one, where it gives up; with a third that relays, an
// extension, it works there too.
func TestGnutellaGN7Push(t *testing.T) {
	harness.Repeat(t, 3, func(t *harness.T) {
		for _, row := range []struct {
			asker, owner, relay bool
			fetched, givs       float64
		}{{false, false, false, 1, 0}, {false, true, false, 1, 1}, {true, false, false, 1, 0}, {true, true, false, 0, 0}, {true, true, true, 1, 2}} {
			at := fmt.Sprintf("asker walled %v, owner walled %v, relays %v: ", row.asker, row.owner, row.relay)
			fetched, givs := pushed(t, row.asker, row.owner, row.relay)
			t.Want(at+"files fetched", fetched, harness.Exactly(row.fetched))
			t.Want(at+"GIVs", givs, harness.Exactly(row.givs))
		}
	})
}

// pushed has servent 0 fetch what servent 1 of eight has.
func pushed(t *harness.T, askerWalled, ownerWalled, relay bool) (fetched, givs float64) {
	const nodes, size = 8, 100_000
	var walled []int
	cast := p2p.Same(nodes, p2p.Role{Name: "open"})
	for i, behind := range []bool{askerWalled, ownerWalled} {
		if behind {
			cfg, err := p2p.With(gnutella.Protocol.Config, "firewalled=true", fmt.Sprintf("relay=%v", relay))
			if err != nil {
				t.Fatal(err)
			}
			cast[i] = p2p.Role{Name: "walled", Config: cfg}
			walled = append(walled, i)
		}
	}
	c := harness.New(t, gnutella.Protocol, nodes, harness.World("sim"), harness.Cast(cast), harness.Quiet(), harness.Config("patience=1s", fmt.Sprintf("relay=%v", relay)))
	defer closeNow(t, c)
	if len(walled) > 0 {
		c.Firewall(walled...)
	}
	c.Settle(gnutella.Connected)
	if out := c.Publish(1, "song", size); out.Err != nil {
		t.Fatal(out.Err)
	}
	sent := c.Measure(func() {
		if out := c.Fetch(0, "song"); out.Err == nil {
			fetched = 1
		} else if !errors.Is(out.Err, p2p.ErrRefused) {
			t.Errorf("gave up with %v, want %v", out.Err, p2p.ErrRefused)
		}
	})
	return fetched, float64(sent.Kind("giv").Sent)
}
