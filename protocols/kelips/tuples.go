package kelips

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"peerbed/protocols/p2p"
)

// A tuple says which node has a file. It is soft state like all else: its source,
// the home node, refreshes it, and it goes when that has not happened for too
// long. The members of the file's group all have it; the file they have not.
type tuple struct {
	Name  string
	Home  p2p.Addr
	Born  time.Duration // when Home last said that it has the file, by my clock
	fresh uint8
}

// maxKept bounds the tuples that a node keeps, whatever strangers say.
const maxKept = 1 << 17

func byName(t tuple, o tuple) int {
	return cmp.Or(strings.Compare(t.Name, o.Name), cmp.Compare(t.Home, o.Home))
}

// note takes in a tuple, if it is for this node to keep, and reports whether it
// is.
func (c *Kelips) note(name string, home p2p.Addr, born time.Duration) bool {
	if name == "" || home.IP() == 0 || home.Port() == 0 {
		return false
	}
	t := tuple{Name: name, Home: home, Born: born, fresh: freshFor}
	i, found := slices.BinarySearchFunc(c.tuples, t, byName)
	if found {
		if old := &c.tuples[i]; born > old.Born+c.cfg.Gossip/2 {
			old.Born, old.fresh = born, freshFor
		}
		return true
	}
	if c.env.Now()-born >= c.cfg.TupleTimeout-c.doubt() || len(c.tuples) == maxKept || !c.keeps(name, home) {
		return false
	}
	t.Name = strings.Clone(name)
	c.tuples = slices.Insert(c.tuples, i, t)
	c.mark++
	return true
}

// expireTuples forgets the tuples that were not refreshed. Those of this node's
// own files it refreshes itself.
func (c *Kelips) expireTuples() {
	now, n := c.env.Now(), len(c.tuples)
	c.tuples = slices.DeleteFunc(c.tuples, func(t tuple) bool { return now-t.Born > c.cfg.TupleTimeout })
	if len(c.tuples) < n {
		c.mark++
	}
}

// news appends a ration of n tuples to dst, within so many bytes.
func (c *Kelips) news(dst []news, n, room int) []news {
	oldest := c.env.Now() - c.cfg.TupleTimeout + c.doubt()
	draw(c.env, len(c.tuples), n, func(i int, freshOnly bool) bool {
		t := &c.tuples[i]
		size := sizeNews + len(t.Name)
		if t.Born < oldest || size > room || freshOnly && t.fresh == 0 ||
			slices.ContainsFunc(dst, func(o news) bool { return o.Name == t.Name && o.Home == t.Home }) {
			return false
		}
		if freshOnly {
			t.fresh--
		}
		room -= size
		dst = append(dst, news{t.Name, t.Home, c.age(t.Born)})
		return true
	})
	return dst
}

// homes returns who has a file, by the tuples: the one refreshed last first.
func (c *Kelips) homes(name string) []p2p.Addr {
	i, _ := slices.BinarySearchFunc(c.tuples, tuple{Name: name}, byName)
	var all []tuple
	for ; i < len(c.tuples) && c.tuples[i].Name == name; i++ {
		all = append(all, c.tuples[i])
	}
	slices.SortStableFunc(all, func(a, b tuple) int { return cmp.Compare(b.Born, a.Born) })
	var list []p2p.Addr
	for _, t := range all[:min(len(all), maxHomes)] {
		list = append(list, t.Home)
	}
	return list
}

// refreshFiles tells a member of the group of each file that is due that the file
// is still here.
func (c *Kelips) refreshFiles() {
	now := c.env.Now()
	for i := range c.files {
		if f := &c.files[i]; f.due <= now {
			f.due = now + c.cfg.Refresh
			c.handOn(&refresh{Name: f.Name, Home: c.me, Left: mostHandings})
		}
	}
}

// mostHandings is how often a refresh is handed on, from one who knows the file's
// group no better to the next.
const mostHandings = 3

// handOn keeps a refreshed tuple or hands it on to a member of its group.
func (c *Kelips) handOn(m *refresh) {
	group := c.place(m.Name)
	if group == c.group {
		c.note(m.Name, m.Home, c.env.Now())
		return
	}
	list := c.nearest(group)
	if m.Left == 0 || len(list) == 0 {
		return
	}
	to := list[c.env.Rand().IntN(len(list))]
	p2p.Send(c.env, to.Peer(), refresh{m.Name, m.Home, min(m.Left, mostHandings) - 1})
}

// unnote forgets a tuple at once.
func (c *Kelips) unnote(name string, home p2p.Addr) {
	if i, found := slices.BinarySearchFunc(c.tuples, tuple{Name: name, Home: home}, byName); found {
		c.tuples = slices.Delete(c.tuples, i, i+1)
		c.mark++
	}
}
