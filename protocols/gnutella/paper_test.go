package gnutella_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"peerbed/protocols/gnutella"
	"peerbed/protocols/p2p"
)

// edges counts the links of an overlay.
func edges(states []p2p.State) (n int) {
	for _, s := range states {
		n += len(s.Neighbours)
	}
	return n / 2
}

// GN3: a full flood sends 2E-N+1 Query messages, whatever the delays: the
// asker sends over all its links, every other node over all but one. GN4: of
// these 2E-2N+2 are duplicates, which are dropped: each node has it once.
func TestGN3FloodCost(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := join(t, 30, seed, "ttl=255")
			w.Run(10 * time.Second)
			before, known := edges(w.states()), w.sent("query")
			w.do(w.nodes[seed], p2p.Find{Name: "nothing"})
			e, n := edges(w.states()), len(w.nodes)
			if e != before {
				t.Fatalf("%d links became %d while the flood ran", before, e)
			}
			if got := w.sent("query") - known; got != uint64(2*e-n+1) {
				t.Errorf("%d queries over %d links among %d nodes; want %d", got, e, n, 2*e-n+1)
			}
			var heard uint64
			for _, a := range w.nodes {
				heard += w.received(a, "query")
			}
			if dropped := heard - uint64(n-1); dropped != uint64(2*e-2*n+2) {
				t.Errorf("%d duplicates over %d links among %d nodes; want %d", dropped, e, n, 2*e-2*n+2)
			}
			var saw int
			for _, s := range w.states() {
				saw += len(s.Detail.(gnutella.Detail).Seen)
			}
			if saw != n {
				t.Errorf("%d nodes took it as new; want each of %d once", saw, n)
			}
		})
	}
}

// line is the overlay 0-1-2-...-n.
func line(n int) [][]int {
	rows := make([][]int, n)
	for i := range rows {
		if i > 0 {
			rows[i] = append(rows[i], i-1)
		}
		if i < n-1 {
			rows[i] = append(rows[i], i+1)
		}
	}
	return rows
}

// GN3: "TTL-limited". With a TTL of 4 a query gets to the fourth node and no
// farther.
func TestGN3TTL(t *testing.T) {
	w := given(t, 1, line(7), "ttl=4")
	w.must(w.nodes[4], p2p.Publish{Name: "near", Size: 1})
	w.must(w.nodes[5], p2p.Publish{Name: "far", Size: 1})
	if out := w.must(w.nodes[0], p2p.Find{Name: "near"}); out.Hops != 4 {
		t.Errorf("%d hops to the fourth node", out.Hops)
	}
	if out := w.do(w.nodes[0], p2p.Find{Name: "far"}); !errors.Is(out.Err, p2p.ErrNotFound) {
		t.Errorf("the fifth node answered: %+v", out)
	}
	if got, want := w.sent("query"), uint64(8); got != want {
		t.Errorf("%d queries; want %d, four each", got, want)
	}
}

// GN5: "QueryHit only on the reverse path": if a node on it crashes meanwhile
// the hit is lost, though another way is there.
func TestGN5HitIsLost(t *testing.T) {
	ring := [][]int{{1, 3}, {0, 2}, {1, 4}, {0, 5}, {2, 5}, {3, 4}} // 0-1-2-4 is shorter than 0-3-5-4
	w := given(t, 1, ring, "patience=2s")
	w.must(w.nodes[4], p2p.Publish{Name: "song", Size: 1})
	if out := w.must(w.nodes[0], p2p.Find{Name: "song"}); out.Hops != 3 {
		t.Fatalf("%d hops; want 3", out.Hops)
	}
	hits := w.sent("query_hit")
	var lost, over bool
	w.Do(w.nodes[0], p2p.Find{Name: "song"}, func(o outcome) { lost, over = errors.Is(o.Err, p2p.ErrNotFound), true })
	w.RunUntil(func() bool { return w.sent("query_hit") > hits }, time.Second)
	way := gnutella.Protocol.Trail(p2p.Result{ID: w.lastQuery(), Found: w.nodes[4:5]}, w.states())
	if err := w.Crash(way[len(way)-2].Addr); err != nil { // whom the hit is on its way to
		t.Fatal(err)
	}
	w.RunUntil(func() bool { return over }, time.Minute)
	if !lost {
		t.Errorf("the hit arrived, though %v of its way %v crashed", way[len(way)-2].Addr, way)
	}
	w.Run(time.Second)
	if out := w.must(w.nodes[0], p2p.Find{Name: "song"}); out.Hops != 3 {
		t.Errorf("the next query takes %d hops; want 3, the other way round", out.Hops)
	}
}

// lastQuery is the id of the query that node 0 asked last.
func (w *world) lastQuery() string {
	seen := w.states()[0].Detail.(gnutella.Detail).Seen
	return seen[len(seen)-1].ID.String()
}

// GN6: "resume from Range gives identical file".
func TestGN6Resume(t *testing.T) {
	w := given(t, 1, [][]int{{1, 2}, {0, 2}, {0, 1}})
	const size = 40 << 20
	for _, a := range w.nodes[1:] {
		w.must(a, p2p.Publish{Name: "film", Size: size, Seed: 9})
	}
	var got *outcome
	w.Do(w.nodes[0], p2p.Fetch{Name: "film"}, func(o outcome) { got = &o })
	w.RunUntil(func() bool { return w.received(w.nodes[0], "body") > 20 }, time.Minute)
	served := w.nodes[1]
	if w.received(w.nodes[2], "get") > 0 {
		served = w.nodes[2]
	}
	if err := w.Crash(served); err != nil || got != nil {
		t.Fatalf("the crash comes too late: %v, %+v", err, got)
	}
	w.RunUntil(func() bool { return got != nil }, time.Minute)
	if got == nil || got.Err != nil || !w.Holds(w.nodes[0], "film", size, 9) {
		t.Fatalf("ended with %+v; want the file that was published", got)
	}
	if n := w.received(w.nodes[0], "body"); n > size/p2p.MaxContent+20 {
		t.Errorf("%d pieces came; a download that resumes takes few more than %d", n, size/p2p.MaxContent)
	}
}

// GN8: "Pings periodic, flooded; Pongs reverse-routed; neighbour lists stay
// fresh": a minute after a quarter has crashed, none of the dead is listed as
// heard of; with pings too rare for that they still are.
func TestGN8HostsStayFresh(t *testing.T) {
	for _, c := range []struct {
		ping  string
		fresh bool
	}{{"5s", true}, {"10m", false}} {
		t.Run(c.ping, func(t *testing.T) {
			w := join(t, 24, 3, "ping="+c.ping)
			w.Run(30 * time.Second)
			dead := w.nodes[:6]
			for _, a := range dead {
				if err := w.Crash(a); err != nil {
					t.Fatal(err)
				}
			}
			w.Run(time.Minute)
			stale := 0
			for _, s := range w.states() {
				for _, a := range s.Detail.(gnutella.Detail).Hosts {
					if slices.Contains(dead, a) {
						stale++
					}
				}
			}
			if (stale == 0) != c.fresh {
				t.Errorf("%d dead hosts are listed", stale)
			}
			if err := gnutella.Connected(w.states()); err != nil {
				t.Error(err)
			}
		})
	}
}
