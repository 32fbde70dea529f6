package kelips

import (
	"cmp"
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// An Eviction says which contact of a group makes room for another node of that
// group that is heard of, where all places are taken.
type Eviction uint8

const (
	// Oldest: the one whose heartbeat is the oldest, if the other's is newer.
	// Contacts change all the time, and dead ones go soon.
	Oldest Eviction = iota
	// Farthest: the one with the longest round trip, if the other's is shorter
	// (section 3 of the paper); the other is pinged first. One that is in doubt
	// goes before.
	Farthest
)

var evictionNames = []string{Oldest: "oldest", Farthest: "farthest"}

// MarshalText writes the eviction's name.
func (e Eviction) MarshalText() ([]byte, error) { return []byte(evictionNames[e]), nil }

// UnmarshalText reads it.
func (e *Eviction) UnmarshalText(b []byte) (err error) {
	*e, err = pick[Eviction](b, evictionNames)
	return err
}

// of returns the places for contacts in a group.
func (c *Kelips) of(group int) []entry {
	return c.contacts[group*c.cfg.Contacts : (group+1)*c.cfg.Contacts]
}

// knows reports whether the node knows anybody of a group, itself included.
func (c *Kelips) knows(group int) bool {
	return group == c.group || slices.ContainsFunc(c.of(group), func(e entry) bool { return e.Addr != 0 })
}

// hearContact takes note of a heartbeat of a node of another group.
func (c *Kelips) hearContact(group int, a p2p.Addr, born time.Duration) {
	places := c.of(group)
	worst := &places[0]
	for i := range places {
		e := &places[i]
		if e.Addr == a {
			c.renew(e, born)
			return
		}
		if worst.Addr != 0 && (e.Addr == 0 || e.Born < worst.Born) {
			worst = e
		}
	}
	now := c.env.Now()
	if now-born >= c.cfg.ContactTimeout-c.doubt() {
		return
	}
	switch {
	case worst.Addr == 0, now-worst.Born > c.cfg.ContactTimeout/2 && born > worst.Born:
	case c.cfg.Eviction == Farthest:
		c.probe.candidate(a, born)
		return
	case born <= worst.Born+c.cfg.Gossip/2:
		return
	}
	c.replace(worst, group, entry{Addr: a, Born: born, fresh: freshFor})
}

// A former is a contact that made room for another of its group. The two may not
// know each other: so the next message to the new one tells it of the old one, or
// with one contact a group nobody could ever tell the one of the other.
type former struct {
	entry
	group int
}

// maxFormer bounds the former contacts that a node remembers.
const maxFormer = 8

func (c *Kelips) replace(old *entry, group int, by entry) {
	if old.Addr != 0 {
		if len(c.former) == maxFormer {
			c.former = append(c.former[:0], c.former[1:]...)
		}
		c.former = append(c.former, former{*old, group})
	}
	*old = by
	c.found(by.Addr)
}

// introduce appends the former contacts in a group to what its new contact a is
// told.
func (c *Kelips) introduce(dst []rumour, a p2p.Addr, most int) []rumour {
	if len(c.former) == 0 {
		return dst
	}
	group := c.cfg.groupOf(a)
	for i := range c.former {
		f := &c.former[i]
		if f.group == group && f.Addr != a && len(dst) < most && c.env.Now()-f.Born < c.cfg.ContactTimeout-c.doubt() {
			dst = append(dst, rumour{Addr: f.Addr, Age: c.age(f.Born)})
		}
	}
	return dst
}

// nearer puts a candidate whose round trip was measured in the place of the
// farthest contact of its group, if it is nearer.
func (c *Kelips) nearer(e entry) {
	group := c.cfg.groupOf(e.Addr)
	places := c.of(group)
	farthest := slices.MaxFunc(places, func(a, b entry) int { return cmp.Compare(a.rtt, b.rtt) })
	i := slices.Index(places, farthest)
	if farthest.rtt > e.rtt && !slices.ContainsFunc(places, func(o entry) bool { return o.Addr == e.Addr }) {
		c.replace(&places[i], group, e)
	}
}

// shy is the round trip, in microseconds, that an entry is given when its node
// did not answer a lookup: it is asked after the others, until it was measured
// anew.
const shy = 1 << 30

// silent takes note that a node did not answer.
func (c *Kelips) silent(a p2p.Addr) {
	if e := c.known(a); e != nil {
		e.rtt = shy
	}
}

// nearest lists the contacts in a group by round trip; those that were not
// measured come after those that were.
func (c *Kelips) nearest(group int) []p2p.Addr {
	places := slices.Clone(c.of(group))
	slices.SortStableFunc(places, func(a, b entry) int { return cmp.Compare(a.rtt-1, b.rtt-1) })
	var list []p2p.Addr
	for _, e := range places {
		if e.Addr != 0 {
			list = append(list, e.Addr)
		}
	}
	return list
}
