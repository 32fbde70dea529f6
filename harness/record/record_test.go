package record_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"peerbed/harness/record"
	"peerbed/protocols/p2p"
)

func addr(i int) p2p.Addr { return p2p.MakeAddr(10<<24|uint32(i+1), 7000) }

// angle reads the four hex digits of a test node's id.
func angle(s p2p.State) float64 {
	v, _ := strconv.ParseUint(s.ID, 16, 16)
	return float64(v) / 65536
}

// circle makes n nodes around a circle, each with its successor, predecessor
// and the nodes a quarter and a half around.
func circle(n int) []p2p.State {
	states := make([]p2p.State, n)
	for i := range states {
		s := p2p.State{Self: addr(i), ID: fmt.Sprintf("%04x", i*65536/n)}
		for _, d := range []int{1, n - 1, n / 8, n / 4, n / 2} {
			s.Neighbours = append(s.Neighbours, addr((i+d)%n))
		}
		states[i] = s
	}
	return states
}

// web makes n nodes that each know three earlier ones.
func web(n int) []p2p.State {
	r := rand.New(rand.NewPCG(1, 2))
	states := make([]p2p.State, n)
	for i := range states {
		states[i] = p2p.State{Self: addr(i), ID: fmt.Sprintf("%04x", r.IntN(65536))}
		for range min(i, 2) {
			states[i].Neighbours = append(states[i].Neighbours, addr(r.IntN(i)))
		}
	}
	return states
}

func sides(n int) [][]p2p.Addr {
	var g [2][]p2p.Addr
	for i := range n {
		g[i*2/n] = append(g[i*2/n], addr(i))
	}
	return g[:]
}

// tour is a page with all that a page can hold.
func tour(n int) *record.Page {
	c, w := circle(n), web(n)
	route := []p2p.Hop{{Addr: addr(n / 2)}, {Addr: addr(0), By: "finger 7"}, {Addr: addr(n / 8), By: "finger 5"}, {Addr: addr(n/8 + 1), By: "successor"}}
	pictures := func(s []p2p.State) []record.Picture {
		return []record.Picture{
			{Caption: "Before", Text: "Every file is found.", Nodes: s, Route: route, Outcome: "found in 3 hops",
				Holders: []p2p.Addr{addr(n/8 + 1)}, Keys: []record.Key{{Label: "K42", Angle: 0.155}}},
			{Caption: "After the crash", Text: "A quarter is gone.", Nodes: s[n/4:], Gone: s[:n/4]},
			{Caption: "During the cut", Text: "Two sides.", Nodes: s, Sides: sides(n)},
		}
	}
	t := record.Table{Title: "Before, during and after", Head: []string{"protocol", "when", "found"}, Notes: []string{"found: of all that was asked"}}
	t.Add("chord", "before", "100 %")
	t.Rule()
	t.Add("gnutella", "before", "99.5 %")
	plot := record.Plot{Title: "Path length", X: "log2 N", Y: "hops", Series: []record.Series{
		{Name: "expected", Points: []record.XY{{3, 1.4}, {4, 1.84}, {5, 2.45}, {6, 2.88}}},
		{Name: "measured", Dots: true, Points: []record.XY{{3, 1.45}, {4, 1.8}, {5, 2.4}, {6, 2.9}}},
	}, Bands: []record.Band{{"cut", 4, 5}}}
	return &record.Page{
		Title: "The tour", Lead: "Two networks, disturbed in the same way.", Command: "go test ./experiments",
		Facts:  []record.Fact{{"world", "sim"}, {"seed", "1"}},
		Tables: []record.Table{t}, Plots: []record.Plot{plot},
		Parts: []record.Part{
			{Title: "chord", Text: []string{"A ring."}, Overlay: record.Overlay{Angle: angle, Pictures: pictures(c)}},
			{Title: "gnutella <script>", Overlay: record.Overlay{Pictures: pictures(w)}, Plots: []record.Plot{plot}},
		},
	}
}

func html(t *testing.T, p *record.Page) string {
	t.Helper()
	var b bytes.Buffer
	n, err := p.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("WriteTo: %d bytes of %d, %v", n, b.Len(), err)
	}
	return b.String()
}

// A page is read years later, on a machine without a network.
func TestPageNeedsNothingElse(t *testing.T) {
	page := html(t, tour(24))
	if bad := regexp.MustCompile(`(?i)https?://|<script|<link|@import|src=|NaN|Inf\b|%!`).FindString(page); bad != "" {
		t.Errorf("the page holds %q", bad)
	}
	for _, want := range []string{"gnutella &lt;script&gt;", "K42", "10.0.0.1:7000", "by finger 7 of", "go test ./experiments", "6 gone"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if out := os.Getenv("PEERBED_OUT"); out != "" {
		if err := tour(24).Save(filepath.Join(out, "record.html")); err != nil {
			t.Error(err)
		}
	}
}

func TestPageIsTheSameEveryTime(t *testing.T) {
	if first, second := html(t, tour(40)), html(t, tour(40)); first != second {
		t.Error("the same data gave two different pages")
	}
}

func TestPageDrawsWhatHappened(t *testing.T) {
	page := html(t, tour(24))
	for class, want := range map[string]int{
		`class="hop"`:        2 * 3,  // one route on each overlay
		`class="node gone"`:  2 * 6,  // a quarter of 24
		`class="holder"`:     2,      //
		`class="node side2"`: 2 * 12, // half of 24
		`class="succ"`:       24 + 17,
		`class="succ side1"`: 11, // of twelve, the last one's is cut
		`class="succ stale"`: 1,  // the last before the gap; the first six are gone themselves
	} {
		if got := strings.Count(page, class); got != want {
			t.Errorf("%s: %d times, want %d", class, got, want)
		}
	}
}

// More nodes than an eye can follow are drawn as a sample, and the page says so.
func TestPageSamplesLargeNetworks(t *testing.T) {
	page := html(t, tour(2000))
	for _, want := range []string{"302 of 2000 nodes are drawn: evenly", "of 2000 nodes are drawn: those nearest"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if len(page) > 2<<20 {
		t.Errorf("the page has %d bytes; it should open at once", len(page))
	}
	if arcs := strings.Count(page, `class="succ"`); arcs < 300 {
		t.Errorf("%d arcs, want one between every two drawn nodes", arcs)
	}
}

func TestPageOfNothing(t *testing.T) {
	p := &record.Page{Title: "empty", Plots: []record.Plot{{}, {Series: []record.Series{{Points: []record.XY{{1, 0}}}}}},
		Parts: []record.Part{{Overlay: record.Overlay{Pictures: []record.Picture{{}}}}}}
	if page := html(t, p); strings.Contains(page, "NaN") {
		t.Error("the page holds NaN")
	}
}

func TestTable(t *testing.T) {
	p := tour(8)
	const want = `Before, during and after
  protocol  when    found
  --------  ----    -----
  chord     before  100 %

  gnutella  before  99.5 %
  found: of all that was asked
`
	if got := p.Tables[0].String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
