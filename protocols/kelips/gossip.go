package kelips

import (
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// round is what a node does every few seconds: it forgets the silent, gossips,
// refreshes the tuples of its files, and measures a round trip.
func (c *Kelips) round() {
	c.after(c.cfg.Gossip, tickRound)
	c.expire()
	for _, a := range c.targets(c.view, c.cfg.GroupTargets) {
		c.tell(a, true)
	}
	for _, a := range c.targets(c.contacts, c.cfg.ContactTargets) {
		c.tell(a, false)
	}
	c.refreshFiles()
	c.ping()
	c.revive()
}

// after sets a timer for half to one and a half times mean from now.
func (c *Kelips) after(mean time.Duration, t p2p.Msg) {
	c.env.After(mean/2+time.Duration(c.env.Rand().Int64N(int64(mean))), t)
}

// targets draws n nodes of a list: the first of them any, so that nobody is left
// out for being far away; the others with a chance as 1/rtt to the power Weight.
func (c *Kelips) targets(list []entry, n int) []p2p.Addr {
	var drawn []p2p.Addr
	for k := range n {
		power := c.cfg.Weight
		if k == 0 {
			power = 0
		}
		var total uint64
		for i := range list {
			total += weight(&list[i], power, drawn)
		}
		if total == 0 {
			break
		}
		x := c.env.Rand().Uint64N(total)
		for i := range list {
			w := weight(&list[i], power, drawn)
			if x < w {
				drawn = append(drawn, list[i].Addr)
				break
			}
			x -= w
		}
	}
	return drawn
}

// weight is the chance of an entry to be drawn, as a whole number, so that every
// machine draws the same. Round trips count from a millisecond to a second, and
// one that is not known as a hundred milliseconds.
func weight(e *entry, power int, but []p2p.Addr) uint64 {
	if e.Addr == 0 || slices.Contains(but, e.Addr) {
		return 0
	}
	rtt := uint64(min(max(e.rtt, 1e3), 1e6))
	if e.rtt == 0 {
		rtt = 100e3
	}
	w := uint64(1)
	for range power {
		w *= 1e6 / rtt
	}
	return w
}

// tell sends one message of gossip; tuples go to the own group only.
func (c *Kelips) tell(a p2p.Addr, mate bool) {
	m := p2p.New[gossip](c.env)
	m.Groups = uint16(c.cfg.Groups)
	m.Rumours = c.rumours(m.Rumours[:0], c.cfg.Members, c.cfg.Others, c.cfg.Bytes-m.overhead())
	if m.News = m.News[:0]; mate {
		m.News = c.news(m.News, c.cfg.Tuples, c.cfg.Bytes-m.Size())
	} else {
		m.Rumours = c.introduce(m.Rumours, a, (c.cfg.Bytes-m.overhead())/sizeRumour)
	}
	p2p.Ship(c.env, a.Peer(), m)
}

func (m *gossip) overhead() int { return (&gossip{}).Size() }

// rumours appends the rations of members and contacts to dst, and a few who said
// good-bye, within so many bytes.
func (c *Kelips) rumours(dst []rumour, members, others, room int) []rumour {
	most := min(room/sizeRumour, maxRumours)
	dst = c.ration(dst, c.view, min(members, most), c.cfg.Timeout)
	dst = c.ration(dst, c.contacts, min(others, most-len(dst)), c.cfg.ContactTimeout)
	for i := range c.left {
		if e := &c.left[i]; e.fresh > 0 && len(dst) < most {
			e.fresh--
			dst = append(dst, rumour{e.Addr, c.age(e.Born), true})
		}
	}
	return dst
}

// age is how long ago something was, as messages tell it.
func (c *Kelips) age(born time.Duration) time.Duration {
	return (c.env.Now() - born).Truncate(time.Millisecond)
}

// ration appends n entries of a list: half of them fresh, as far as there are
// so many, and the rest any. Those in doubt are not passed on.
func (c *Kelips) ration(dst []rumour, list []entry, n int, timeout time.Duration) []rumour {
	from, oldest := len(dst), c.env.Now()-timeout+c.doubt()
	draw(c.env, len(list), n, func(i int, freshOnly bool) bool {
		e := &list[i]
		if e.Addr == 0 || e.Born < oldest || freshOnly && e.fresh == 0 ||
			slices.ContainsFunc(dst[from:], func(r rumour) bool { return r.Addr == e.Addr }) {
			return false
		}
		if freshOnly {
			e.fresh--
		}
		dst = append(dst, rumour{Addr: e.Addr, Age: c.age(e.Born)})
		return true
	})
	return dst
}

// draw offers places of a list of the given length until n were taken: first,
// from a random place on, only what is fresh, for half of them; then any, at
// random. It gives up after a few draws that came to nothing.
func draw(env p2p.Env, length, n int, take func(i int, freshOnly bool) bool) {
	if length == 0 || n <= 0 {
		return
	}
	taken, from := 0, env.Rand().IntN(length)
	for i := 0; i < length && taken < (n+1)/2; i++ {
		if take((from+i)%length, true) {
			taken++
		}
	}
	for range 4 * n {
		if taken == n {
			return
		}
		if take(env.Rand().IntN(length), false) {
			taken++
		}
	}
}

// hearGossip takes in what another tells.
func (c *Kelips) hearGossip(from p2p.Peer, m *gossip) {
	if int(m.Groups) != c.cfg.Groups {
		return
	}
	c.hear(from.Addr, c.env.Now())
	c.learn(m.Rumours, m.News)
}

func (c *Kelips) learn(rumours []rumour, list []news) {
	now := c.env.Now()
	for i := range rumours {
		if r := &rumours[i]; r.Gone {
			c.depart(r.Addr, now-r.Age)
		} else {
			c.hear(r.Addr, now-r.Age)
		}
	}
	for i := range list {
		if n := &list[i]; n.Home != c.me { // what lies here, the node knows itself
			c.note(n.Name, n.Home, now-n.Age)
		}
	}
}

// revive gossips, now and then, to one of those that were forgotten: it may have
// been on the other side of a cut. And who knows nobody asks the introducer.
func (c *Kelips) revive() {
	if c.cfg.Revive == 0 || c.env.Rand().IntN(c.cfg.Revive) > 0 {
		return
	}
	if len(c.lost) > 0 {
		c.tell(c.lost[c.env.Rand().IntN(len(c.lost))], false)
	}
	if c.cfg.Introducer != "" && c.alone() {
		c.client.Ask()
	}
}
