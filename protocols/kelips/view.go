package kelips

import (
	"cmp"
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// An entry is what a node keeps of another. All of it is soft state: it goes when
// no heartbeat has come for long enough.
type entry struct {
	Addr  p2p.Addr
	Born  time.Duration // when the last heartbeat that is known of was made, by my clock
	rtt   uint32        // round trip in microseconds; 0: not measured
	fresh uint8         // how often it is still to be passed on as fresh
}

// freshFor is how often what is new is passed on as such: once to each target of
// a round.
const freshFor = 3

// maxView bounds whom a node keeps of its own group, whatever strangers say.
const maxView = 1 << 16

// at returns where a node stands in a list in order of address, or would stand.
func at(list []entry, a p2p.Addr) (int, bool) {
	return slices.BinarySearchFunc(list, a, func(e entry, a p2p.Addr) int { return cmp.Compare(e.Addr, a) })
}

// hear takes note of a heartbeat.
func (c *Kelips) hear(a p2p.Addr, born time.Duration) {
	if a == c.me || a.IP() == 0 || a.Port() == 0 {
		return
	}
	i, mine := at(c.view, a)
	if mine {
		c.renew(&c.view[i], born)
		return
	}
	if c.departed(a, born) {
		return
	}
	if g := c.cfg.groupOf(a); g != c.group {
		c.hearContact(g, a, born)
		return
	}
	if c.env.Now()-born < c.cfg.Timeout-c.doubt() && len(c.view) < maxView {
		c.view = slices.Insert(c.view, i, entry{Addr: a, Born: born, fresh: freshFor})
		c.found(a)
	}
}

// found marks a change, and that who was lost is there again.
func (c *Kelips) found(a p2p.Addr) {
	c.mark++
	c.lost = slices.DeleteFunc(c.lost, func(l p2p.Addr) bool { return l == a })
}

// renew takes over a newer heartbeat. On its way each one grows a little younger,
// by the time that datagrams take, so that it must be newer by more than that.
func (c *Kelips) renew(e *entry, born time.Duration) {
	if born > e.Born+c.cfg.Gossip/2 {
		e.Born, e.fresh = born, freshFor
	}
}

// doubt is how long before its time-out an entry is not passed on any more, lest
// some should forget a dead node and hear of it again from others.
func (c *Kelips) doubt() time.Duration { return 2 * c.cfg.Gossip }

// expire forgets who has been silent for too long.
func (c *Kelips) expire() {
	now := c.env.Now()
	c.view = slices.DeleteFunc(c.view, func(e entry) bool {
		if now-e.Born <= c.cfg.Timeout {
			return false
		}
		c.lose(e.Addr)
		return true
	})
	for i := range c.contacts {
		if e := &c.contacts[i]; e.Addr != 0 && now-e.Born > c.cfg.ContactTimeout {
			c.lose(e.Addr)
			*e = entry{}
		}
	}
	most := max(c.cfg.Timeout, c.cfg.ContactTimeout)
	c.left = slices.DeleteFunc(c.left, func(e entry) bool { return now-e.Born > most })
	c.expireTuples()
}

// maxLost bounds the forgotten that a node remembers, to look for them now and
// then: see revive.
const maxLost = 32

func (c *Kelips) lose(a p2p.Addr) {
	c.mark++
	if len(c.lost) == maxLost {
		c.lost = append(c.lost[:0], c.lost[1:]...)
	}
	c.lost = append(c.lost, a)
}

// alone reports whether the node knows nobody.
func (c *Kelips) alone() bool {
	return len(c.view) == 0 && !slices.ContainsFunc(c.contacts, func(e entry) bool { return e.Addr != 0 })
}

// known returns the entry of a node, nil if there is none.
func (c *Kelips) known(a p2p.Addr) *entry {
	if i, found := at(c.view, a); found {
		return &c.view[i]
	}
	for i, group := 0, c.of(c.cfg.groupOf(a)); i < len(group); i++ {
		if group[i].Addr == a {
			return &group[i]
		}
	}
	return nil
}

// drop takes a node out of the view or the contacts.
func (c *Kelips) drop(a p2p.Addr) {
	if i, found := at(c.view, a); found {
		c.view = slices.Delete(c.view, i, i+1)
		c.mark++
	} else if e := c.known(a); e != nil {
		*e = entry{}
		c.mark++
	}
}

// maxLeft bounds the good-byes that a node remembers.
const maxLeft = 64

// depart takes note that a node has said good-bye. The news goes on by gossip, so
// that those hear of it whom the one that left did not know.
func (c *Kelips) depart(a p2p.Addr, born time.Duration) {
	if a == c.me || c.departed(a, born) {
		return
	}
	if e := c.known(a); e != nil && e.Born > born+c.cfg.Gossip/2 {
		return // it is back
	}
	c.drop(a)
	c.left = slices.DeleteFunc(c.left, func(e entry) bool { return e.Addr == a })
	if len(c.left) == maxLeft {
		c.left = append(c.left[:0], c.left[1:]...)
	}
	c.left = append(c.left, entry{Addr: a, Born: born, fresh: freshFor})
}

// departed reports whether a node said good-bye after it had made a heartbeat.
func (c *Kelips) departed(a p2p.Addr, born time.Duration) bool {
	return slices.ContainsFunc(c.left, func(e entry) bool { return e.Addr == a && born <= e.Born+c.cfg.Gossip/2 })
}

// leave says good-bye to all that the node knows.
func (c *Kelips) leave() {
	for _, list := range [][]entry{c.view, c.contacts} {
		for i := range list {
			if a := list[i].Addr; a != 0 {
				p2p.Send(c.env, a.Peer(), bye{})
			}
		}
	}
	c.client.Close()
	c.gone = true
}
