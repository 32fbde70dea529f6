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
	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

// A bed is an open world with some nodes, numbered from 0.
type bed struct {
	harness.Backend
	t     *testing.T          // of the subtest that runs
	hosts map[string]p2p.Addr // the introducer of those who come next
	addrs []p2p.Addr          // of all nodes, by their number
	specs []harness.Spec
}

// most is how long anything may take that happens by itself.
const most = 40 * time.Second

// newBed opens a world for up to n nodes, and closes it when the test ends.
func newBed(t *testing.T, open harness.Opener, n int) *bed {
	t.Helper()
	w, err := open(t.Context(), harness.Options{Run: "backendtest-" + unique(), Seed: 1, Nodes: n, Progress: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return &bed{Backend: w, t: t}
}

// network starts an introducer and n nodes of p, and returns the number of the
// first.
func (b *bed) network(p *p2p.Protocol, n int, changes ...string) int {
	b.t.Helper()
	b.hosts = nil
	at := b.spawn(introducer.Protocol)
	b.hosts = map[string]p2p.Addr{"introducer": b.addrs[at]}
	for range n {
		b.spawn(p, changes...)
	}
	return at + 1
}

func unique() string { return fmt.Sprintf("%x", time.Now().UnixNano()&0xffffff) }

// in runs a subtest on the bed. After a failure there is no point in the next.
func (b *bed) in(t *testing.T, name string, f func(b *bed)) {
	t.Helper()
	ok := t.Run(name, func(t *testing.T) {
		sub := *b
		sub.t = t
		f(&sub)
		sub.t = b.t
		*b = sub
	})
	if !ok {
		t.FailNow()
	}
}

// spec describes the next node.
func (b *bed) spec(p *p2p.Protocol, changes ...string) harness.Spec {
	b.t.Helper()
	if b.hosts != nil {
		changes = append([]string{"introducer=introducer:7000"}, changes...)
	}
	cfg, err := p2p.With(p.Config, changes...)
	if err != nil {
		b.t.Fatal(err)
	}
	i := len(b.addrs)
	return harness.Spec{Index: i, Name: fmt.Sprintf("%s-%d", p.Name, i), Role: "peer", Protocol: p, Config: cfg,
		Addr: p2p.MakeAddr(b.IP(i), 7000), Seed: uint64(i), Hosts: b.hosts}
}

// spawn starts one more node and returns its number.
func (b *bed) spawn(p *p2p.Protocol, changes ...string) int {
	b.t.Helper()
	return b.add(b.spec(p, changes...))
}

func (b *bed) add(s harness.Spec) int {
	b.t.Helper()
	if err := b.Spawn(b.t.Context(), s); err != nil {
		b.t.Fatalf("Spawn of %s: %v", s.Name, err)
	}
	b.addrs, b.specs = append(b.addrs, s.Addr), append(b.specs, s)
	return s.Index
}

// do carries out a wish and waits for its outcome.
func (b *bed) do(i int, op p2p.Op) harness.Outcome {
	b.t.Helper()
	return b.await(b.begin(i, op))
}

// begin hands a wish to a node.
func (b *bed) begin(i int, op p2p.Op) <-chan harness.Outcome {
	done := make(chan harness.Outcome, 2) // room for a second one, which would be an error
	b.Do(b.addrs[i], op, func(o harness.Outcome) { done <- o })
	return done
}

func (b *bed) await(done <-chan harness.Outcome) harness.Outcome {
	b.t.Helper()
	b.advance(most, func() bool { return len(done) > 0 })
	if len(done) == 0 {
		b.t.Fatalf("no outcome within %v", most)
	}
	return <-done
}

func (b *bed) advance(d time.Duration, until func() bool) {
	b.t.Helper()
	if err := b.Advance(b.t.Context(), d, until); err != nil {
		b.t.Fatalf("Advance: %v", err)
	}
}

// within lets time pass until f finds nothing wrong.
func (b *bed) within(limit time.Duration, f func() error) {
	b.t.Helper()
	for end := b.Now() + limit; ; {
		err := f()
		if err == nil {
			return
		}
		if b.Now() >= end {
			b.t.Fatalf("after %v still: %v", limit, err)
		}
		b.advance(100*time.Millisecond, nil)
	}
}

func (b *bed) state(i int) p2p.State {
	b.t.Helper()
	s, err := b.Inspect(b.t.Context(), b.addrs[i])
	if err != nil {
		b.t.Fatalf("Inspect of node %d: %v", i, err)
	}
	return s
}

// linked returns the numbers of a node's neighbours.
func (b *bed) linked(i int) []int {
	b.t.Helper()
	var list []int
	for _, a := range b.state(i).Neighbours {
		list = append(list, slices.Index(b.addrs, a))
	}
	slices.Sort(list)
	return list
}

func (b *bed) kill(i int, how harness.How) {
	b.t.Helper()
	if err := b.Kill(b.t.Context(), b.addrs[i], how); err != nil {
		b.t.Fatalf("%v of node %d: %v", how, i, err)
	}
}

func (b *bed) restart(i int) {
	b.t.Helper()
	if err := b.Restart(b.t.Context(), b.addrs[i]); err != nil {
		b.t.Fatalf("Restart of node %d: %v", i, err)
	}
}

// cut makes the network one with these cuts; none heals it.
func (b *bed) cut(cuts ...fault.Cut) {
	b.t.Helper()
	if err := b.Apply(b.t.Context(), fault.Net{Cuts: cuts}); err != nil {
		b.t.Fatalf("Apply: %v", err)
	}
}

// at returns addresses by number.
func (b *bed) at(nodes ...int) []p2p.Addr {
	var list []p2p.Addr
	for _, i := range nodes {
		list = append(list, b.addrs[i])
	}
	return list
}

// counted tells how many messages of one kind a node sent and received.
func (b *bed) counted(i int, kind string) (sent, received uint64) {
	b.t.Helper()
	all, err := b.Counters(b.t.Context())
	if err != nil {
		b.t.Fatalf("Counters: %v", err)
	}
	for _, k := range all[b.addrs[i]].Traffic {
		if k.Kind == kind {
			return k.Sent, k.Received
		}
	}
	return 0, 0
}

// gone demands an error that wraps p2p.ErrGone.
func (b *bed) gone(what string, err error) {
	b.t.Helper()
	if !errors.Is(err, p2p.ErrGone) {
		b.t.Errorf("%s: error %v, want one that wraps p2p.ErrGone", what, err)
	}
}

// refused demands an error.
func (b *bed) refused(what string, f func(context.Context) error) {
	b.t.Helper()
	if f(b.t.Context()) == nil {
		b.t.Errorf("%s: no error", what)
	}
}
