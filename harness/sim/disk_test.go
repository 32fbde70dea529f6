package sim_test

import (
	"crypto/sha1"
	"errors"
	"hash"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/harness/sim"
	"peerbed/protocols/p2p"
)

var undisturbed fault.Net

func cut(i, j int) fault.Net {
	return fault.Net{Cuts: fault.Split([]p2p.Addr{sim.Addr(i)}, []p2p.Addr{sim.Addr(j)})}
}

func newSHA1() hash.Hash { return sha1.New() }

// pieces are the parts of a blob of n bytes that are sent one by one.
func pieces(n, each int64) []p2p.Content {
	var all []p2p.Content
	for off := int64(0); off < n; off += each {
		all = append(all, p2p.Content{Blob: "song", Off: off, Len: int(min(each, n-off))})
	}
	return all
}

// carry sends the pieces from node 0 to node 1, which writes each where it
// came from, and returns what node 1's copy sums to.
func carry(s *theatre, name string, parts []p2p.Content) string {
	there, _ := s.dial(0, 1)
	k := 0
	s.puppets[1].on = func(_ p2p.Peer, m p2p.Msg) {
		if b, ok := m.(*bulk); ok {
			s.puppets[1].env.Disk().Write(name, parts[k].Off, b.Data, s.puppets[1])
			k++
		}
	}
	s.let(0, func(p *puppet) {
		for _, c := range parts {
			p2p.Send(p.env, there, bulk{c})
		}
	})
	s.Run(time.Minute)
	return sum(s, 1, name, 0, 1_000_000)
}

func sum(s *theatre, i int, name string, off, n int64) string {
	s.let(i, func(p *puppet) { p.env.Disk().Sum(name, off, n, newSHA1, p) })
	s.Run(time.Second)
	heard := s.puppets[i].heard
	s.puppets[i].heard = nil
	return heard[len(heard)-1]
}

func stage(t *testing.T) *theatre {
	s := strict(t, 2)
	s.Do(sim.Addr(0), p2p.Publish{Name: "song", Size: 1_000_000, Seed: 3}, nil)
	s.Run(0)
	return s
}

// The same content sums equal, by whatever pieces and in whatever order it
// came; what lacks a piece, or has one in the wrong place, does not.
func TestSum(t *testing.T) {
	s := stage(t)
	want := sum(s, 0, "song", 0, 1_000_000)
	if got := carry(s, "inOrder", pieces(1_000_000, 100_000)); got != want {
		t.Errorf("in order: %s, want %s", got, want)
	}
	if !s.Holds(sim.Addr(1), "inOrder", 1_000_000, 3) {
		t.Error("Holds does not know the song again")
	}
	shuffled := pieces(1_000_000, 7777)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	shuffled = append(shuffled, shuffled[:5]...) // some twice
	if got := carry(s, "shuffled", shuffled); got != want {
		t.Errorf("shuffled: %s, want %s", got, want)
	}
	if got := carry(s, "hole", slices.Delete(pieces(1_000_000, 100_000), 3, 4)); got == want {
		t.Error("a blob with a hole has the sum of the whole")
	}
	s.Do(sim.Addr(0), p2p.Publish{Name: "song", Size: 1_000_000, Seed: 4}, nil)
	if got := carry(s, "other", pieces(1_000_000, 100_000)); got == want {
		t.Error("a blob of another seed has the same sum")
	}
	if got := carry(s, "inOrder", pieces(1_000_000, 100_000)[5:]); got == want {
		t.Error("a blob of two halves of different songs has the sum of one of them")
	}
}

// A Content may stand for several spans, and is still itself on the other disk.
func TestMixedContent(t *testing.T) {
	s := stage(t)
	carry(s, "mixed", []p2p.Content{{Blob: "song", Off: 0, Len: 10}, {Blob: "song", Off: 15, Len: 10}})
	want := sum(s, 1, "mixed", 0, 25)
	back := s.puppets[1].inward
	s.puppets[0].on = func(_ p2p.Peer, m p2p.Msg) {
		if b, ok := m.(*bulk); ok {
			s.puppets[0].env.Disk().Write("back", 0, b.Data, s.puppets[0])
		}
	}
	s.let(1, func(p *puppet) { p2p.Send(p.env, back, bulk{p2p.Content{Blob: "mixed", Len: 25}}) })
	s.Run(time.Second)
	if got := sum(s, 0, "back", 0, 25); got != want {
		t.Errorf("what came back sums to %s, want %s", got, want)
	}
	// A part of it is the same as that part of the song, wherever it lies.
	if part, want := sum(s, 0, "back", 15, 10), sum(s, 0, "song", 15, 10); part != want {
		t.Errorf("a part sums to %s, want %s", part, want)
	}
}

func TestDisk(t *testing.T) {
	s := stage(t)
	s.let(0, func(p *puppet) {
		d := p.env.Disk()
		d.Write("../etc", 0, p2p.Content{Len: 1}, p)
		d.Write("gap", 5, p2p.Content{Len: 5}, p)
		d.Sum("gap", 0, 10, newSHA1, p) // after the Write
		d.Sum("gap", 0, 11, newSHA1, p)
		d.Sum("nosuch", 0, 1, newSHA1, p)
		d.Remove("nosuch")
		d.Save("b", []byte{1})
		d.Save("b", nil)
		if d.Load("b") != nil && len(d.Load("b")) > 0 || d.Load("nosuch") != nil {
			t.Error("Load finds what is not there")
		}
	})
	s.Run(time.Second)
	p := s.puppets[0]
	if len(p.heard) != 5 || p.heard[0] != `written 1 disk failed: "../etc" is not a plain file name` || p.heard[1] != "written 5 <nil>" {
		t.Fatalf("heard %q", p.heard)
	}
	if p.heard[3] != `summed  disk failed: 11 bytes from 0 of "gap", which has 10` || p.heard[4] != `summed  disk failed: no blob "nosuch"` {
		t.Errorf("heard %q", p.heard)
	}
	s.let(0, func(p *puppet) {
		want := []p2p.Blob{{Name: "gap", Len: 10}, {Name: "song", Len: 1_000_000}}
		if got := p.env.Disk().Blobs(); !slices.Equal(got, want) {
			t.Errorf("Blobs: %v, want %v", got, want)
		}
		p.env.Disk().Remove("gap")
		if got := p.env.Disk().Blobs(); !slices.Equal(got, want[1:]) {
			t.Errorf("Blobs after Remove: %v", got)
		}
	})
	var err error
	s.Do(sim.Addr(0), p2p.Publish{Name: "a/b", Size: 1}, func(o harness.Outcome) { err = o.Err })
	s.Run(0)
	if !errors.Is(err, p2p.ErrDisk) {
		t.Errorf("Publish of a name with a separator: %v, want %v", err, p2p.ErrDisk)
	}
}
