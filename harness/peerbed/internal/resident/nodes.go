package resident

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// find returns the numbers that a text names: "chord-3", an address, "3",
// "3-7".
func (r *Resident) find(text string) ([]int, error) {
	n := r.cluster.Size()
	for i := range n {
		if text == r.cluster.Name(i) || text == r.cluster.Addr(i).String() {
			return []int{i}, nil
		}
	}
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	from, err := strconv.Atoi(first)
	to, err2 := strconv.Atoi(last)
	if err != nil || err2 != nil || from < 0 || to >= n || from > to {
		return nil, fmt.Errorf("there is no node %q: want a name from %s to %s, a number from 0 to %d, or a range such as 0-%d",
			text, r.cluster.Name(0), r.cluster.Name(n-1), n-1, n-1)
	}
	var some []int
	for i := from; i <= to; i++ {
		some = append(some, i)
	}
	return some, nil
}

// all returns the numbers that texts name, each once, in order. A text may be
// a list with commas.
func (r *Resident) all(texts []string) ([]int, error) {
	var some []int
	for _, text := range texts {
		for one := range strings.SplitSeq(text, ",") {
			list, err := r.find(strings.TrimSpace(one))
			if err != nil {
				return nil, err
			}
			some = append(some, list...)
		}
	}
	slices.Sort(some)
	return slices.Compact(some), nil
}

// choose returns the nodes that are meant and fit: crash means nodes that are
// up, and resume those that are paused.
func (r *Resident) choose(q Nodes, what string, fits func(i int) bool) ([]int, error) {
	if !(q.Share >= 0 && q.Share <= 1) {
		return nil, fmt.Errorf("-share %v: want 0 to 1", q.Share)
	}
	if q.Share > 0 && len(q.Names) > 0 || q.Share == 0 && len(q.Names) == 0 {
		return nil, fmt.Errorf("want nodes to %s, or a -share of them: peerbed %s 3-7, peerbed %s -share 0.25", what, what, what)
	}
	if q.Share > 0 {
		return r.draw(q.Share, what, fits)
	}
	named, err := r.all(q.Names)
	if err != nil {
		return nil, err
	}
	some := slices.DeleteFunc(slices.Clone(named), func(i int) bool { return !fits(i) })
	if len(some) == 0 {
		return nil, fmt.Errorf("nothing to %s: %s", what, r.conditions(named))
	}
	return some, nil
}

// draw takes a share of the nodes that fit, rounded up; which ones follows from
// the seed and what has happened.
func (r *Resident) draw(share float64, what string, fits func(i int) bool) ([]int, error) {
	var some []int
	for i := range r.cluster.Size() {
		if fits(i) {
			some = append(some, i)
		}
	}
	if len(some) == 0 {
		return nil, fmt.Errorf("nothing to %s: no node is as it would have to be; peerbed status shows them", what)
	}
	g := rand.New(rand.NewPCG(r.cluster.Seed(), uint64(len(r.cluster.Faults()))))
	g.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
	some = some[:max(1, int(share*float64(len(some))+0.5))]
	slices.Sort(some)
	return some, nil
}

// conditions says how some nodes are, the first few of them.
func (r *Resident) conditions(nodes []int) string {
	var list []string
	for _, i := range nodes[:min(3, len(nodes))] {
		how := r.cluster.Condition(i)
		if !r.cluster.Up(i) {
			how = "down (" + how + ")"
		}
		list = append(list, fmt.Sprintf("%s is %s", r.cluster.Name(i), how))
	}
	if more := len(nodes) - len(list); more > 0 {
		list = append(list, fmt.Sprintf("and %d more; peerbed status shows them", more))
	}
	return strings.Join(list, ", ")
}

// groups reads what a cut parts: sizes, "16,16", or lists of nodes,
// "0-3,7/4-6". All must be there, and none twice.
func (r *Resident) groups(text string) ([][]int, error) {
	if !strings.Contains(text, "/") {
		return r.sizes(text)
	}
	var groups [][]int
	of := map[int]bool{}
	for part := range strings.SplitSeq(text, "/") {
		g, err := r.all([]string{part})
		if err != nil {
			return nil, err
		}
		for _, i := range g {
			if of[i] {
				return nil, fmt.Errorf("%s is in two of the groups %q; put each node into one", r.cluster.Name(i), text)
			}
			of[i] = true
		}
		groups = append(groups, g)
	}
	return groups, nil
}

func (r *Resident) sizes(text string) ([][]int, error) {
	var groups [][]int
	at := 0
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || n < 1 || n > r.cluster.Size()-at {
			return nil, fmt.Errorf("-groups %q: want sizes that %d nodes are enough for, such as 4,4, or lists such as 0-3/4-7", text, r.cluster.Size())
		}
		var g []int
		for range n {
			g = append(g, at)
			at++
		}
		groups = append(groups, g)
	}
	if len(groups) < 2 {
		return nil, fmt.Errorf("-groups %q: want two groups or more, such as 4,4 or 0-3/4-7", text)
	}
	return groups, nil
}
