package docker

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/node/control"
	"peerbed/protocols/chord"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// What BenchmarkDelay asks of the links.
const (
	askedDelay = 20 * time.Millisecond // one way
	askedRate  = 1 << 20               // bytes a second, of a conversation
	perSecond  = 10                    // messages of each node
	messages   = 20 * perSecond
	fetches    = 5 // of small files, and as many of large ones
)

// BenchmarkDelay holds shaped links against what was asked for. Each node sends
// 10 datagrams a second to another one, which answers; nobody says anything
// else. Then some fetch files over lines of 1 MiB/s, small and large ones, whose
// difference leaves out what a transfer takes to begin.
//
//	p50-ms, p99-ms  error of the way there and back, both delays together
//	lost            datagrams without an answer
//	bandwidth-%     rate of the transfers, above or below what was asked for;
//	                of the one that is furthest off. It includes what the reader
//	                takes to write and to verify a file
func BenchmarkDelay(b *testing.B) {
	n := numberFrom(b, sizeVariable, upNodes)
	w := openWorld(b, harness.Options{Run: "delay", Nodes: n}, nodePackage)
	addrs := perfectRing(b, w, n)
	for range b.N {
		link := linkmodel.Link{Delay: askedDelay}
		shape(b, w, link)
		errs, lost := w.roundTrips(b, addrs)
		b.ReportMetric(errs[len(errs)/2], "p50-ms")
		b.ReportMetric(errs[len(errs)*99/100], "p99-ms")
		b.ReportMetric(float64(lost), "lost")

		shape(b, w, linkmodel.Link{})
		names := w.published(b, addrs)
		link.Rate = askedRate
		shape(b, w, link)
		b.ReportMetric(100*(w.slowest(b, addrs, names)/askedRate-1), "bandwidth-%")
	}
	b.ReportMetric(0, "ns/op") // says nothing
}

func shape(b *testing.B, w *Backend, link linkmodel.Link) {
	b.Helper()
	if err := w.Apply(b.Context(), fault.Net{Links: linkmodel.Model{Default: link}}); err != nil {
		b.Fatal(err)
	}
}

// perfectRing starts nodes of Chord that need not do anything for their ring.
func perfectRing(b *testing.B, w *Backend, n int) []p2p.Addr {
	b.Helper()
	cfg, err := p2p.With(chord.Protocol.Config, "stabilize=10m", "fix-fingers=10m", "check-predecessor=10m", "repair=10m")
	if err != nil {
		b.Fatal(err)
	}
	addrs := make([]p2p.Addr, n)
	for i := range addrs {
		addrs[i] = p2p.MakeAddr(w.IP(i), 7000)
	}
	list := make([]harness.Spec, n)
	for i, s := range chord.Protocol.Ideal(cfg, addrs) {
		list[i] = harness.Spec{Index: i, Name: fmt.Sprintf("chord-%d", i), Protocol: chord.Protocol, Config: cfg,
			Addr: addrs[i], Seed: uint64(i), State: &s}
	}
	if err := spawn(b.Context(), w, list); err != nil {
		b.Fatal(err)
	}
	return addrs
}

// roundTrips has every node send its messages, and returns by how many
// milliseconds they took longer than asked for, in order.
func (b *Backend) roundTrips(t *testing.B, addrs []p2p.Addr) (errs []float64, lost int) {
	t.Helper()
	replies := make([]control.ProbeReply, len(addrs))
	gap := time.Second / perSecond
	err := atOnce(len(addrs), len(addrs), func(i int) error {
		l, err := b.reach(addrs[i])
		if err != nil {
			return err
		}
		time.Sleep(gap * time.Duration(i) / time.Duration(len(addrs))) // not all in the same moment
		replies[i], err = l.control.Probe(t.Context(), control.ProbeRequest{
			To: addrs[(i+len(addrs)/2)%len(addrs)], Count: messages, Gap: gap})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range replies {
		lost += r.Sent - len(r.RTTs)
		for _, rtt := range r.RTTs {
			errs = append(errs, math.Abs((rtt-2*askedDelay).Seconds()*1000))
		}
	}
	slices.Sort(errs)
	return errs, lost
}

// The sizes of the files that are fetched: 2 seconds apart at the asked rate.
var sizes = [2]int64{askedRate / 2, askedRate/2 + 2*askedRate}

func fileName(i, size int) string { return fmt.Sprintf("file-%d-%d", i, sizes[size]) }

// published has files of both sizes stored, and returns their holders.
func (b *Backend) published(t *testing.B, addrs []p2p.Addr) map[string][]p2p.Addr {
	t.Helper()
	holders := map[string][]p2p.Addr{}
	for i := range fetches {
		for k, size := range sizes {
			name := fileName(i, k)
			if o := b.do(addrs[i], p2p.Publish{Name: name, Size: size, Seed: uint64(i)}); o.Err != nil {
				t.Fatal(o.Err)
			}
			o := b.do(addrs[i], p2p.Find{Name: name})
			if o.Err != nil {
				t.Fatal(o.Err)
			}
			holders[name] = append(o.Found, addrs[i])
		}
	}
	return holders
}

// slowest has strangers fetch the files, and returns the rate, in bytes a
// second, that is furthest from what was asked for.
func (b *Backend) slowest(t *testing.B, addrs []p2p.Addr, holders map[string][]p2p.Addr) float64 {
	t.Helper()
	rates := make([]float64, fetches)
	err := atOnce(fetches, fetches, func(i int) error {
		var took [2]time.Duration
		for k := range sizes {
			name := fileName(i, k)
			free := slices.IndexFunc(addrs[i:], func(a p2p.Addr) bool { return !slices.Contains(holders[name], a) })
			found := b.do(addrs[i+free], p2p.Find{Name: name})
			fetched := b.do(addrs[i+free], p2p.Fetch{Name: name})
			if err := errors.Join(found.Err, fetched.Err); err != nil {
				return err
			}
			took[k] = fetched.Took - found.Took // the way to the holder differs from file to file
		}
		rates[i] = float64(sizes[1]-sizes[0]) / (took[1] - took[0]).Seconds()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return slices.MaxFunc(rates, func(x, y float64) int {
		return int(math.Abs(x-askedRate) - math.Abs(y-askedRate))
	})
}
