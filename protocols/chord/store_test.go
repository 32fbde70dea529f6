package chord_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/chord"
	"peerbed/protocols/p2p"
)

// A liar sends other bytes than it says: of its blob "junk".
type liar struct{ p2p.Node }

type lies struct{ p2p.Env }

func (l liar) Start(env p2p.Env) { l.Node.Start(lies{env}) }

func (l lies) Post(to p2p.Peer, m p2p.Msg) {
	if f := reflect.ValueOf(m).Elem().FieldByName("Data"); f.IsValid() {
		f.FieldByName("Blob").SetString("junk")
	}
	l.Env.Post(to, m)
}

// withLiar is the lecture's ring, in which the node of one id lies.
func withLiar(t *testing.T, id string, changes ...string) *world {
	t.Helper()
	w := &world{World: sim.New(sim.Config{Seed: 1, Strict: true}), t: t}
	for i, r := range chord.Lecture() {
		w.nodes = append(w.nodes, p2p.MakeAddr(sim.IP(i), r.Port(sim.IP(i))))
	}
	cfg, err := p2p.With(chord.Lecture()[0].Config, append(still, changes...)...)
	w.must(err)
	lying := *chord.Protocol
	lying.New = func(cfg any, s *p2p.State) p2p.Node { return liar{chord.Protocol.New(cfg, s)} }
	for i, s := range chord.Protocol.Ideal(cfg, w.nodes) {
		p := chord.Protocol
		if s.ID == id {
			p = &lying
		}
		w.must(w.Spawn(harness.Spec{Index: i, Addr: w.nodes[i], Protocol: p, Config: cfg, State: &s}))
	}
	return w
}

// What is fetched is held against the hash that was published. The copy
// helps; without one the user hears that what came was wrong.
func TestFetchFromLiar(t *testing.T) {
	for copies, want := range map[string]error{"copies=1": p2p.ErrCorrupt, "copies=2": nil} {
		w := withLiar(t, "45", copies)
		junk := p2p.Publish{Name: "junk", Size: 1 << 20, Seed: 66}
		w.must(w.do(w.at(45), junk).Err)
		w.must(w.do(w.at(112), p2p.Publish{Name: k42, Size: 1 << 20, Seed: 1}).Err)
		r := w.do(w.at(80), p2p.Fetch{Name: k42})
		if !errors.Is(r.Err, want) || (want == nil) != w.Holds(w.at(80), k42, 1<<20, 1) {
			t.Errorf("%s: %v, want %v; the file is here: %v", copies, r.Err, want, w.Holds(w.at(80), k42, 1<<20, 1))
		}
	}
}

// Nor does an owner keep what has another hash than announced.
func TestPublishByLiar(t *testing.T) {
	w := withLiar(t, "112")
	w.do(w.at(112), p2p.Publish{Name: "junk", Size: 5000, Seed: 66})
	r := w.do(w.at(112), p2p.Publish{Name: k42, Size: 5000, Seed: 1})
	if !errors.Is(r.Err, p2p.ErrCorrupt) {
		t.Errorf("error %v, want %v", r.Err, p2p.ErrCorrupt)
	}
	w.storedNowhere(k42)
}

func (w *world) storedNowhere(name string) {
	w.t.Helper()
	for _, s := range w.states() {
		for _, n := range s.Stored {
			if n == name {
				w.t.Errorf("%s is stored at %v", name, s.Self)
			}
		}
	}
	if r := w.do(w.nodes[0], p2p.Find{Name: name}); !errors.Is(r.Err, p2p.ErrNotFound) {
		w.t.Errorf("find %s: %v, want %v", name, r.Err, p2p.ErrNotFound)
	}
}

func TestTooLarge(t *testing.T) {
	w := lecture(t, append(still, "largest=1000")...)
	if r := w.do(w.at(80), p2p.Publish{Name: k42, Size: 1001, Seed: 1}); !errors.Is(r.Err, p2p.ErrRefused) {
		t.Errorf("1001 bytes where 1000 are taken: %v, want %v", r.Err, p2p.ErrRefused)
	}
	w.storedNowhere(k42)
	w.must(w.do(w.at(80), p2p.Publish{Name: k42, Size: 1000, Seed: 1}).Err)
}

// Sizes around the length of a piece. A newer file takes the place of the older.
func TestSizes(t *testing.T) {
	w := lecture(t, still...)
	for seed, size := range []int64{1, p2p.MaxContent - 1, p2p.MaxContent, p2p.MaxContent + 1, 5 * p2p.MaxContent} {
		w.must(w.do(w.at(112), p2p.Publish{Name: k42, Size: size, Seed: uint64(seed)}).Err)
		r := w.do(w.at(16), p2p.Fetch{Name: k42})
		if r.Err != nil || r.Blob.Len != size || !w.Holds(w.at(16), k42, size, uint64(seed)) {
			t.Errorf("%d bytes, the last to be published under this name: got %+v, %v", size, r.Blob, r.Err)
		}
	}
}

func TestPublishNothing(t *testing.T) {
	w := lecture(t, still...)
	if r := w.do(w.at(16), p2p.Publish{Name: "no such blob"}); !errors.Is(r.Err, p2p.ErrNotFound) {
		t.Errorf("publishing what is not on the disk: %v, want %v", r.Err, p2p.ErrNotFound)
	}
}

// A holder that dies in the middle of a transfer: the copy goes on.
func TestHolderDiesInTheMiddle(t *testing.T) {
	w := lecture(t, still...)
	const size = 400 << 20
	w.must(w.do(w.at(112), p2p.Publish{Name: k42, Size: size, Seed: 1}).Err)
	var got *harness.Outcome
	w.Do(w.at(16), p2p.Fetch{Name: k42}, func(o harness.Outcome) { got = &o })
	w.Run(150 * time.Millisecond)
	if got != nil {
		t.Fatalf("the transfer is over too early to be disturbed: %+v", got)
	}
	w.must(w.Crash(w.at(45)))
	if !w.RunUntil(func() bool { return got != nil }, 5*time.Minute) || got.Err != nil || got.Found[0] != w.at(80) || !w.Holds(w.at(16), k42, size, 1) {
		t.Errorf("got %+v, want the file from the copy at %v", got, w.at(80))
	}
}

// Two wishes for one file at once do not get in each other's way.
func TestFetchTwice(t *testing.T) {
	w := lecture(t, still...)
	const size = 10 << 20
	w.must(w.do(w.at(112), p2p.Publish{Name: k42, Size: size, Seed: 1}).Err)
	var got []harness.Outcome
	for range 2 {
		w.Do(w.at(16), p2p.Fetch{Name: k42}, func(o harness.Outcome) { got = append(got, o) })
		w.Run(55 * time.Millisecond)
	}
	w.RunUntil(func() bool { return len(got) == 2 }, time.Minute)
	for _, o := range got {
		if o.Err != nil {
			t.Error(o.Err)
		}
	}
	if len(got) != 2 || !w.Holds(w.at(16), k42, size, 1) {
		t.Errorf("%d of 2 fetches ended; the file is here: %v", len(got), w.Holds(w.at(16), k42, size, 1))
	}
}

// What was removed stays so while nodes crash, come back with the copies that
// they kept, and join: the notes of removals travel with the ring as objects do.
func TestRemovedStaysRemoved(t *testing.T) {
	for seed := range uint64(5) {
		w := joining(t, sim.Config{Seed: seed, Strict: true, Poison: true}, 12, "copies=3")
		w.closes(20 * time.Second)
		w.Run(5 * time.Second)
		for i := range 20 {
			w.must(w.do(w.nodes[i%12], p2p.Publish{Name: fmt.Sprint("song ", i), Size: 1000, Seed: 1}).Err)
		}
		away := w.nodes[:4] // never three in a row on the ring hold all notes
		for _, a := range away {
			w.must(w.Crash(a))
			w.Run(5 * time.Second)
		}
		for i := range 10 {
			w.must(w.do(w.nodes[5], p2p.Remove{Name: fmt.Sprint("song ", i)}).Err)
		}
		for _, a := range away {
			w.must(w.Restart(a))
			w.Run(10 * time.Second)
		}
		w.closes(20 * time.Second)
		w.Run(10 * time.Second)
		for i := range 20 {
			name := fmt.Sprint("song ", i)
			r := w.do(w.nodes[6], p2p.Find{Name: name})
			if removed := i < 10; removed != errors.Is(r.Err, p2p.ErrNotFound) || !removed && r.Err != nil {
				t.Errorf("seed %d: %s, removed %v: found at %v, %v", seed, name, removed, r.Found, r.Err)
			}
		}
		for i := range 10 { // removing what is not there any more
			if r := w.do(w.nodes[7], p2p.Remove{Name: fmt.Sprint("song ", i)}); !errors.Is(r.Err, p2p.ErrNotFound) {
				t.Errorf("seed %d: song %d was removed, and removed again: %v", seed, i, r.Err)
			}
		}
	}
}

// Copies that need not lie where they are any more, because others have come, are
// dropped once those have the object that should.
func TestStrayCopiesGo(t *testing.T) {
	for seed := range uint64(3) {
		w := joining(t, sim.Config{Seed: seed, Strict: true, Poison: true}, 12, "copies=2")
		w.closes(20 * time.Second)
		for _, a := range w.nodes[:6] {
			w.must(w.Crash(a))
		}
		w.closes(20 * time.Second)
		for i := range 20 {
			w.must(w.do(w.nodes[6+i%6], p2p.Publish{Name: fmt.Sprint("song ", i), Size: 1000, Seed: 1}).Err)
		}
		for _, a := range w.nodes[:6] {
			w.must(w.Restart(a))
		}
		w.closes(20 * time.Second)
		w.Run(5 * time.Minute)
		copies := map[string]int{}
		for _, s := range w.states() {
			for _, name := range s.Stored {
				copies[name]++
			}
		}
		for i := range 20 {
			if name := fmt.Sprint("song ", i); copies[name] != 2 {
				t.Errorf("seed %d: %d copies of %s are left, want 2", seed, copies[name], name)
			}
		}
		w.must(chord.KeysAtOwners(w.states()))
	}
}

// A note of a removal outlives a crash of all who have it: who was away meanwhile, and
// kept the object, does not bring it back.
func TestNotesOutliveCrashes(t *testing.T) {
	w := joining(t, sim.Config{Seed: 3, Strict: true, Poison: true}, 6, "copies=2")
	w.closes(20 * time.Second)
	w.must(w.do(w.nodes[0], p2p.Publish{Name: "song", Size: 1000, Seed: 1}).Err)
	var holders []p2p.Addr
	for _, s := range w.states() {
		if slices.Contains(s.Stored, "song") {
			holders = append(holders, s.Self)
		}
	}
	if len(holders) != 2 {
		t.Fatalf("%v hold it, want two", holders)
	}
	owner := w.do(w.nodes[0], p2p.Find{Name: "song"}).Found[0]
	copied := holders[0]
	if copied == owner {
		copied = holders[1]
	}
	w.must(w.Crash(copied))
	w.closes(20 * time.Second)
	w.must(w.do(owner, p2p.Remove{Name: "song"}).Err)
	for _, a := range w.nodes {
		if a != copied {
			w.must(w.Crash(a))
		}
	}
	for _, a := range w.nodes {
		w.must(w.Restart(a))
	}
	w.closes(20 * time.Second)
	w.Run(time.Minute)
	if r := w.do(copied, p2p.Find{Name: "song"}); !errors.Is(r.Err, p2p.ErrNotFound) {
		t.Errorf("what was removed is at %v again, %v", r.Found, r.Err)
	}
}

// Pointers, and what they lead to, outlive crashes of all nodes.
func TestPointersOutliveCrashes(t *testing.T) {
	w := joining(t, sim.Config{Seed: 4, Strict: true, Poison: true}, 6, "store=pointers", "copies=2")
	w.closes(20 * time.Second)
	w.must(w.do(w.nodes[0], p2p.Publish{Name: "song", Size: 1000, Seed: 1}).Err)
	for _, a := range w.nodes {
		w.must(w.Crash(a))
	}
	for _, a := range w.nodes {
		w.must(w.Restart(a))
	}
	w.closes(20 * time.Second)
	if r := w.do(w.nodes[3], p2p.Fetch{Name: "song"}); r.Err != nil || !w.Holds(w.nodes[3], "song", 1000, 1) {
		t.Errorf("fetched %v from %v, %v", r.Blob, r.Found, r.Err)
	}
}
