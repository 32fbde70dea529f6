package backendtest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// late is when a probe that must not be answered is given up.
const late = 150 * time.Millisecond

// An answer is what is to come of probes from one node to another.
type answer struct {
	there, back bool // by datagram
	stream      bool
}

var (
	healthy = answer{there: true, back: true, stream: true}
	lost    = answer{}
	unheard = answer{there: true} // it comes, but nothing comes back
)

// "Probe has the node at from ask the one at to [...] through the network under
// test": what probes find is what is asked for, before, during and after.
func (b *bed) probes() {
	b.probed(1, 2, healthy)
	b.probed(2, 1, healthy)
	for _, test := range []struct {
		what        string
		cuts        []fault.Cut
		there, back answer // from 1 to 2, and from 2 to 1
	}{
		{"cut both ways", fault.Split(b.at(1), b.at(2)), lost, lost},
		{"cut one way", []fault.Cut{{From: b.at(1), To: b.at(2)}}, lost, unheard},
		{"cut the other way", []fault.Cut{{From: b.at(2), To: b.at(1)}}, unheard, lost},
	} {
		b.t.Log(test.what)
		b.cut(test.cuts...)
		b.probed(1, 2, test.there)
		b.probed(2, 1, test.back)
		b.probed(1, 3, healthy)
		b.cut()
		b.probed(1, 2, healthy)
		b.probed(2, 1, healthy)
	}
	b.timedProbes()
	b.t.Log("nobody there")
	down := p2p.MakeAddr(b.IP(len(b.addrs)), 7000)
	if e := b.probe(b.addrs[1], down, harness.Probing{Patience: late}); e.Sent != 1 || e.There != 0 || e.Back != 0 {
		b.t.Errorf("a probe of nobody: %+v", e)
	}
	_, err := b.Probe(b.t.Context(), down, b.addrs[1], harness.Probing{Patience: late})
	b.gone("a probe from nobody", err)
}

// timedProbes holds the times that probes take against those of the links.
func (b *bed) timedProbes() {
	b.t.Helper()
	const oneWay = 40 * time.Millisecond
	links := linkmodel.Model{Default: linkmodel.Link{Delay: oneWay}}
	if err := b.Apply(b.t.Context(), fault.Net{Links: links}); err != nil {
		b.t.Fatal(err)
	}
	defer b.cut()
	for _, by := range []harness.Carrier{harness.Datagram, harness.Stream} {
		b.within(5*time.Second, func() error { // the machine may be busy now and then
			e := b.probe(b.addrs[1], b.addrs[2], harness.Probing{By: by, Count: 5})
			if e.Back != e.Sent || slices.Min(e.RTTs) < 2*oneWay || slices.Min(e.RTTs) > 2*oneWay+20*time.Millisecond {
				return fmt.Errorf("by %v, over two times %v: %+v", by, oneWay, e)
			}
			for i, rtt := range e.RTTs {
				const half = oneWay - time.Millisecond // some microseconds pass between two looks at clocks
				if out := e.Outs[i]; out < half || rtt-out < half {
					return fmt.Errorf("by %v, over two times %v: the way there took %v of %v", by, oneWay, out, rtt)
				}
			}
			return nil
		})
	}
}

// probed demands that probes find what is asked for.
func (b *bed) probed(i, j int, want answer) {
	b.t.Helper()
	patience := late
	if want.back {
		patience = most
	}
	e := b.probe(b.addrs[i], b.addrs[j], harness.Probing{Count: 3, Patience: patience})
	for limit := patience; want == unheard && e.There < e.Sent && limit < most; limit *= 2 { // on a busy machine it hears late
		e = b.probe(b.addrs[i], b.addrs[j], harness.Probing{Count: 3, Patience: limit})
	}
	if e.Sent != 3 || e.There != 3*one(want.there) || e.Back != 3*one(want.back) || len(e.RTTs) != e.Back {
		b.t.Errorf("datagrams from node %d to node %d: %+v, want %+v", i, j, e, want)
	}
	e = b.probe(b.addrs[i], b.addrs[j], harness.Probing{By: harness.Stream, Patience: patience})
	if e.Sent != 1 || e.There != one(want.stream) || e.Back != e.There || len(e.RTTs) != e.Back {
		b.t.Errorf("a stream from node %d to node %d: %+v, want %+v", i, j, e, want)
	}
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func (b *bed) probe(from, to p2p.Addr, p harness.Probing) harness.Echo {
	b.t.Helper()
	ctx, stop := context.WithTimeout(b.t.Context(), most)
	defer stop()
	e, err := b.Probe(ctx, from, to, p)
	if err != nil {
		b.t.Fatalf("a probe from %v to %v: %v", from, to, err)
	}
	return e
}
