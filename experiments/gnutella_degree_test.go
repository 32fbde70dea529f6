package experiments

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/stat"
	"peerbed/protocols/gnutella"
	"peerbed/protocols/p2p"
)

// TestGnutellaGN9PowerLaw fits a power law to the degrees of networks that grew, node
// by node (claim GN9: "P(links = L) ~ L^-k"; Saroiu 2002: k = 2.3), as Clauset, Shalizi
// and Newman do (SIAM Review 51, 2009): the exponent by maximum likelihood, from where
// on it holds by Kolmogorov and Smirnov's distance, and by a bootstrap whether it is
// likely at all. It holds with preferential joining; where newcomers link to anybody
// degrees fall off exponentially: the negative control.
func TestGnutellaGN9PowerLaw(t *testing.T) {
	harness.Repeat(t, 10, func(t *harness.T) {
		nodes := 10_000 + int(t.Seed()) // another graph for each seed
		r := rand.New(rand.NewPCG(t.Seed(), 9))
		preferential := tailOf(degrees(t, nodes, "redirect=0.77"))
		t.Want("exponent, with preferential joining", preferential.alpha, harness.Near(2.3, 0.2))
		t.Want("how likely a power law is, with it", preferential.likely(r, size(40, 1000)), harness.AtLeast(0.1))
		anybody := tailOf(degrees(t, nodes, "redirect=0.0000001"))
		t.Want("exponent, where newcomers link to anybody", anybody.alpha, harness.AtLeast(3.5))
	})
}

// degrees are those of a network that has grown to so many nodes.
func degrees(t *harness.T, nodes int, changes ...string) []int {
	t.Helper()
	cfg, err := p2p.With(gnutella.Protocol.Config, append(changes, "degree=2", "max-links=4096")...)
	if err != nil {
		t.Fatal(err)
	}
	addrs := make([]p2p.Addr, nodes)
	for i := range addrs {
		addrs[i] = p2p.MakeAddr(10<<24+uint32(i), 7000)
	}
	list := make([]int, nodes)
	for i, s := range gnutella.Protocol.Ideal(cfg, addrs) {
		list[i] = len(s.Neighbours)
	}
	return list
}

// A tail is a power law that was fitted to some degrees: from least on, P(K >= k) is
// ((k-½)/(least-½))^(1-alpha), which is a continuous law rounded (their equation 3.7,
// good from about 6 on).
type tail struct {
	degrees  []int // sorted
	least    int
	above    int // how many are least or more
	alpha    float64
	distance float64 // Kolmogorov and Smirnov's, of the tail
}

// tailOf fits the tail that is nearest to its power law.
func tailOf(degrees []int) tail {
	slices.Sort(degrees)
	best := tail{distance: math.Inf(1)}
	for least := 6; least <= 60; least++ {
		if f := fitFrom(degrees, least); f.above >= 50 && f.distance < best.distance {
			best = f
		}
	}
	return best
}

func fitFrom(degrees []int, least int) tail {
	first, _ := slices.BinarySearch(degrees, least)
	f := tail{degrees: degrees, least: least, above: len(degrees) - first}
	logs := 0.0
	for _, k := range degrees[first:] {
		logs += math.Log(float64(k) / (float64(least) - 0.5))
	}
	f.alpha = 1 + float64(f.above)/logs
	for i := first; i < len(degrees); i++ {
		if i > first && degrees[i] == degrees[i-1] {
			continue
		}
		measured := float64(len(degrees)-i) / float64(f.above)
		law := math.Pow((float64(degrees[i])-0.5)/(float64(least)-0.5), 1-f.alpha)
		f.distance = max(f.distance, math.Abs(measured-law))
	}
	return f
}

// likely is which share of samples of that law, with the rest as it is, are farther
// from their own fits.
func (f tail) likely(r *rand.Rand, samples int) float64 {
	rest, farther := f.degrees[:len(f.degrees)-f.above], 0.0
	drawn := make([]int, len(f.degrees))
	for range samples {
		for i := range drawn {
			if k := r.IntN(len(drawn)); k < len(rest) {
				drawn[i] = rest[k]
				continue
			}
			drawn[i] = int((float64(f.least)-0.5)*math.Pow(1-r.Float64(), 1/(1-f.alpha)) + 0.5)
		}
		if tailOf(drawn).distance >= f.distance {
			farther++
		}
	}
	return farther / float64(samples)
}

// TestGnutellaGN9SlowCrawl crawls one churning overlay whose links are random, at one
// moment and over three sessions (claim GN9, corrected; Stutzbach and Rejaie 2005: "the
// power law can be an artefact of slow, inaccurate crawls"). The quick crawl sees what
// there is. What the slow one takes for one network has links of different times: it
// shows more links of a node than there are at any moment, and a longer tail. The bias
// is reported.
func TestGnutellaGN9SlowCrawl(t *testing.T) {
	harness.Repeat(t, 5, func(t *harness.T) {
		const nodes, steps, going = 100, 60, 5
		c := servents(t, gnutella.Protocol, nodes, "ping=1m")
		defer closeNow(t, c)
		c.Settle(gnutella.Connected)
		r := rand.New(rand.NewPCG(t.Seed(), 9))
		slow, quick, order := crawl{}, crawl{}, r.Perm(nodes)
		var away []int
		var truth []float64
		for step := range steps {
			c.Restart(away...)
			away = r.Perm(nodes)[:going] // sessions of three minutes on average
			c.Crash(away...)
			c.Advance(10 * time.Second)
			for _, s := range c.States() {
				if slices.Index(order, c.Index(s.Self))*steps/nodes == step {
					slow.ask(s)
				}
				if step == steps/2 {
					quick.ask(s)
					truth = append(truth, float64(len(s.Neighbours)))
				}
			}
		}
		mean := stat.Mean(truth).Mean
		t.Want("links of a node by the quick crawl, by those that there are", quick.mean()/mean, harness.Near(1, 0.01))
		t.Want("links of a node by the slow crawl, by those that there are", slow.mean()/mean, harness.AtLeast(1.1))
		t.Want("the most links by the slow crawl, by the most that there are", slow.most()/slices.Max(truth), harness.AtLeast(1))
	})
}

// A crawl is the links that it has heard of, by node.
type crawl map[p2p.Addr]map[p2p.Addr]bool

// ask hears of the links that a node has now. Each has two ends.
func (c crawl) ask(s p2p.State) {
	for _, a := range s.Neighbours {
		for _, end := range [][2]p2p.Addr{{s.Self, a}, {a, s.Self}} {
			if c[end[0]] == nil {
				c[end[0]] = map[p2p.Addr]bool{}
			}
			c[end[0]][end[1]] = true
		}
	}
}

func (c crawl) mean() float64 {
	n := 0
	for _, links := range c {
		n += len(links)
	}
	return float64(n) / float64(len(c))
}

func (c crawl) most() (n float64) {
	for _, links := range c {
		n = max(n, float64(len(links)))
	}
	return n
}
