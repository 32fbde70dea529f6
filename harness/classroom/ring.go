package classroom

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"peerbed/protocols/p2p"
)

// ring is the oracle of rings of 65536 ids, such as Chord's.
var ring = &oracle{
	twists: []Twist{
		{"direction", []Way{
			{"clockwise", "The ring runs clockwise: a node's successor is the node with the next higher id, and after ffff comes 0000."},
			{"counterclockwise", "The ring runs counterclockwise: a node's successor is the node with the next lower id, and after 0000 comes ffff."},
		}},
		{"owner", []Way{
			{"after", "A key belongs to the first node that lies at the key or after it, in the direction of the ring."},
			{"before", "A key belongs to the last node that lies at the key or before it, in the direction of the ring."},
		}},
		{"field", []Way{
			{"predecessor", "The result of find has as `id` the id of the node before the owner, four hex digits (the owner's own, if it is alone)."},
			{"successor", "The result of find has as `id` the id of the node after the owner, four hex digits (the owner's own, if it is alone)."},
			{"distance", "The result of find has as `id` how many ids lie between the key and its owner, one of them included, counted in the direction of the ring from whichever comes first, four hex digits (0000: the owner's id is the key)."},
		}},
		{"operation", []Way{
			{"next", "`next:KEY` is a wish like find of KEY, but `found` lists the owner and then up to two nodes that come after it, nobody twice."},
			{"arc", "`arc:KEY` is a wish like find of KEY, but `id` is how many ids belong to the owner, in hex, four digits at least (10000: all)."},
			{"opposite", "`opposite:KEY` is a wish like find, for the key half the circle away from KEY."},
		}},
	},
	most:   64,
	config: ringConfig,
	wish:   ringWish,
	mends:  ringMends,
	near:   ringNear,
	checks: map[string]func(*run) error{
		"answered": answered, "owner": rightOwner, "field": rightField, "operation": rightOperation,
		"ring": closedRing, "list": successorList, "identity": identity,
	},
	states: map[string]bool{"ring": true, "list": true},
}

// ringList is how many successors a node must know, if there are that many others.
const ringList = 3

func ringConfig(r *run, i int) map[string]string {
	c := map[string]string{"id": hexID(r.ids[i])}
	if i > 0 {
		c["contact"] = r.addrs[0].String()
	}
	return c
}

func hexID(id uint16) string { return fmt.Sprintf("%04x", id) }

// ringWish draws a key: one in four is a node's own id or lies beside one.
func ringWish(r *run, kind string, draw *rand.Rand) string {
	key := uint16(draw.Uint32())
	alive := r.alive()
	if near := alive[draw.IntN(len(alive))]; draw.IntN(4) == 0 {
		key = r.ids[near] + uint16(draw.IntN(3)) - 1
	}
	if kind == "operation" {
		return r.course.Ways["operation"].Name + ":" + hexID(key)
	}
	return hexID(key)
}

// ringMends reports whether of any three nodes in a row one outlives the dead.
func ringMends(l *layout, up, dead []int) bool {
	row, order := 0, l.byID(up)
	for range 2 {
		for _, i := range order {
			if row++; !slices.Contains(dead, i) {
				row = 0
			}
			if row >= ringList {
				return false
			}
		}
	}
	return true
}

// byID is the nodes in the order of their ids.
func (l *layout) byID(up []int) []int {
	return slices.SortedFunc(slices.Values(up), func(a, b int) int { return cmp.Compare(l.ids[a], l.ids[b]) })
}

// ringNear is the node before and the node after.
func ringNear(l *layout, up []int, i int) []int {
	order := l.byID(up)
	at, n := slices.Index(order, i), len(order)
	return []int{order[(at+n-1)%n], order[(at+1)%n]}
}

// A circle is the live nodes in the order of the course's ring.
type circle struct {
	r     *run
	order []int
}

func (r *run) circle() circle {
	c := circle{r, r.alive()}
	slices.SortFunc(c.order, func(a, b int) int { return cmp.Compare(c.place(r.ids[a]), c.place(r.ids[b])) })
	return c
}

// place is where an id lies from 0000 in the direction of the ring.
func (c circle) place(id uint16) uint16 {
	if c.r.course.Ways["direction"].Name == "counterclockwise" {
		return -id
	}
	return id
}

// at returns the node that lies k after the one at position i.
func (c circle) at(i, k int) int {
	n := len(c.order)
	return c.order[((i+k)%n+n)%n]
}

// owner is the position of a key's owner.
func (c circle) owner(key uint16) int {
	i, there := slices.BinarySearchFunc(c.order, c.place(key), func(o int, p uint16) int { return cmp.Compare(c.place(c.r.ids[o]), p) })
	if !there && c.r.course.Ways["owner"].Name == "before" {
		i--
	}
	n := len(c.order)
	return (i%n + n) % n
}

// away counts the ids from a to b in the direction of the ring.
func (c circle) away(a, b uint16) uint16 { return c.place(b) - c.place(a) }

// a expectation is what a wish ought to bring.
type expectation struct {
	found []p2p.Addr
	id    string
}

// expect works out what a wish ought to bring now.
func (c circle) expect(name string) expectation {
	operation, text, extra := strings.Cut(name, ":")
	if !extra {
		operation, text = "", name
	}
	k, _ := strconv.ParseUint(text, 16, 16)
	key := uint16(k)
	if operation == "opposite" {
		key += 1 << 15
	}
	o := c.owner(key)
	e := expectation{found: []p2p.Addr{c.r.addrs[c.order[o]]}}
	switch operation {
	case "next":
		for i := 1; i < min(3, len(c.order)); i++ {
			e.found = append(e.found, c.r.addrs[c.at(o, i)])
		}
	case "arc":
		e.id = c.arc(o)
	case "":
		e.id = c.field(key, o)
	}
	return e
}

func (c circle) arc(o int) string {
	ids := c.r.ids
	d := c.away(ids[c.at(o, -1)], ids[c.at(o, 0)])
	if c.r.course.Ways["owner"].Name == "before" {
		d = c.away(ids[c.at(o, 0)], ids[c.at(o, 1)])
	}
	if d == 0 {
		return "10000"
	}
	return hexID(d)
}

func (c circle) field(key uint16, o int) string {
	ids := c.r.ids
	switch c.r.course.Ways["field"].Name {
	case "predecessor":
		return hexID(ids[c.at(o, -1)])
	case "successor":
		return hexID(ids[c.at(o, 1)])
	}
	if c.r.course.Ways["owner"].Name == "before" {
		return hexID(c.away(ids[c.at(o, 0)], key))
	}
	return hexID(c.away(key, ids[c.at(o, 0)]))
}

// each asks a question of every find, and tells the first that fails.
func (r *run) each(ok func(*find) error) error {
	for _, f := range r.finds {
		if err := ok(f); err != nil {
			return fmt.Errorf("node %s was asked for %s at %.1f s: %w", r.name(f.node), f.name, f.at.Seconds(), err)
		}
	}
	return nil
}

// name is what a node is called: its id and its address.
func (r *run) name(i int) string { return fmt.Sprintf("%s (%v)", hexID(r.ids[i]), r.addrs[i]) }

// called is the name of whoever is at an address.
func (r *run) called(a p2p.Addr) string {
	i, ok := r.by[a]
	switch {
	case a == 0:
		return "nobody"
	case !ok:
		return fmt.Sprintf("%v, where no node is", a)
	case r.lives[i] == nil:
		return r.name(i) + ", which is down"
	}
	return r.name(i)
}

// answered holds if every find has brought something.
func answered(r *run) error {
	return r.each(func(f *find) error {
		switch {
		case !f.done:
			return fmt.Errorf("no result within %v", answering)
		case f.Err != nil:
			return fmt.Errorf("the result is an error: %w", f.Err)
		case len(f.Found) == 0:
			return errors.New("the result names nobody")
		}
		return nil
	})
}

// rightOwner holds if every find has brought the owner first.
func rightOwner(r *run) error {
	c := r.circle()
	return r.each(func(f *find) error {
		want := c.expect(f.name).found[0]
		if len(f.Found) == 0 || f.Found[0] != want {
			return fmt.Errorf("the result names %s, but the key belongs to %s", r.calledFirst(f), r.called(want))
		}
		return nil
	})
}

func (r *run) calledFirst(f *find) string {
	if len(f.Found) == 0 {
		return "nobody"
	}
	return r.called(f.Found[0])
}

// rightField holds if the result of every find has the course's id.
func rightField(r *run) error {
	c := r.circle()
	return r.each(func(f *find) error {
		if want := c.expect(f.name).id; f.ID != want {
			return fmt.Errorf("the result has id %q, want %q", f.ID, want)
		}
		return nil
	})
}

// rightOperation holds if the course's operation brings what it ought to.
func rightOperation(r *run) error {
	c := r.circle()
	return r.each(func(f *find) error {
		want := c.expect(f.name)
		if !slices.Equal(f.Found, want.found) {
			return fmt.Errorf("found is %v, want %v", f.Found, want.found)
		}
		if want.id != "" && f.ID != want.id {
			return fmt.Errorf("the result has id %q, want %q", f.ID, want.id)
		}
		return nil
	})
}

// identity holds if every node's state has the id that it was given.
func identity(r *run) error {
	for _, i := range r.alive() {
		if id := r.state(i).ID; id != hexID(r.ids[i]) {
			return fmt.Errorf("the state of %s has id %q", r.name(i), id)
		}
	}
	return nil
}

// A pointers is the detail of a state: whom a node takes for its neighbours.
type pointers struct {
	Predecessor *p2p.Addr  `json:"predecessor"`
	Successors  []p2p.Addr `json:"successors"`
}

func (r *run) pointers(i int) (p pointers, err error) {
	raw, _ := r.state(i).Detail.(json.RawMessage)
	if err := json.Unmarshal(raw, &p); err != nil || p.Predecessor == nil && len(p.Successors) == 0 {
		return p, fmt.Errorf("the state of %s has no detail with predecessor and successors", r.name(i))
	}
	return p, nil
}

// closedRing holds if every node's predecessor and first successor are right.
func closedRing(r *run) error {
	c := r.circle()
	for k, i := range c.order {
		p, err := r.pointers(i)
		if err != nil {
			return err
		}
		var first, before p2p.Addr
		if len(p.Successors) > 0 {
			first = p.Successors[0]
		}
		if p.Predecessor != nil {
			before = *p.Predecessor
		}
		if want := r.addrs[c.at(k, 1)]; first != want {
			return fmt.Errorf("%s has as successor %s, want %s", r.name(i), r.called(first), r.called(want))
		}
		if want := r.addrs[c.at(k, -1)]; before != want && len(c.order) > 1 {
			return fmt.Errorf("%s has as predecessor %s, want %s", r.name(i), r.called(before), r.called(want))
		}
	}
	return nil
}

// successorList holds if every node's next successors are right as well.
func successorList(r *run) error {
	c := r.circle()
	for k, i := range c.order {
		p, err := r.pointers(i)
		if err != nil {
			return err
		}
		for n := range min(ringList, len(c.order)-1) {
			want := r.addrs[c.at(k, n+1)]
			if n >= len(p.Successors) || p.Successors[n] != want {
				return fmt.Errorf("successor %d of %s is not %s; its list is %v", n+1, r.name(i), r.called(want), p.Successors)
			}
		}
	}
	return nil
}
