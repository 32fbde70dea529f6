package linkmodel_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

func stream() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// draw sends n small datagrams over an idle line each and returns their mean
// delay, the extremes, and how many arrived.
func draw(l linkmodel.Link, n int) (mean, low, high time.Duration, arrived int) {
	r := stream()
	low = time.Hour
	var sum time.Duration
	for range n {
		var line linkmodel.Line
		at, ok := line.Datagram(l, 0, 100, r)
		if !ok {
			continue
		}
		arrived++
		sum += at
		low, high = min(low, at), max(high, at)
	}
	return sum / time.Duration(max(arrived, 1)), low, high, arrived
}

func TestLaws(t *testing.T) {
	const d, n = 50 * time.Millisecond, 200_000
	for _, c := range []struct {
		link            linkmodel.Link
		mean, low, high time.Duration // low and high: what the extremes must reach, and not pass
	}{
		{linkmodel.Link{}, 0, 0, 0},
		{linkmodel.Link{Delay: d}, d, d, d},
		{linkmodel.Link{Delay: d, Jitter: 10 * time.Millisecond}, 55 * time.Millisecond, d, 60 * time.Millisecond},
		{linkmodel.Link{Delay: d, Law: linkmodel.Uniform}, d, 0, 2 * d},
		{linkmodel.Link{Delay: d, Law: linkmodel.Exponential}, d, 0, time.Hour},
	} {
		mean, low, high, _ := draw(c.link, n)
		near := func(a, b time.Duration) bool { return (a - b).Abs() <= b/100+time.Microsecond }
		if !near(mean, c.mean) || low < c.low || high > c.high {
			t.Errorf("%+v: mean %v, %v to %v; want %v, %v to %v", c.link, mean, low, high, c.mean, c.low, c.high)
		}
	}
}

// The exponential law has no memory: the share beyond k means is e^-k.
func TestExpTail(t *testing.T) {
	r, n := stream(), 200_000
	var beyond [4]int
	for range n {
		x := linkmodel.Exp(time.Second, r)
		for k := range beyond {
			if x > time.Duration(k)*time.Second {
				beyond[k]++
			}
		}
	}
	for k, want := range []float64{1, 0.3679, 0.1353, 0.0498} {
		if got := float64(beyond[k]) / float64(n); got < want-0.005 || got > want+0.005 {
			t.Errorf("share beyond %d means: %.4f, want %.4f", k, got, want)
		}
	}
}

// The same seed draws the same delays on any machine: these figures are part
// of what a seed means.
func TestDrawsAreFixed(t *testing.T) {
	r := stream()
	l := linkmodel.Link{Delay: 50 * time.Millisecond, Law: linkmodel.Exponential, Jitter: time.Millisecond, Loss: 0.1, Rate: 1e6}
	var line linkmodel.Line
	var sum time.Duration
	lost := 0
	for i := range 1000 {
		at, ok := line.Datagram(l, time.Duration(i)*time.Millisecond, 500, r)
		if !ok {
			lost++
		}
		sum += at
	}
	if want := time.Duration(wantSum); sum != want || lost != wantLost {
		t.Errorf("sum %d, lost %d; want %d, %d", sum, lost, want, wantLost)
	}
}

const (
	wantSum  = 486210014195
	wantLost = 107
)

func TestLoss(t *testing.T) {
	for _, p := range []float64{0, 0.05, 0.5, 1} {
		const n = 100_000
		_, _, _, arrived := draw(linkmodel.Link{Loss: p}, n)
		if got := 1 - float64(arrived)/n; got < p-0.005 || got > p+0.005 {
			t.Errorf("loss %v: measured %v", p, got)
		}
	}
	// A stream is only delayed, also by total loss.
	var line linkmodel.Line
	at := line.Stream(linkmodel.Link{Loss: 1}, 0, 100, stream())
	if at < linkmodel.Retransmit || at > 4*p2p.Silence {
		t.Errorf("a stream over a dead line arrives at %v", at)
	}
}

func TestRate(t *testing.T) {
	l := linkmodel.Link{Rate: 1000, Queue: 5000} // 1 KB takes 1 s, 5 KB may wait
	var line linkmodel.Line
	for i := range 6 {
		at, ok := line.Datagram(l, 0, 1000, stream())
		if want := time.Duration(i+1) * time.Second; !ok || at != want {
			t.Errorf("datagram %d at %v, %v; want %v", i, at, ok, want)
		}
	}
	if _, ok := line.Datagram(l, 0, 1000, stream()); ok {
		t.Error("the queue took 7 KB, want 1 on the line and 5 waiting")
	}
	if at, ok := line.Datagram(l, 10*time.Second, 1000, stream()); !ok || at != 11*time.Second {
		t.Errorf("on the idle line: %v, %v; want 11s", at, ok)
	}
}

func TestPlane(t *testing.T) {
	m := linkmodel.Model{Plane: &linkmodel.Plane{Side: 100 * time.Millisecond, Seed: 7}}
	a, b, c := p2p.MakeAddr(1, 1), p2p.MakeAddr(2, 1), p2p.MakeAddr(3, 1)
	ab, ba := m.Link(a, b).Delay, m.Link(b, a).Delay
	ac, cb := m.Link(a, c).Delay, m.Link(c, b).Delay
	if ab != ba || ab <= 0 || ab > 142*time.Millisecond || ab > ac+cb+3 || m.Link(a, a).Delay != 0 {
		t.Errorf("distances %v %v %v %v are not those of a plane", ab, ba, ac, cb)
	}
	var sum time.Duration
	const n = 1000
	for i := range p2p.Addr(n) {
		sum += m.Link(i<<16, (i+n)<<16).Delay
	}
	if mean := sum / n; mean < 49*time.Millisecond || mean > 55*time.Millisecond {
		t.Errorf("mean distance %v of random points, want 0.5214 of the side", mean)
	}
}

func TestPairs(t *testing.T) {
	a, b := p2p.MakeAddr(1, 1), p2p.MakeAddr(2, 1)
	slow, slower := linkmodel.Link{Delay: time.Second}, linkmodel.Link{Delay: time.Minute}
	m := linkmodel.Model{Pairs: []linkmodel.Pair{{From: a, Link: slow}, {From: a, To: b, Link: slower}}}
	if m.Link(a, b) != slower || m.Link(a, a) != slow || m.Link(b, a) != (linkmodel.Link{}) {
		t.Errorf("got %v, %v, %v", m.Link(a, b), m.Link(a, a), m.Link(b, a))
	}
}

func TestCheck(t *testing.T) {
	for _, l := range []linkmodel.Link{{Delay: -1}, {Jitter: -1}, {Loss: 1.1}, {Rate: -1}, {Queue: -1}, {Law: "gauss"}} {
		m := linkmodel.Model{Pairs: []linkmodel.Pair{{Link: l}}}
		if m.Check() == nil {
			t.Errorf("%+v passed", l)
		}
	}
}
