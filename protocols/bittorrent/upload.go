package bittorrent

import (
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// A meter measures a rate over the last two periods of rechoking, 20 s by
// default (Cohen 2003).
type meter struct {
	total     int64
	cur, last int64
}

func (m *meter) add(n int)   { m.total += int64(n); m.cur += int64(n) }
func (m *meter) turn()       { m.cur, m.last = 0, m.cur }
func (m *meter) rate() int64 { return m.cur + m.last }

// A bucket limits a rate: bytes are taken from it, and flow into it.
type bucket struct {
	rate  int64 // bytes per second; 0: no limit
	spent time.Duration
	wait  bool
}

// refilled is the timer of both buckets.
type refilled struct{ p2p.Alarm }

const burst = 100 * time.Millisecond

// open reports whether bytes may be taken. If not, all neighbours are looked
// after again when they may.
func (b *bucket) open(c *client) bool {
	now := c.env.Now()
	if b.rate == 0 || b.spent <= now {
		return true
	}
	if !b.wait {
		b.wait = true
		c.env.After(b.spent-now, &refilled{})
	}
	return false
}

// take takes n bytes; what is too much delays the next.
func (b *bucket) take(c *client, n int64) {
	if b.rate > 0 {
		b.spent = max(b.spent, c.env.Now()-burst) + time.Duration(n*int64(time.Second)/b.rate)
	}
}

// limited goes on after a bucket was empty. Who comes first changes each time.
func (c *client) limited() {
	c.up.wait, c.down.wait = false, false
	for _, t := range c.torrents {
		if len(t.peers) == 0 {
			continue
		}
		from := c.env.Rand().IntN(len(t.peers))
		for _, p := range slices.Concat(t.peers[from:], t.peers[:from]) {
			p.serve()
			p.ask()
		}
	}
}

// requested takes the wish for a block, if p may have some.
func (p *peer) requested(b Block) {
	t := p.t
	legal := int(b.Piece) < t.have.n && b.Piece < 1<<31 && b.Len > 0 && b.Len <= maxBlock && int64(b.Begin)+int64(b.Len) <= t.meta.pieceLen(int(b.Piece))
	if !legal {
		p.close()
		return
	}
	if p.choking || !t.have.has(int(b.Piece)) || len(p.queue) >= maxQueue {
		p.reject(b)
		return
	}
	p.queue = append(p.queue, b)
	p.serve()
}

// reject says that a block will not come, to those who know how (BEP 6).
func (p *peer) reject(b Block) {
	if p.fast {
		p2p.Send(p.t.c.env, p.link, Reject{b})
	}
}

func (p *peer) cancelled(b Block) {
	if i := slices.Index(p.queue, b); i >= 0 {
		p.queue = slices.Delete(p.queue, i, i+1)
		p.reject(b)
	}
}

// serve sends blocks as long as the stream takes them.
func (p *peer) serve() {
	env := p.t.c.env
	for len(p.queue) > 0 && p.t.c.up.open(p.t.c) && !env.Full(p.link) {
		b := p.queue[0]
		p.t.c.up.take(p.t.c, int64(b.Len))
		p.queue = p.queue[1:]
		p.give(b)
	}
}

// give sends a block: as a Piece, and as Rests where it goes on in another
// file.
func (p *peer) give(b Block) {
	t := p.t
	env := t.c.env
	p.out.add(int(b.Len))
	t.up += int64(b.Len)
	p.spoke = env.Now()
	t.meta.each(int64(b.Piece)*t.meta.PieceLen+int64(b.Begin), int64(b.Len), func(blob string, at, from, n int64) {
		data := p2p.Content{Blob: blob, Off: at, Len: int(n)}
		if from == 0 {
			p2p.Send(env, p.link, Piece{b.Piece, b.Begin, b.Len, data})
		} else {
			p2p.Send(env, p.link, Rest{data})
		}
	})
}
