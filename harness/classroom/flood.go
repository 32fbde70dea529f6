package classroom

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// flood is the oracle of networks without structure, such as Gnutella's: a query
// goes to all neighbours, and from them on, as far as its time to live allows.
var flood = &oracle{
	twists: []Twist{
		{"ttl", []Way{
			{"2", "A query reaches nodes that are at most 2 hops away: a neighbour is 1 hop away."},
			{"3", "A query reaches nodes that are at most 3 hops away: a neighbour is 1 hop away."},
			{"4", "A query reaches nodes that are at most 4 hops away: a neighbour is 1 hop away."},
		}},
		{"own", []Way{
			{"included", "If the node that is asked has the file itself, it belongs to `found` too, and is 0 hops away."},
			{"excluded", "The node that is asked never belongs to `found`, even if it has the file itself."},
		}},
		{"order", []Way{
			{"near", "`found` is in the order of hops, the nearest first, and within equal hops in any order."},
			{"far", "`found` is in the order of hops, the farthest first, and within equal hops in any order."},
		}},
		{"field", []Way{
			{"count", "The result has as `id` how many addresses `found` has, four hex digits."},
			{"nearest", "The result has as `id` how many hops the nearest of `found` is away, four hex digits (ffff: nobody was found)."},
			{"farthest", "The result has as `id` how many hops the farthest of `found` is away, four hex digits (ffff: nobody was found)."},
		}},
	},
	most: 64,
	// All links take the same time, so that what comes first has come the shortest way.
	links:  linkmodel.Model{Default: linkmodel.Link{Delay: 20 * time.Millisecond}},
	config: floodConfig,
	wish: func(r *run, _ string, draw *rand.Rand) string {
		return fileName(draw.IntN(floodFiles + 1)) // the last has nobody
	},
	checks: map[string]func(*run) error{
		"answered": finished, "holders": rightHolders, "order": rightOrder, "field": rightCount, "once": onceEach, "neighbours": rightNeighbours,
	},
	states: map[string]bool{"neighbours": true},
}

// floodFiles is how many different files there are.
const floodFiles = 12

func fileName(i int) string { return fmt.Sprintf("file-%02d", i) }

// A graph is who knows whom and who has what, all drawn from the layout's number.
type graph struct {
	links [][]int
	files [][]string
}

// graph draws a circle, so that all hang together, with half as many more links.
func (r *run) graph() graph {
	n := r.c.Nodes
	draw := rand.New(rand.NewPCG(uint64(r.c.Port), 0x6772617068))
	g := graph{make([][]int, n), make([][]string, n)}
	link := func(a, b int) {
		if a != b && !slices.Contains(g.links[a], b) {
			g.links[a], g.links[b] = append(g.links[a], b), append(g.links[b], a)
		}
	}
	for i := range n {
		link(i, (i+1)%n)
	}
	for range (n + 1) / 2 {
		link(draw.IntN(n), draw.IntN(n))
	}
	for i := range n {
		for range draw.IntN(4) {
			if f := fileName(draw.IntN(floodFiles)); !slices.Contains(g.files[i], f) {
				g.files[i] = append(g.files[i], f)
			}
		}
	}
	return g
}

func floodConfig(r *run, i int) map[string]string {
	g := r.graph()
	var names []string
	for _, k := range g.links[i] {
		names = append(names, r.addrs[k].String())
	}
	return map[string]string{"neighbours": strings.Join(names, ","), "files": strings.Join(g.files[i], ",")}
}

// hops is how far every node is that a query of node i reaches; -1: it does not.
func (r *run) hops(g graph, i int) []int {
	ttl, _ := strconv.Atoi(r.course.Ways["ttl"].Name)
	far := make([]int, r.c.Nodes)
	for k := range far {
		far[k] = -1
	}
	far[i] = 0
	for queue := []int{i}; len(queue) > 0; queue = queue[1:] {
		for _, k := range g.links[queue[0]] {
			if far[k] < 0 && r.lives[k] != nil && far[queue[0]] < ttl {
				far[k] = far[queue[0]] + 1
				queue = append(queue, k)
			}
		}
	}
	return far
}

// holders are the nodes that a find ought to name, and how far they are.
func (r *run) holders(g graph, f *find) (who []p2p.Addr, far map[p2p.Addr]int) {
	far = map[p2p.Addr]int{}
	for i, h := range r.hops(g, f.node) {
		if h > 0 && slices.Contains(g.files[i], f.name) || h == 0 && r.course.Ways["own"].Name == "included" && slices.Contains(g.files[i], f.name) {
			who = append(who, r.addrs[i])
			far[r.addrs[i]] = h
		}
	}
	return who, far
}

// finished holds if every find has a result without an error.
func finished(r *run) error {
	return r.eachFile(func(f *find) error {
		switch {
		case !f.done:
			return fmt.Errorf("no result within %v", answering)
		case f.Err != nil:
			return fmt.Errorf("the result is an error: %w", f.Err)
		}
		return nil
	})
}

func (r *run) eachFile(ok func(*find) error) error {
	for _, f := range r.finds {
		if err := ok(f); err != nil {
			return fmt.Errorf("%s was asked for %s at %.1f s: %w", r.short(f.node), f.name, f.at.Seconds(), err)
		}
	}
	return nil
}

// rightHolders holds if every find has brought all that have the file within
// reach, and nobody else.
func rightHolders(r *run) error {
	g := r.graph()
	return r.eachFile(func(f *find) error {
		want, _ := r.holders(g, f)
		got := slices.Sorted(slices.Values(f.Found))
		slices.Sort(want)
		for _, a := range want {
			if !slices.Contains(got, a) {
				return fmt.Errorf("%s has the file and is within reach, but was not found", r.shortAt(a))
			}
		}
		for i, a := range got {
			if !slices.Contains(want, a) || i > 0 && got[i-1] == a {
				return fmt.Errorf("%s was found, but is not within reach, has no such file, or is named twice", r.shortAt(a))
			}
		}
		return nil
	})
}

func (r *run) shortAt(a p2p.Addr) string {
	if i, ok := r.by[a]; ok {
		return r.short(i)
	}
	return a.String()
}

// rightOrder holds if found is in the course's order.
func rightOrder(r *run) error {
	g := r.graph()
	sign := 1
	if r.course.Ways["order"].Name == "far" {
		sign = -1
	}
	return r.eachFile(func(f *find) error {
		_, far := r.holders(g, f)
		if !slices.IsSortedFunc(f.Found, func(a, b p2p.Addr) int { return sign * cmp.Compare(far[a], far[b]) }) {
			return errors.New("found is not in the order that the course wants")
		}
		return nil
	})
}

// rightCount holds if the result has the course's id.
func rightCount(r *run) error {
	g := r.graph()
	return r.eachFile(func(f *find) error {
		who, far := r.holders(g, f)
		want := len(who)
		if name := r.course.Ways["field"].Name; name != "count" {
			want = 0xffff
			for _, h := range far { // in any order
				if want == 0xffff || name == "nearest" && h < want || name == "farthest" && h > want {
					want = h
				}
			}
		}
		if text := hexID(uint16(want)); f.ID != text {
			return fmt.Errorf("the result has id %q, want %q", f.ID, text)
		}
		return nil
	})
}

// onceEach holds if no find has cost more messages than a flood in which every node
// hands a query on once, to all but where it came from, and every answer goes back
// the way it came.
func onceEach(r *run) error {
	g := r.graph()
	return r.eachFile(func(f *find) error {
		most, far := 0, r.hops(g, f.node)
		ttl, _ := strconv.Atoi(r.course.Ways["ttl"].Name)
		for i, h := range far {
			if h >= 0 && h < ttl {
				most += len(g.links[i]) - min(h, 1)
			}
			if h > 0 && slices.Contains(g.files[i], f.name) {
				most += h
			}
		}
		if got := r.w.Cost(f.cause, p2p.Lookup).Messages; got > uint64(most) {
			return fmt.Errorf("it took %d messages, want at most %d: each node hands a query on once, and not to where it came from", got, most)
		}
		return nil
	})
}

// rightNeighbours holds if states name the neighbours that the nodes were given.
func rightNeighbours(r *run) error {
	g := r.graph()
	for _, i := range r.alive() {
		got := slices.Sorted(slices.Values(r.state(i).Neighbours))
		var want []p2p.Addr
		for _, k := range g.links[i] {
			want = append(want, r.addrs[k])
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			return fmt.Errorf("the state of %s has the neighbours %v, want %v", r.short(i), got, want)
		}
	}
	return nil
}
