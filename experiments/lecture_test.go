package experiments

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"peerbed/harness"
	"peerbed/harness/record"
	"peerbed/protocols/chord"
	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// lectureBits is the m of the lecture's circle: 2^7 points.
const lectureBits ring.Bits = 7

// TestChordC2C3Lecture builds the ring that the lecture draws, of nodes that join
// as any others do, and looks at what the lecture says of it (claims C2 and
// C3): the fingers of N80 (and of N16, which the way leads through), and the way of
// a lookup of K42 from there.
func TestChordC2C3Lecture(t *testing.T) {
	t.Parallel() // most of it is waiting
	harness.Repeat(t, 1, lecture)
}

func lecture(t *harness.T) {
	c := start(t, chord.Protocol, 0, harness.Cast(chord.Lecture()),
		harness.Config("stabilize=200ms", "fix-fingers=100ms"))
	c.Settle(func(states []p2p.State) error {
		if err := chord.Closed(states); err != nil {
			return err
		}
		return cmp.Or(tablesAre(states, 80, []ring.ID{96, 96, 96, 96, 96, 112, 16}), tablesAre(states, 16, []ring.ID{32, 32, 32, 32, 32, 80, 80}))
	})

	k42 := lectureBits.Name("song", 42)
	if out := c.Publish(lectureNode(t, c, 112), k42, 4096); out.Err != nil {
		t.Fatalf("N112 could not publish %s: %v", k42, out.Err)
	}
	out := c.Find(lectureNode(t, c, 80), k42)
	way, by := lectureWay(out.Path)
	if want := []ring.ID{80, 16, 32, 45}; out.Err != nil || !slices.Equal(way, want) {
		t.Errorf("K42 from N80 goes %v (%v), want %v", way, out.Err, want)
	}
	if want := []string{"", "finger 6", "finger 4", "successor"}; !slices.Equal(by, want) {
		t.Errorf("the hops were chosen by %q, want %q", by, want)
	}
	fetched := c.Fetch(lectureNode(t, c, 80), k42)
	if fetched.Err != nil || fetched.Blob != (p2p.Blob{Name: k42, Len: 4096}) {
		t.Errorf("N80 fetched %v, %v; want 4096 bytes of %s", fetched.Blob, fetched.Err, k42)
	}

	savePage(t, &record.Page{
		Title: "The lecture's ring", Lead: "K42 from N80 goes 80, 16, 32, 45.",
		Facts: facts(c),
		Parts: []record.Part{{Title: "chord", Overlay: record.Overlay{
			Angle: chord.Protocol.Angle, Links: drawn[chord.Protocol],
			Label: func(s p2p.State) string { return "N" + s.ID },
			Pictures: []record.Picture{{Caption: "A lookup", Nodes: c.States(), Route: out.Path, Holders: out.Found,
				Keys: []record.Key{{Label: "K42", Angle: 42.0 / 128}}, Outcome: outcome(k42, out)}},
		}}},
	})
}

// tablesAre compares the finger table of the node with that id.
func tablesAre(states []p2p.State, id ring.ID, want []ring.ID) error {
	for _, s := range states {
		if lectureBits.Addr(s.Self) != id {
			continue
		}
		var got []ring.ID
		for _, a := range s.Detail.(chord.Detail).Table(s.Self) {
			got = append(got, lectureBits.Addr(a))
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("ft[%d] = %v, want %v", id, got, want)
		}
		return nil
	}
	return fmt.Errorf("there is no N%d", id)
}

// lectureNode returns the number of the node with that id.
func lectureNode(t testing.TB, c *harness.Cluster, id ring.ID) int {
	t.Helper()
	for i, a := range c.Addrs() {
		if lectureBits.Addr(a) == id {
			return i
		}
	}
	t.Fatalf("there is no N%d", id)
	return -1
}

// lectureWay splits a path into ids and the table rows that chose them.
func lectureWay(path []p2p.Hop) (way []ring.ID, by []string) {
	for _, h := range path {
		way, by = append(way, lectureBits.Addr(h.Addr)), append(by, h.By)
	}
	return way, by
}

// facts are what every page of an experiment says.
func facts(c *harness.Cluster) []record.Fact {
	return []record.Fact{
		{Name: "world", Value: c.About().World + ": " + c.About().Detail},
		{Name: "cuts by", Value: c.About().Cuts},
		{Name: "nodes", Value: fmt.Sprint(c.Size())},
		{Name: "seed", Value: fmt.Sprint(c.Seed())},
	}
}
