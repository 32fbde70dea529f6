package bittorrent

import (
	"fmt"
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// A torrent is what a peer does for one torrent: its part in the swarm.
type torrent struct {
	c    *client
	meta *Metainfo
	hash Hash
	name string

	have      bitset
	avail     []uint16 // how many neighbours have each piece
	parts     []*part  // the pieces that are under way, in the order in which they began
	started   bitset   // their numbers
	only      []int    // pieces that must come from one neighbour, for they were wrong before
	peers     []*peer  // in the order in which they came
	known     []p2p.Addr
	banned    []p2p.Addr // who has lied, and as whom
	bannedIDs []ID
	chosen    *peer // the optimistic unchoke

	wishes            []wish
	last              time.Duration // when bytes came last
	dirty             bool          // more is here than was saved
	saved             time.Duration
	told              time.Duration // when the neighbours were told of others
	checking, shelved bool
	hollow            bool // nothing but the hash is known yet
	inquiry           *inquiry
	up, loaded        int64
	over              bool

	announcing *errand
	event      Event // not announced yet
	due        time.Duration
	failed     int           // announces in a row
	every      time.Duration // how often the tracker wants to hear
	seeds      int           // in the swarm, as the tracker says
	leechers   int
}

// A wish is a Fetch that waits.
type wish struct {
	r    p2p.Result
	done func(p2p.Result)
}

// add begins a torrent of which nothing is here yet.
func (c *client) add(meta *Metainfo) *torrent {
	t := &torrent{c: c, hash: meta.Hash, event: Started, every: mostError, last: c.env.Now(), told: c.env.Now()}
	t.take(meta)
	c.torrents = append(c.torrents, t)
	return t
}

// take makes room for the pieces of meta.
func (t *torrent) take(meta *Metainfo) {
	n := meta.Pieces()
	t.meta, t.name = meta, meta.Name
	t.have, t.started, t.avail = newBitset(n), newBitset(n), make([]uint16, n)
}

func (t *torrent) complete() bool { return t.have.full() && !t.checking && !t.hollow }

// left counts the bytes that are still to come.
func (t *torrent) left() int64 {
	if t.hollow {
		return blockLen // nobody knows
	}
	n := t.meta.Len - int64(t.have.count)*t.meta.PieceLen
	if last := t.have.n - 1; last >= 0 && t.have.has(last) {
		n += t.meta.PieceLen - t.meta.pieceLen(last)
	}
	return n
}

// await calls done when all is here.
func (t *torrent) await(r p2p.Result, done func(p2p.Result)) {
	if t.complete() {
		r.Blob = t.blob()
		done(r)
		return
	}
	t.last = t.c.env.Now()
	t.wishes = append(t.wishes, wish{r, done})
}

func (t *torrent) blob() p2p.Blob { return p2p.Blob{Name: t.name, Len: t.meta.Len} }

// completed is called once, when all is here.
func (t *torrent) completed() {
	for _, p := range slices.Clone(t.peers) {
		switch {
		case p.have.full() && p.said:
			p.close() // seeds have nothing to say to one another
		case p.interesting:
			p.interesting = false
			p2p.Send(t.c.env, p.link, NotInterested{})
		}
	}
	for _, w := range t.wishes {
		w.r.Blob = t.blob()
		w.done(w.r)
	}
	t.wishes, t.known = nil, nil
}

// tend is the torrent's part of every second.
func (t *torrent) tend() {
	now := t.c.env.Now()
	for _, p := range slices.Clone(t.peers) {
		p.tend(now)
	}
	t.connect()
	if t.hollow {
		t.inquire()
	}
	if now >= t.due && !t.checking {
		t.announce(t.event)
	}
	if t.dirty && now-t.saved >= saveEvery {
		t.save()
	}
	if t.c.cfg.Pex && now-t.told >= pexEvery {
		t.tell()
	}
	switch {
	case t.checking:
	case len(t.wishes) > 0 && now-t.last > t.c.cfg.GiveUp:
		t.end(p2p.ErrTimeout)
	case t.complete() && t.c.cfg.Ratio > 0 && float64(t.up) >= t.c.cfg.Ratio*float64(t.meta.Len):
		t.end(p2p.ErrGone)
		t.stop(deaf{})
	}
}

// end takes the torrent out of the client; what is here stays on the disk.
func (t *torrent) end(err error) {
	if t.over {
		return
	}
	t.over = true
	if t.dirty {
		t.save()
	}
	t.announcing.cancel()
	for _, p := range slices.Clone(t.peers) {
		p.close()
	}
	t.c.torrents = slices.DeleteFunc(t.c.torrents, func(o *torrent) bool { return o == t })
	for _, w := range t.wishes {
		w.r.Err = fmt.Errorf("%q: %d of %d pieces are here: %w", t.name, t.have.count, t.have.n, err)
		w.done(w.r)
	}
	t.wishes = nil
}

// join adds a neighbour. addr is where it listens; 0: that is not known yet.
func (t *torrent) join(link p2p.Peer, addr p2p.Addr) *peer {
	p := &peer{t: t, link: link, addr: addr, dialled: addr != 0, choking: true, choked: true, depth: firstDepth, pace: time.Second / firstDepth,
		have: newBitset(t.have.n), since: t.c.env.Now(), heard: t.c.env.Now(), spoke: t.c.env.Now()}
	t.peers = append(t.peers, p)
	return p
}

// meet notes addresses of others in the swarm.
func (t *torrent) meet(addrs []p2p.Addr) {
	if t.complete() {
		return
	}
	for _, a := range addrs {
		if a == t.c.env.Self() || len(t.known) >= maxPeers || slices.Contains(t.known, a) || slices.Contains(t.banned, a) || t.byAddr(a) != nil {
			continue
		}
		t.known = append(t.known, a)
	}
	t.connect()
}

func (t *torrent) byAddr(a p2p.Addr) *peer {
	for _, p := range t.peers {
		if p.addr == a {
			return p
		}
	}
	return nil
}

// connect dials some of those that are known.
func (t *torrent) connect() {
	for len(t.known) > 0 && len(t.peers) < t.c.cfg.Peers && !t.complete() && !t.checking {
		a := t.known[0]
		t.known = t.known[1:]
		if t.byAddr(a) != nil {
			continue
		}
		p := t.join(p2p.Peer{}, a)
		p.link = t.c.env.Dial(a, newFrames(), p)
	}
}

// ban ends the stream of a neighbour that has lied, and lets it in no more.
func (t *torrent) ban(p *peer) {
	if p.addr != 0 {
		t.banned = append(t.banned, p.addr)
	}
	t.bannedIDs = append(t.bannedIDs, p.id)
	p.close()
}

// neighbours are the addresses of those that it has greeted.
func (t *torrent) neighbours() []p2p.Addr {
	var out []p2p.Addr
	for _, p := range t.peers {
		if p.said && p.addr != 0 {
			out = append(out, p.addr)
		}
	}
	return out
}

// deaf hears an answer that changes nothing any more.
type deaf struct{}

func (deaf) Handle(p2p.Peer, p2p.Msg) {}
