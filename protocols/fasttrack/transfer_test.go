package fasttrack_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"peerbed/harness/fault"
	"peerbed/protocols/p2p"
)

// "Push for firewalled ones": a file comes from a child that nobody can dial,
// through its supernode, on the same and on another. Neither side can be dialled:
// it is given up.
func TestPush(t *testing.T) {
	const open, walled = "firewalled=false", "firewalled=true"
	for _, c := range []struct {
		name, asker, owner string
		works              bool
		gives              uint64
	}{
		{"open from open", open, open, true, 0},
		{"open from firewalled", open, walled, true, 1},
		{"firewalled from open", walled, open, true, 0},
		{"firewalled from firewalled", walled, walled, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(4) { // so that they have one supernode, or two
				rest := []string{"role=supernode"}
				w := mixed(t, seed, rest, rest, rest, []string{"role=ordinary", c.asker}, []string{"role=ordinary", c.owner})
				asker, owner := w.nodes[3], w.nodes[4]
				var walls []p2p.Addr
				for i, side := range []string{c.asker, c.owner} {
					if side == walled {
						walls = append(walls, w.nodes[3+i])
					}
				}
				if err := w.Apply(fault.Net{Walls: walls}); err != nil {
					t.Fatal(err)
				}
				const size = 3 << 20
				w.must(owner, p2p.Publish{Name: "song", Size: size, Seed: 7})
				out := w.do(asker, p2p.Fetch{Name: "song"})
				if c.works && (out.Err != nil || !w.Holds(asker, "song", size, 7) || !slices.Equal(out.Found, []p2p.Addr{owner})) {
					t.Errorf("seed %d: %+v", seed, out)
				}
				if !c.works && !errors.Is(out.Err, p2p.ErrRefused) {
					t.Errorf("seed %d: %+v, want it given up", seed, out)
				}
				if g := w.sent("give"); g != c.gives {
					t.Errorf("seed %d: %d gives, want %d", seed, g, c.gives)
				}
			}
		})
	}
}

// Who does not say that it is behind a firewall is found out, and asked by Push.
func TestPushAfterDialFailed(t *testing.T) {
	w := mixed(t, 1, []string{"role=supernode"}, []string{"role=ordinary"}, []string{"role=ordinary"})
	if err := w.Apply(fault.Net{Walls: w.nodes[2:3]}); err != nil {
		t.Fatal(err)
	}
	w.must(w.nodes[2], p2p.Publish{Name: "song", Size: 1000, Seed: 7})
	w.must(w.nodes[1], p2p.Fetch{Name: "song"})
	if g := w.sent("give"); g != 1 {
		t.Errorf("%d gives, want 1", g)
	}
}

// "Several sources at once": each of four gives a part, and one that dies costs
// nothing but time.
func TestSeveralSources(t *testing.T) {
	const size = 8 << 20
	for _, crash := range []bool{false, true} {
		w := join(t, 10, 3)
		for _, a := range w.nodes[:4] {
			w.must(a, p2p.Publish{Name: "song", Size: size, Seed: 7})
		}
		w.Run(time.Minute)
		before := make([]uint64, 4)
		for i, a := range w.nodes[:4] {
			before[i] = w.bodies(a)
		}
		asker := w.nodes[8]
		done := false
		w.Do(asker, p2p.Fetch{Name: "song"}, func(o outcome) {
			if done = true; o.Err != nil {
				t.Errorf("crash %v: %v", crash, o.Err)
			}
		})
		w.RunUntil(func() bool { return crash && w.bodies(w.nodes[1]) > before[1] }, 10*time.Second)
		if crash {
			if err := w.Crash(w.nodes[1]); err != nil {
				t.Fatal(err)
			}
		}
		if !w.RunUntil(func() bool { return done }, time.Minute) || !w.Holds(asker, "song", size, 7) {
			t.Fatalf("crash %v: the file is not there", crash)
		}
		for i, a := range w.nodes[:4] {
			if gave := w.bodies(a) - before[i]; gave == 0 || gave == size {
				t.Errorf("crash %v: source %d gave %d of %d bytes", crash, i, gave, size)
			}
		}
	}
}

// bodies is how many bytes of files a node has sent.
func (w *world) bodies(a p2p.Addr) uint64 {
	for _, tr := range w.Traffic(a) {
		if tr.Kind == "body" {
			return tr.SentBytes
		}
	}
	return 0
}

// A busy source says so, and is asked again; the file comes in the end.
func TestBusy(t *testing.T) {
	w := join(t, 6, 3, "uploads=1", "part=1073741824")
	const size = 2 << 20
	w.must(w.nodes[0], p2p.Publish{Name: "song", Size: size, Seed: 7})
	left := 3
	for _, a := range w.nodes[1:4] {
		w.Do(a, p2p.Fetch{Name: "song"}, func(o outcome) {
			if left--; o.Err != nil {
				t.Errorf("%v: %v", a, o.Err)
			}
		})
	}
	if !w.RunUntil(func() bool { return left == 0 }, time.Minute) {
		t.Errorf("%d fetches do not end", left)
	}
}

// A file of no bytes is a file.
func TestEmptyFile(t *testing.T) {
	d := newDesk(t, "role=supernode")
	d.Files["empty"] = nil
	if r := d.Do(p2p.Publish{Name: "empty"}); !r.Done || r.Err != nil {
		t.Fatalf("%+v", r)
	}
	s := d.Call("100.64.0.2:40000", "GET /.hash=d41d8cd98f00b204e9800998ecf8427effffffff HTTP/1.0\r\nRange: bytes=0-\r\n\r\n")
	s.Hears("HTTP/1.1 200 OK\r\nServer: peerbed/1\r\nContent-Length: 0\r\nX-Kazaa-Username: " + selfUser + "\r\nConnection: close\r\n\r\n")
}

// With Reshare a fetched file is found at both.
func TestReshare(t *testing.T) {
	w := join(t, 6, 2, "reshare=true")
	w.must(w.nodes[0], p2p.Publish{Name: "song", Size: 10})
	w.must(w.nodes[1], p2p.Fetch{Name: "song"})
	if out := w.must(w.nodes[2], p2p.Find{Name: "song"}); len(out.Found) != 2 {
		t.Errorf("found at %v", out.Found)
	}
}
