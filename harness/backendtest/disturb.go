package backendtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/protocols/gnutella"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// disturbances sees pauses, firewalls, loss and slow lines, in probes and in
// the links and fetches of Gnutella nodes.
func disturbances(t *testing.T, open harness.Opener) {
	b := newBed(t, open, 5)
	b.network(gnutella.Protocol, 3, "patience=2s", "window=0s", "ping=1s")
	b.in(t, "a big file", (*bed).bigFile)
	b.in(t, "throttle", (*bed).throttled)
	b.in(t, "firewall", (*bed).walled)
	b.in(t, "loss", (*bed).lossy)
	b.in(t, "overlap", (*bed).overlaps)
	b.in(t, "pause", (*bed).paused)
	b.in(t, "a cut during a pause", (*bed).cutWhilePaused)
	b.in(t, "death in a pause", (*bed).killedWhilePaused)
}

func (b *bed) apply(n fault.Net) {
	b.t.Helper()
	if err := b.Apply(b.t.Context(), n); err != nil {
		b.t.Fatalf("Apply: %v", err)
	}
}

// big is the size of what node 1 publishes, in bytes.
const big = 300_000

func (b *bed) bigFile() {
	if o := b.do(1, p2p.Publish{Name: file(1), Size: big, Seed: 1}); o.Err != nil {
		b.t.Fatal(o.Err)
	}
	for i := 2; i <= 3; i++ {
		b.within(most, func() error { return b.found(i, 1) })
	}
}

// A file of known size takes at least its size over the line's rate, be it the
// sender's line or the receiver's.
func (b *bed) throttled() {
	const rate = 100_000
	for i, line := range []linkmodel.Access{{Node: b.addrs[1], Up: rate}, {Node: b.addrs[3], Down: rate}} {
		b.apply(fault.Net{Links: linkmodel.Model{Access: []linkmodel.Access{line}}})
		began := b.Now()
		if o := b.do(2+i, p2p.Fetch{Name: file(1)}); o.Err != nil {
			b.t.Fatalf("fetch over %+v: %v", line, o.Err)
		}
		if took, least := b.Now()-began, time.Second*big/rate; took < least || took > 3*least {
			b.t.Errorf("%d bytes over %+v took %v, want at least %v", big, line, took, least)
		}
	}
	b.apply(fault.Net{})
}

// streamed reports whether a stream probe from i to j was answered.
func (b *bed) streamed(i, j int, patience time.Duration) bool {
	b.t.Helper()
	return b.probe(b.addrs[i], b.addrs[j], harness.Probing{By: harness.Stream, Patience: patience}).Back == 1
}

// echoed counts how many of n datagrams from i reached j.
func (b *bed) echoed(i, j, n int) int {
	b.t.Helper()
	return b.probe(b.addrs[i], b.addrs[j], harness.Probing{Count: n}).There
}

// "No stream that others dial gets to them, while those that they dial and
// those that stand go on. Datagrams pass both ways."
func (b *bed) walled() {
	links := b.linked(1)
	b.apply(fault.Net{Walls: b.at(1)})
	for _, j := range []int{2, 3} {
		if b.streamed(j, 1, 400*time.Millisecond) {
			b.t.Errorf("a stream that node %d dialled came through the firewall", j)
		}
		if !b.streamed(1, j, most) {
			b.t.Errorf("the node behind the firewall cannot dial node %d", j)
		}
		if b.echoed(j, 1, 3) == 0 || b.echoed(1, j, 3) == 0 {
			b.t.Error("the firewall stops datagrams")
		}
	}
	if err := b.found(2, 1); err != nil {
		b.t.Errorf("over streams that stood before: %v", err)
	}
	if got := b.linked(1); !slices.Equal(got, links) {
		b.t.Errorf("links %v behind the firewall, before %v", got, links)
	}
	b.apply(fault.Net{})
	if !b.streamed(2, 1, most) {
		b.t.Error("the wall has fallen, and no stream comes in")
	}
}

// "Drops is loss on the way": half of the datagrams of one direction, within
// five standard deviations; streams recover.
func (b *bed) lossy() {
	const n = 400
	drop := linkmodel.Drop{From: b.at(1), To: b.at(2), Share: 0.5}
	b.apply(fault.Net{Drops: []linkmodel.Drop{drop}})
	if got := b.echoed(1, 2, n); got < n/2-50 || got > n/2+50 {
		b.t.Errorf("%d of %d datagrams arrived at a loss of a half", got, n)
	}
	if got := b.echoed(1, 3, n); got != n {
		b.t.Errorf("%d of %d datagrams arrived where nothing is to be lost", got, n)
	}
	b.within(most, func() error { return b.found(1, 1) })
	if !b.streamed(1, 2, most) {
		b.t.Error("a stream did not get through a loss of a half")
	}
	b.apply(fault.Net{})
	if got := b.echoed(1, 2, n); got != n {
		b.t.Errorf("%d of %d datagrams arrived after the loss", got, n)
	}
}

// Of a cut, a firewall and a drop that overlap, each ends alone.
func (b *bed) overlaps() {
	cut := fault.Split(b.at(1), b.at(2))
	other := fault.Split(b.at(1), b.at(2, 3))
	b.apply(fault.Net{Cuts: slices.Concat(cut, other), Walls: b.at(3)})
	if b.echoed(1, 2, 2)+b.echoed(1, 3, 2) > 0 || b.streamed(2, 3, 300*time.Millisecond) || b.echoed(2, 3, 2) == 0 {
		b.t.Error("two cuts and a firewall do not hold together")
	}
	b.apply(fault.Net{Cuts: cut, Walls: b.at(3)})
	if b.echoed(1, 2, 2) > 0 || b.echoed(1, 3, 2) == 0 || b.streamed(1, 3, 300*time.Millisecond) {
		b.t.Error("healing one cut: want the other and the firewall to hold, and what only it cut to be open")
	}
	b.apply(fault.Net{Walls: b.at(3)})
	if b.echoed(1, 2, 2) == 0 || b.streamed(2, 3, 300*time.Millisecond) || !b.streamed(1, 2, most) {
		b.t.Error("healing both cuts: want the firewall to hold")
	}
	b.apply(fault.Net{})
}

func (b *bed) pause(i int) {
	b.t.Helper()
	if err := b.Pause(b.t.Context(), b.addrs[i]); err != nil {
		b.t.Fatalf("Pause of node %d: %v", i, err)
	}
}

func (b *bed) resume(i int) {
	b.t.Helper()
	if err := b.Resume(b.t.Context(), b.addrs[i]); err != nil {
		b.t.Fatalf("Resume of node %d: %v", i, err)
	}
}

// "A paused node hears nothing and does nothing; its kernel acknowledges, so
// that streams stay; its wishes wait."
func (b *bed) paused() {
	i, j := b.link()
	links := b.linked(i)
	b.pause(j)
	b.refused("pausing twice", func(ctx context.Context) error { return b.Pause(ctx, b.addrs[j]) })
	if _, err := b.Inspect(b.t.Context(), b.addrs[j]); !errors.Is(err, harness.ErrPaused) {
		b.t.Errorf("the state of a paused node: error %v, want ErrPaused", err)
	}
	all, err := b.Counters(b.t.Context())
	if _, there := all[b.addrs[j]]; err != nil || there || len(all) != len(b.addrs)-1 {
		b.t.Errorf("counters of %d nodes, the paused one among them: %v, error %v", len(all), there, err)
	}
	wish := b.begin(j, p2p.Find{Name: file(1)})
	if got := b.echoed(i, j, 2); got > 0 {
		b.t.Errorf("%d probes heard by a paused node", got)
	}
	b.advance(2*time.Second, nil)
	if len(wish) > 0 {
		b.t.Errorf("a paused node answers a wish: %+v", <-wish)
	}
	if got := b.linked(i); !slices.Equal(got, links) {
		b.t.Errorf("links %v while one is paused, before %v", got, links)
	}
	b.resume(j)
	b.refused("resuming what runs", func(ctx context.Context) error { return b.Resume(ctx, b.addrs[j]) })
	if o := b.await(wish); o.Err != nil {
		b.t.Errorf("the wish that waited: %v", o.Err)
	}
	if b.echoed(i, j, 2) == 0 {
		b.t.Error("no probes heard after the pause")
	}
}

// A network that changes while a node is paused holds for it when it goes on.
func (b *bed) cutWhilePaused() {
	b.pause(2)
	b.cut(fault.Split(b.at(1), b.at(2))...)
	b.resume(2)
	if b.echoed(2, 1, 2) > 0 {
		b.t.Error("a node that was paused meanwhile does not keep to the cut")
	}
	b.pause(2)
	b.cut()
	b.resume(2)
	if b.echoed(2, 1, 2) == 0 {
		b.t.Error("a node that was paused meanwhile keeps to a cut that has healed")
	}
}

// "Kill ends a paused node too."
func (b *bed) killedWhilePaused() {
	for _, how := range []harness.How{harness.Crash, harness.Vanish} {
		b.pause(2)
		b.kill(2, how)
		b.gone("the state of a node that died in a pause", func() error {
			_, err := b.Inspect(b.t.Context(), b.addrs[2])
			return err
		}())
		b.refused("resuming the dead", func(ctx context.Context) error { return b.Resume(ctx, b.addrs[2]) })
		b.restart(2)
		b.within(most, func() error {
			if len(b.linked(2)) == 0 {
				return fmt.Errorf("the node has found nobody since it died (%v) in a pause", how)
			}
			return nil
		})
	}
}
