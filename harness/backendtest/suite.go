package backendtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/protocols/chord"
	"peerbed/protocols/gnutella"
	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// Run holds the world that open opens to the promises of harness.Backend. Its
// parts run side by side, as far as -parallel lets them: most of each is waiting.
func Run(t *testing.T, open harness.Opener) {
	for _, part := range []struct {
		name string
		test func(*testing.T, harness.Opener)
	}{{"datagrams", datagrams}, {"streams", streams}, {"silence", silence}, {"disturbances", disturbances}} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			part.test(t, open)
		})
	}
}

// datagrams sees cuts in the counters of pairs of Chord nodes.
func datagrams(t *testing.T, open harness.Opener) {
	b := newBed(t, open, 12)
	b.in(t, "ready", (*bed).ready)
	b.in(t, "time", (*bed).time)
	b.in(t, "counters", (*bed).counters)
	b.in(t, "cut both ways", func(b *bed) {
		i, j := b.pair()
		b.hears(i, j, false, false, fault.Split(b.at(i), b.at(j))...)
	})
	b.in(t, "cut one way", func(b *bed) {
		i, j := b.pair()
		b.hears(i, j, true, false, fault.Cut{From: b.at(i), To: b.at(j)})
	})
	b.in(t, "the cut holds for those who come later", (*bed).lateIntoCut)
	b.in(t, "close", (*bed).close)
}

// streams sees crashes and cuts in the links and floods of Gnutella nodes.
func streams(t *testing.T, open harness.Opener) {
	b := newBed(t, open, 6)
	b.network(gnutella.Protocol, 4, "patience=2s", "window=0s", "ping=1s")
	b.in(t, "publish and find", (*bed).publishAndFind)
	b.in(t, "fetch", (*bed).fetch)
	b.in(t, "blobs from outside", (*bed).blobs)
	b.in(t, "probes", (*bed).probes)
	b.in(t, "a cut stalls", (*bed).stalls)
	b.in(t, "crash", (*bed).crash)
	b.in(t, "restart", (*bed).comeBack)
	b.in(t, "late join", (*bed).lateJoin)
	b.in(t, "leave", (*bed).leave)
}

// silence sees one of Gnutella's nodes vanish.
func silence(t *testing.T, open harness.Opener) {
	b := newBed(t, open, 5)
	b.network(gnutella.Protocol, 4, "patience=2s", "window=0s", "ping=1s")
	b.in(t, "meet", func(b *bed) {
		b.publish()
		b.within(most, func() error { return b.found(1, 2) })
	})
	b.in(t, "vanish", (*bed).vanish)
}

// pair starts two Chord nodes on opposite sides of the circle and waits until
// they are a ring. They are patient, so that no cut here lasts long enough for
// one to take the other for dead, and store one copy, so that a lookup asks the
// owner alone.
func (b *bed) pair() (i, j int) {
	b.t.Helper()
	const bits = ring.Bits(7)
	b.network(chord.Protocol, 0)
	for _, id := range []ring.ID{0, 64} {
		s := b.spec(chord.Protocol, "m=7", "patience=10s", "copies=1")
		port, ok := bits.Port(s.Addr.IP(), id)
		if !ok {
			b.t.Fatalf("no port gives a node at %v the id %v", s.Addr, id)
		}
		s.Addr = p2p.MakeAddr(s.Addr.IP(), port)
		i, j = j, b.add(s)
	}
	b.within(most, func() error { return chord.Closed([]p2p.State{b.state(i), b.state(j)}) })
	return i, j
}

// "Spawn returns when [the node] is ready for Do"
func (b *bed) ready() {
	b.network(chord.Protocol, 1)
	for i, a := range b.addrs {
		if got := b.state(i).Self; got != a {
			b.t.Errorf("node %d says that it is at %v, want %v", i, got, a)
		}
	}
	b.refused("a second node at the same address", func(ctx context.Context) error { return b.Spawn(ctx, b.specs[1]) })
	b.refused("the state of a node that never was", func(ctx context.Context) error {
		_, err := b.Inspect(ctx, p2p.MakeAddr(b.IP(len(b.addrs)), 7000))
		return err
	})
	if b.IP(0) == b.IP(1) || b.addrs[1].IP() != b.IP(1) {
		b.t.Errorf("node 1 is at %v: want an IP of its own, the one of IP(1)", b.addrs[1])
	}
	if a := b.About(); a.World == "" || a.Detail == "" || a.Cuts == "" {
		b.t.Errorf("About %+v: want words in every place", a)
	}
}

// "Advance lets the world run until d has passed or until is true"
func (b *bed) time() {
	began := b.Now()
	b.advance(150*time.Millisecond, nil)
	if passed := b.Now() - began; passed < 150*time.Millisecond || passed > 5*time.Second {
		b.t.Errorf("an advance of 150 ms took %v", passed)
	}
	began = b.Now()
	b.advance(time.Hour, func() bool { return b.Now()-began > 50*time.Millisecond })
	if passed := b.Now() - began; passed > 10*time.Second {
		b.t.Errorf("the condition held after 50 ms, but %v passed", passed)
	}
	ctx, stop := context.WithCancel(b.t.Context())
	stop()
	if err := b.Advance(ctx, time.Hour, nil); !errors.Is(err, context.Canceled) {
		b.t.Errorf("with a context that has ended, Advance says %v", err)
	}
}

func (b *bed) counters() {
	i, j := b.pair()
	all, err := b.Counters(b.t.Context())
	if err != nil || len(all) != len(b.addrs) {
		b.t.Fatalf("Counters of %d nodes, error %v; want those of %d", len(all), err, len(b.addrs))
	}
	for _, n := range []int{i, j} {
		sent, received := b.counted(n, "get_neighbours")
		if sent == 0 || received == 0 {
			b.t.Errorf("node %d counted %d questions sent and %d received in a ring that closed", n, sent, received)
		}
	}
}

// hears cuts the network of a pair and tells which of them heard the other;
// then it heals the network, and both must.
func (b *bed) hears(i, j int, first, second bool, cuts ...fault.Cut) {
	b.t.Helper()
	atI, atJ := b.owned(i, j)
	b.cut(cuts...)
	b.talk(i, j, atI, atJ, first, second)
	b.cut()
	b.talk(i, j, atI, atJ, true, true)
}

// owned returns a name whose owner is i and one whose owner is j.
func (b *bed) owned(i, j int) (atI, atJ string) {
	b.t.Helper()
	for n := 0; atI == "" || atJ == ""; n++ {
		if n == 100 {
			b.t.Fatalf("of 100 names, one node of the ring owns all")
		}
		name := fmt.Sprint("name ", n)
		switch path := b.do(i, p2p.Find{Name: name}).Path; path[len(path)-1].Addr {
		case b.addrs[i]:
			atI = name
		case b.addrs[j]:
			atJ = name
		}
	}
	return atI, atJ
}

// question is what a Chord node asks the owner of a name.
const question = "has"

// talk has each of a pair ask for what the other owns, and demands that they
// hear each other, or do not, as told.
func (b *bed) talk(i, j int, atI, atJ string, first, second bool) {
	b.t.Helper()
	b.advance(200*time.Millisecond, nil) // what was under way may still arrive
	sentI, heardI := b.counted(i, question)
	sentJ, heardJ := b.counted(j, question)
	heard := func() (bool, bool) {
		_, hI := b.counted(i, question)
		_, hJ := b.counted(j, question)
		return hI > heardI, hJ > heardJ
	}
	b.within(3*time.Second, func() error {
		b.begin(i, p2p.Find{Name: atJ})
		b.begin(j, p2p.Find{Name: atI})
		sI, _ := b.counted(i, question)
		sJ, _ := b.counted(j, question)
		hI, hJ := heard()
		if sI == sentI || sJ == sentJ || first && !hI || second && !hJ {
			return fmt.Errorf("the nodes asked %d and %d times and were heard: %v, %v; want %v, %v", sI-sentI, sJ-sentJ, hJ, hI, second, first)
		}
		return nil
	})
	b.advance(200*time.Millisecond, nil)
	if hI, hJ := heard(); hI != first || hJ != second {
		b.t.Errorf("the nodes heard each other: %v, %v; want %v, %v", hI, hJ, first, second)
	}
}

// "Apply makes the network as wanted [...] for nodes that start later too."
func (b *bed) lateIntoCut() {
	late := p2p.MakeAddr(b.IP(len(b.addrs)), 7000)
	b.cut(fault.Split([]p2p.Addr{late}, b.addrs)...)
	i := b.spawn(chord.Protocol)
	joined := func() bool { return len(b.state(i).Neighbours) > 0 }
	b.advance(2*time.Second, nil)
	if joined() {
		b.t.Errorf("a node that was cut off from its start has the neighbours %v", b.state(i).Neighbours)
	}
	b.cut()
	b.within(most, func() error {
		if !joined() {
			return errors.New("the node knows nobody after the cut has healed")
		}
		return nil
	})
}

// "Close ends all nodes and leaves nothing behind."
func (b *bed) close() {
	under := b.begin(1, p2p.Find{Name: "nothing"})
	b.advance(time.Millisecond, nil)
	for range 2 {
		if err := b.Close(); err != nil {
			b.t.Fatalf("Close: %v", err)
		}
	}
	select {
	case <-under:
	case <-time.After(most):
		b.t.Error("a wish under way never heard of its end")
	}
	b.refused("a node after Close", func(ctx context.Context) error { return b.Spawn(ctx, b.spec(chord.Protocol)) })
	_, err := b.Inspect(context.Background(), b.addrs[1])
	b.gone("the state of a node after Close", err)
}

// file is what node i publishes.
func file(i int) string { return fmt.Sprintf("file of node %d", i) }

// found returns an error unless node i finds what node j published.
func (b *bed) found(i, j int) error {
	o := b.do(i, p2p.Find{Name: file(j)})
	if o.Err != nil {
		return fmt.Errorf("node %d looks for the file of node %d: %w", i, j, o.Err)
	}
	if !slices.Contains(o.Found, b.addrs[j]) {
		return fmt.Errorf("node %d finds the file of node %d (%v) at %v", i, j, b.addrs[j], o.Found)
	}
	return nil
}

func (b *bed) publish() {
	for i := 1; i <= 4; i++ {
		if o := b.do(i, p2p.Publish{Name: file(i), Size: 1000, Seed: uint64(i)}); o.Err != nil {
			b.t.Fatalf("node %d publishes: %v", i, o.Err)
		}
	}
}

func (b *bed) publishAndFind() {
	b.publish()
	for i := 1; i <= 4; i++ {
		b.within(most, func() error { return b.found(i, i%4+1) })
	}
	o := b.do(1, p2p.Find{Name: "nobody has this"})
	if !errors.Is(o.Err, p2p.ErrNotFound) && !errors.Is(o.Err, p2p.ErrTimeout) {
		b.t.Errorf("looking for what nobody has: %v, want ErrNotFound or ErrTimeout through every world", o.Err)
	}
	if o.Took < time.Second || o.Took > most {
		b.t.Errorf("that took %v, want the protocol's patience of 2 s", o.Took)
	}
}

func (b *bed) fetch() {
	o := b.do(1, p2p.Fetch{Name: file(3)})
	if o.Err != nil || o.Blob != (p2p.Blob{Name: file(3), Len: 1000}) {
		b.t.Errorf("fetch: %+v, want the blob of 1000 bytes", o)
	}
}

// Bytes from outside come to a disk, through the network to another, and out.
func (b *bed) blobs() {
	ctx := b.t.Context()
	const text = "what a user has"
	if err := b.Put(ctx, b.addrs[1], "given", strings.NewReader(text)); err != nil {
		b.t.Fatal(err)
	}
	if o := b.do(1, p2p.Publish{Name: "given"}); o.Err != nil {
		b.t.Errorf("publishing what was put there: %v", o.Err)
	}
	if o := b.do(2, p2p.Fetch{Name: "given"}); o.Err != nil || o.Blob.Len != int64(len(text)) {
		b.t.Errorf("fetching it: %+v", o)
	}
	var got, made strings.Builder
	if err := b.Get(ctx, b.addrs[2], "given", &got); err != nil || got.String() != text {
		b.t.Errorf("it came out as %q, %v", got.String(), err)
	}
	if err := b.Get(ctx, b.addrs[1], file(3), &made); err != nil || made.Len() != 1000 {
		b.t.Errorf("a blob that was fetched before: %d bytes, %v", made.Len(), err)
	}
	want, _ := io.ReadAll(p2p.Publish{Size: 1000, Seed: 3}.Bytes())
	if made.String() != string(want) {
		b.t.Error("it is not what its seed makes")
	}
	b.refused("a blob that is not there", func(ctx context.Context) error { return b.Get(ctx, b.addrs[1], "none", io.Discard) })
	b.refused("a blob outside the disk", func(ctx context.Context) error {
		return b.Put(ctx, b.addrs[1], "../given", strings.NewReader(text))
	})
	b.refused("the log of a node that never was", func(ctx context.Context) error {
		_, err := b.Log(ctx, p2p.MakeAddr(b.IP(len(b.addrs)), 7000))
		return err
	})
}

// link returns a node and one of its links.
func (b *bed) link() (i, j int) {
	b.t.Helper()
	for i = 1; i <= 4; i++ {
		if l := b.linked(i); len(l) > 0 {
			return i, l[0]
		}
	}
	b.t.Fatal("no node has a link")
	return 0, 0
}

// "A cut stalls a stream; it resumes after heal": two linked nodes are cut off
// from the other two, for less than p2p.Silence.
func (b *bed) stalls() {
	i, j := b.link()
	var rest []int
	for k := 1; k <= 4; k++ {
		if k != i && k != j {
			rest = append(rest, k)
		}
	}
	links := b.linked(i)
	b.cut(fault.Split(b.at(i, j), b.at(rest...))...)
	if err := b.found(i, j); err != nil {
		b.t.Errorf("within a group: %v", err)
	}
	for _, k := range rest {
		if b.found(i, k) == nil {
			b.t.Errorf("node %d found what node %d has, across the cut", i, k)
		}
	}
	if b.found(rest[0], i) == nil {
		b.t.Errorf("node %d found what node %d has, across the cut", rest[0], i)
	}
	for _, k := range links {
		if !slices.Contains(b.linked(i), k) {
			b.t.Errorf("node %d has lost its link to %d: it had %v and has %v", i, k, links, b.linked(i))
		}
	}
	b.cut()
	b.within(most, func() error { return errors.Join(b.found(i, rest[0]), b.found(rest[1], j)) })
}

// "Crash kills the process: the streams of the others break at once."
func (b *bed) crash() {
	i, j := b.link()
	under := b.begin(j, p2p.Find{Name: "nobody has this"})
	b.advance(50*time.Millisecond, nil)
	b.kill(j, harness.Crash)
	b.gone("a wish of a node that dies meanwhile", b.await(under).Err)
	b.gone("a wish of a node that is down", b.do(j, p2p.Find{Name: file(i)}).Err)
	_, err := b.Inspect(b.t.Context(), b.addrs[j])
	b.gone("the state of a node that is down", err)
	b.refused("killing the dead", func(ctx context.Context) error { return b.Kill(ctx, b.addrs[j], harness.Crash) })
	b.within(3*time.Second, func() error {
		if slices.Contains(b.linked(i), j) {
			return fmt.Errorf("node %d still has its link to %d, which has crashed", i, j)
		}
		return nil
	})
	if all, err := b.Counters(b.t.Context()); err != nil || len(all[b.addrs[j]].Traffic) > 0 {
		b.t.Errorf("counters of the dead: %v, error %v", all[b.addrs[j]], err)
	}
}

// down returns the node that crash took down.
func (b *bed) down() int {
	for i := range b.addrs {
		if _, err := b.Inspect(b.t.Context(), b.addrs[i]); err != nil {
			return i
		}
	}
	b.t.Fatal("no node is down")
	return 0
}

// "Restart starts a killed node again: same Spec, same address, same disk."
func (b *bed) comeBack() {
	j := b.down()
	b.restart(j)
	if got := b.state(j).Self; got != b.addrs[j] {
		b.t.Errorf("it is back at %v, want %v", got, b.addrs[j])
	}
	b.refused("restarting what runs", func(ctx context.Context) error { return b.Restart(ctx, b.addrs[j]) })
	other := j%4 + 1
	b.within(most, func() error { return b.found(other, j) })
	b.within(most, func() error { return b.found(j, other) })
}

// "Vanish takes the node off the network first, as a pulled plug does: the
// others hear nothing."
func (b *bed) vanish() {
	i, j := b.link()
	b.kill(j, harness.Vanish)
	b.gone("a wish of a node that has vanished", b.do(j, p2p.Find{Name: file(i)}).Err)
	b.advance(3*time.Second, nil)
	if !slices.Contains(b.linked(i), j) {
		b.t.Errorf("node %d noticed within 3 s that %d has vanished", i, j)
	}
	b.within(3*p2p.Silence, func() error {
		if slices.Contains(b.linked(i), j) {
			return fmt.Errorf("node %d still has its link to %d, which vanished", i, j)
		}
		return nil
	})
	b.restart(j)
	b.within(most, func() error { return b.found(i, j) })
}

func (b *bed) lateJoin() {
	i := b.spawn(gnutella.Protocol, "patience=2s", "window=0s")
	b.within(most, func() error { return b.found(i, 1) })
}

// After Leave the world stops the Node; the others know at once.
func (b *bed) leave() {
	i, j := b.link()
	if o := b.do(j, p2p.Leave{}); o.Err != nil {
		b.t.Fatalf("leave: %v", o.Err)
	}
	b.gone("a wish of a node that has left", b.do(j, p2p.Find{Name: file(i)}).Err)
	b.within(3*time.Second, func() error {
		if slices.Contains(b.linked(i), j) {
			return fmt.Errorf("node %d still has its link to %d, which has left", i, j)
		}
		return nil
	})
}
