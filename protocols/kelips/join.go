package kelips

import (
	"slices"
	"time"

	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

// pause is the mean time before a node that could not join tries again.
const pause = time.Second

// introduced hears from the introducer through whom to join.
func (c *Kelips) introduced(m *introducer.Peers) {
	switch {
	case c.joined && !c.alone():
		c.client.Joined()
	case m.First:
		c.enter()
	default:
		j := &joining{c: c, peers: slices.Clone(m.Addrs)}
		j.next()
	}
}

// A joining asks one node after the other until one has answered, and then one
// of its own group, if it has heard of any: that one knows the group's files.
type joining struct {
	c     *Kelips
	peers []p2p.Addr // still to be asked
	asked p2p.Addr
	heard bool // somebody has answered
	mates int  // of its own group that were asked
}

// mostMates is how many of its own group a newcomer asks, if they are silent.
const mostMates = 3

func (j *joining) next() {
	if len(j.peers) == 0 {
		if j.heard || j.c.joined { // the introducer has forgotten who asks it
			j.c.enter()
			return
		}
		j.c.after(pause, tickJoin)
		return
	}
	j.asked, j.peers = j.peers[0], j.peers[1:]
	p2p.Ask(&j.c.calls, j.asked.Peer(), join{Groups: uint16(j.c.cfg.Groups)}, j, (*joining).welcomed)
}

func (j *joining) welcomed(r *welcome) {
	c := j.c
	mate := c.cfg.groupOf(j.asked) == c.group
	if r != nil {
		c.learn(r.Rumours, r.News)
		c.hear(j.asked, c.env.Now())
		j.heard, j.peers = true, nil
	}
	if r != nil && mate || !j.heard {
		j.next()
		return
	}
	var list []p2p.Addr
	for i := range c.view {
		if a := c.view[i].Addr; a != j.asked {
			list = append(list, a)
		}
	}
	if len(list) > 0 && j.mates < mostMates {
		j.mates++
		j.peers = append(j.peers[:0], list[c.env.Rand().IntN(len(list))])
	}
	j.next()
}

// answerJoin gives a newcomer a large ration: of the newcomer's own group first,
// whether that is this node's or one where it has contacts, and tuples for what
// room a datagram leaves.
func (c *Kelips) answerJoin(from p2p.Peer, q *join) {
	if int(q.Groups) != c.cfg.Groups {
		return
	}
	group := c.cfg.groupOf(from.Addr)
	r := welcome{Tag: q.Tag}
	for _, e := range c.of(group) {
		if e.Addr != 0 && e.Addr != from.Addr {
			r.Rumours = append(r.Rumours, rumour{Addr: e.Addr, Age: c.age(e.Born)})
		}
	}
	room := p2p.MaxDatagram - r.Size()
	r.Rumours = c.rumours(r.Rumours, c.cfg.JoinRation, c.cfg.JoinRation, room)
	if group == c.group {
		r.News = c.news(nil, maxTuples, p2p.MaxDatagram-r.Size())
	}
	c.hear(from.Addr, c.env.Now())
	p2p.Send(c.env, from, r)
}
