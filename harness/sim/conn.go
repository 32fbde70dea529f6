package sim

import "peerbed/protocols/p2p"

// A conn is a stream: end 0 dialled, end 1 accepts.
type conn struct {
	w      *World
	place  int // in w.conns; -1: over
	ends   [2]end
	broken bool   // one direction or both are cut, or a node has vanished
	epoch  uint32 // counts the changes of broken: an old silence is void
}

// check asks whether both directions of the stream are open, and lets it
// resume, or starts the time of silence.
func (c *conn) check() {
	if c.place < 0 {
		return
	}
	a, b := &c.ends[0], &c.ends[1]
	broken := a.blocked() || b.blocked()
	if broken && !c.broken {
		c.epoch++
		c.w.queue.carry(event{at: c.w.now + p2p.Silence, do: taskSilence, n: c.epoch}, load{end: a})
	}
	c.broken = broken
	a.resume()
	b.resume()
}

// walled reports whether the stream is dialled in vain: the other host is
// behind a firewall and has not taken it yet.
func (c *conn) walled() bool {
	b := &c.ends[1]
	return b.host != nil && b.host.walled && b.peer.Link == 0 && !b.over
}

// silent ends a stream that has been broken since epoch.
func (c *conn) silent(epoch uint32) {
	if !c.broken || c.epoch != epoch || c.place < 0 {
		return
	}
	c.remove()
	for i := range c.ends {
		c.ends[i].fallSilent()
	}
}

// revived lets the stream know that h, which had vanished, is back in a new
// life: it knows nothing of the streams of the old one and resets them.
func (c *conn) revived(h *host) {
	for i := range c.ends {
		if e := &c.ends[i]; e.host == h && e.life > 0 && e.life < h.life {
			e.abort(p2p.ErrReset)
		}
	}
	c.check()
}

// remove takes the stream out of the world. What is still under way is lost.
func (c *conn) remove() {
	if c.place < 0 {
		return
	}
	last := len(c.w.conns) - 1
	c.w.conns[c.place] = c.w.conns[last]
	c.w.conns[c.place].place = c.place
	c.w.conns[last] = nil
	c.w.conns = c.w.conns[:last]
	c.place = -1
	for i := range c.ends {
		c.ends[i].clear()
	}
}
