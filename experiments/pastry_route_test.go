package experiments

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/stat"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
	"peerbed/protocols/pastry"
	"peerbed/protocols/ring"
)

// pastryHops is the mean number of hops from a random node to the root of a random
// key, with ideal tables, b=4 and L=16: just under log16 N. It was worked out apart
// from this code.
var pastryHops = map[int]float64{1000: 2.48, 2000: 2.69, 5000: 2.95, 10000: 3.23, 20000: 3.49, 50000: 3.74, 100000: 3.97}

// pastryPDF is how these hops are distributed among 10^5 nodes, from 0 on.
var pastryPDF = []float64{0, .0006, .0160, .1676, .6440, .1717}

// TestPastryFigure4Hops measures the mean number of hops (figure 4 of the paper; claim
// P2: log N), and that no hop goes back (no loops): each reaches a node that shares
// more digits with the key, or as many and is closer, but for the last, which a leaf
// set makes the closest.
func TestPastryFigure4Hops(t *testing.T) {
	harness.Repeat(t, 10, func(t *harness.T) {
		sizes := []int{1000}
		if *paper {
			sizes = []int{1000, 2000, 5000, 10000}
		}
		for _, n := range sizes {
			sum, paths := 0.0, pastryRoutes(t, n, size(1000, 4000))
			for _, path := range paths {
				sum += float64(len(path) - 1)
			}
			mean := sum / float64(len(paths))
			t.Want(fmt.Sprintf("hops at N=%d", n), mean, harness.Near(pastryHops[n], 0.08))
			t.Want(fmt.Sprintf("hops at N=%d more than log16 N", n), mean-math.Log(float64(n))/math.Log(16), harness.AtMost(0.05))
		}
	})
}

// pastryRoutes are lookups in a network of ideal tables, of which none goes back.
func pastryRoutes(t *harness.T, nodes, lookups int) [][]p2p.Hop {
	t.Helper()
	links := linkmodel.Model{Default: linkmodel.Link{Delay: time.Millisecond}}
	c := perfectPastry(t, pastry.Protocol, &links, nodes, 4)
	defer closeNow(t, c)
	var paths [][]p2p.Hop
	for _, o := range c.Run(0, asked{lookups: lookups}).Operations {
		mustApproach(t, o.Path, m64.Hash(o.Name))
		paths = append(paths, o.Path)
	}
	return paths
}

// mustApproach checks that every hop comes nearer: by digits, or as many and by
// number; the last by number.
func mustApproach(t testing.TB, path []p2p.Hop, key ring.ID) {
	t.Helper()
	apart := func(a p2p.Addr) ring.ID { return min(m64.Distance(m64.Addr(a), key), m64.Distance(key, m64.Addr(a))) }
	for i := 1; i < len(path); i++ {
		was, is := path[i-1].Addr, path[i].Addr
		before, after := digitsShared(m64.Addr(was), key), digitsShared(m64.Addr(is), key)
		last := i == len(path)-1
		if after < before && !last || after <= before && apart(is) >= apart(was) {
			t.Fatalf("hop %d of %v goes from %v to %v, away from %x", i, path, was, is, key)
		}
	}
}

// digitsShared counts the hex digits that two ids begin with alike.
func digitsShared(x, y ring.ID) (n int) {
	for shift := 60; shift >= 0 && x>>shift == y>>shift; shift -= 4 {
		n++
	}
	return n
}

// TestPastryFigure5Distribution measures figure 5, the distribution of hops among
// 10^5 nodes, which is one or two hundred MB: with -paper. The quick size is 1000
// nodes, of which it is only known that hops are never above 4.
func TestPastryFigure5Distribution(t *testing.T) {
	harness.Repeat(t, size(2, 3), func(t *harness.T) {
		n := size(1000, 100_000)
		var hist []float64
		for _, path := range pastryRoutes(t, n, size(2000, 20_000)) {
			count(&hist, len(path)-1)
		}
		t.Want("most hops", float64(len(hist)-1), harness.AtMost(float64(size(4, 5))))
		if *paper {
			t.Want("distance to the histogram at N=10^5", stat.Variation(hist, pastryPDF), harness.AtMost(0.02))
		}
	})
}

// TestPastryP5Stretch measures how much longer a route is than the straight way to
// its end (claim P5; figure 6): all ways added up, 1.3 to 1.4 times. With tables of
// any nodes that fit, instead of the nearest, every hop is as long as the straight way
// (the negative control).
//
// P4: early hops are short, later ones long, for there are fewer candidates for
// longer prefixes: a hop by row 1 is about sqrt(2^b) = 4 times as long as one by row
// 0. It is more where candidates are few (four in row 1 of 1000 nodes), for then the
// way to the nearest is cut off by the edge of the square.
func TestPastryP5Stretch(t *testing.T) {
	harness.Repeat(t, size(5, 10), func(t *harness.T) {
		n := size(1000, 10_000)
		links := plane(t, 1)
		d := far(&links)
		near := perfectPastry(t, nearPastry(&links), &links, n, 1)
		paths := routes(t, near, size(1000, 4000))
		closeNow(t, near)
		t.Want("route as to the straight way", stretch(d, paths), harness.Within(1.25, 1.45))
		rows := byRow(d, paths)
		t.Want("a hop by row 1 as to one by row 0", rows[1]/rows[0], harness.Within(3.5, 5.5))
		if *paper {
			t.Want("a hop by row 2 as to one by row 1", rows[2]/rows[1], harness.Within(3, 5.5))
		}
		random := perfectPastry(t, pastry.Protocol, &links, n, 1)
		t.Want("with random tables", stretch(d, routes(t, random, 500)), harness.AtLeast(2))
		closeNow(t, random)
	})
}

// stretch is the length of all routes in proportion to the straight ways.
func stretch(d pastry.Distance, paths [][]p2p.Hop) float64 {
	var walked, straight float64
	for _, path := range paths {
		for _, l := range lengths(d, path) {
			walked += l
		}
		straight += float64(d(path[0].Addr, path[len(path)-1].Addr))
	}
	return walked / straight
}

// byRow is the mean length of the hops that each row chose.
func byRow(d pastry.Distance, paths [][]p2p.Hop) [4]float64 {
	var sum, n [4]float64
	for _, path := range paths {
		for i, l := range lengths(d, path) {
			var row, digit int
			if k, _ := fmt.Sscanf(path[i+1].By, "row %d digit %d", &row, &digit); k == 2 && row < len(sum) {
				sum[row] += l
				n[row]++
			}
		}
	}
	for row := range sum {
		sum[row] /= max(n[row], 1)
	}
	return sum
}

// TestPastryP6Memory counts the entries of ideal tables (claim P6: O(log N)). A slot
// of row r is taken if one of N nodes falls into 1/16^(r+1) of the ids, so there are
// about sum 15 (1 - exp(-N/16^(r+1))) of them, and at most 15 a row of ceil(log16 N).
func TestPastryP6Memory(t *testing.T) {
	harness.Repeat(t, 5, func(t *harness.T) {
		for _, n := range []int{500, size(2000, 100_000)} {
			addrs := make([]p2p.Addr, n)
			for i := range addrs {
				addrs[i] = p2p.MakeAddr(10<<24+uint32(i), uint16(7000+t.Seed()))
			}
			entries := 0
			for _, s := range pastry.Protocol.Ideal(p2p.Default[pastry.Config](), addrs) {
				entries += len(s.Detail.(pastry.Detail).Table)
			}
			want := 0.0
			for row := range 16 {
				want += 15 * (1 - math.Exp(-float64(n)/math.Pow(16, float64(row+1))))
			}
			got := float64(entries) / float64(n)
			t.Want(fmt.Sprintf("entries at N=%d, of those expected", n), got/want, harness.Near(1, 0.03))
			t.Want(fmt.Sprintf("entries at N=%d, of 15 a row", n), got/(15*math.Ceil(math.Log(float64(n))/math.Log(16))), harness.AtMost(1))
		}
	})
}

// TestPastryFigure8Replicas measures which of the k=5 nodes with a copy a lookup
// finds, from the asker's point of view (figure 8): routing by prefix the nearest in
// 68 % of the cases, and one of the nearest two in 87 %; with the estimate of where
// the copies begin 76 % and 92 %. The bounds are for 10 000 nodes, b=3, L=8, M=16
// (-paper). The quick size, 1000 nodes, shows the same order, and that it is not chance.
func TestPastryFigure8Replicas(t *testing.T) {
	harness.Repeat(t, size(3, 10), func(t *harness.T) {
		first, second := replicas(t, "answer=first")
		nearest, two := replicas(t, "answer=estimate")
		if *paper {
			t.Want("nearest copy found", first, harness.Near(0.68, 0.04))
			t.Want("one of the nearest two found", second, harness.Near(0.87, 0.04))
			t.Want("nearest copy found, with the estimate", nearest, harness.Near(0.76, 0.04))
			t.Want("one of the nearest two found, with the estimate", two, harness.Near(0.92, 0.04))
		} else {
			t.Want("nearest copy found", first, harness.AtLeast(0.3)) // any of five would be 0.2
			t.Want("one of the nearest two found, with the estimate", two, harness.AtLeast(second))
		}
		t.Want("what the estimate brings", nearest-first, harness.AtLeast(0.01))
	})
}

// replicas looks up files with five copies from random nodes and returns in how many
// cases the nearest of them answered, or one of the nearest two.
func replicas(t *harness.T, answer string) (first, second float64) {
	n, files := size(1000, 10_000), size(10, 100)
	links := plane(t, 8)
	d := far(&links)
	c := perfectPastry(t, nearPastry(&links), &links, n, 8, "b=3", "leaves=8", "near=16", "copies=5", answer)
	defer closeNow(t, c)
	nodes := shuffled(t, n)
	tries := 0
	for f := range files {
		name := fmt.Sprintf("file-%d", f)
		out := c.Publish(nodes[f], name, 10)
		if out.Err != nil || len(out.Found) != 5 {
			t.Fatalf("%s is kept by %v, %v", name, out.Found, out.Err)
		}
		for k := range 50 {
			asker := nodes[(f*50+k)%n]
			from := c.Addr(asker)
			if slices.Contains(out.Found, from) {
				continue
			}
			got := c.Find(asker, name)
			if got.Err != nil {
				t.Fatal(got.Err)
			}
			nearer := 0
			for _, a := range out.Found {
				if d(from, a) < d(from, got.Found[0]) {
					nearer++
				}
			}
			tries++
			if nearer == 0 {
				first++
			}
			if nearer <= 1 {
				second++
			}
		}
	}
	return first / float64(tries), second / float64(tries)
}
