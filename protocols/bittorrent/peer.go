package bittorrent

import (
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

const (
	quiet      = 2 * time.Minute // of silence: a neighbour is gone
	keepEvery  = 100 * time.Second
	firstDepth = 5   // requests on their way, as in 2003
	maxQueue   = 512 // requests of a neighbour that wait
)

// A peer is a neighbour in a swarm: one stream.
type peer struct {
	t       *torrent
	link    p2p.Peer
	addr    p2p.Addr // where it listens; 0: not known
	id      ID
	dialled bool // by this side
	said    bool // its handshake has come
	fast    bool // both know BEP 6
	extends bool // both know BEP 10
	pexTo   uint8
	metaTo  uint8
	infoLen int        // of the info dictionary, as it says; 0: it cannot be asked
	told    []p2p.Addr // whom it has been told of
	have    bitset

	choking     bool // this side answers none of its requests
	choked      bool // it answers none of this side's
	interesting bool // it has something that is wanted here
	interested  bool
	snubbed     bool
	unchoked    time.Duration // when this side unchoked it last

	bringing *part   // the last piece that it was asked for; nil: none
	asked    []Block // of it, and not come yet
	late     []Block // asked, and given up; may still come
	depth    int     // how many blocks to ask for at a time
	queue    []Block // that it has asked for
	rest     rest    // of a block that comes in parts
	in       meter
	out      meter

	since, heard, spoke time.Duration // it came; last bytes from it; last to it
	pace                time.Duration // between two blocks
	block               time.Duration // it brought one, or was asked while it owed none
}

// greet sends the handshake.
func (p *peer) greet() {
	h := Handshake{Hash: p.t.hash, ID: p.t.c.id}
	h.Reserved[extendedByte] |= extendedBit
	if p.t.c.cfg.Fast {
		h.Reserved[fastByte] |= fastBit
	}
	p2p.Send(p.t.c.env, p.link, h)
}

// greeted takes its handshake and says what is here.
func (p *peer) greeted(m *Handshake) {
	c := p.t.c
	if p.said || m.Hash != p.t.hash || m.ID == c.id || slices.Contains(p.t.bannedIDs, m.ID) {
		p.close()
		return
	}
	p.said, p.id = true, m.ID
	p.fast = c.cfg.Fast && m.Reserved[fastByte]&fastBit != 0
	p.extends = m.Reserved[extendedByte]&extendedBit != 0
	if other := p.t.double(p); other != nil {
		loser := p.loser(other)
		loser.close()
		if loser == p {
			return
		}
	}
	if p.extends {
		p2p.Send(c.env, p.link, Extended{Metadata: extMetadata, Pex: extPex, InfoLen: uint32(len(p.t.meta.Info)), Port: c.env.Self().Port(), Version: agent})
	}
	p.tellHave()
}

// tellHave says which pieces are here.
func (p *peer) tellHave() {
	env, have := p.t.c.env, &p.t.have
	switch {
	case p.fast && have.full() && !p.t.hollow:
		p2p.Send(env, p.link, HaveAll{})
	case p.fast && have.count == 0:
		p2p.Send(env, p.link, HaveNone{})
	case have.count > 0:
		p2p.Send(env, p.link, Bitfield{Bits: have.bytes()})
	}
}

// double returns another stream to the same neighbour.
func (t *torrent) double(p *peer) *peer {
	for _, o := range t.peers {
		if o != p && o.said && o.id == p.id {
			return o
		}
	}
	return nil
}

// loser says which of two streams to one neighbour ends: both sides keep the
// one that the lower ID has dialled.
func (p *peer) loser(o *peer) *peer {
	lower := slices.Compare(p.t.c.id[:], p.id[:]) < 0
	if p.dialled != o.dialled && p.dialled == lower {
		return o
	}
	return p
}

// Handle hears the stream.
func (p *peer) Handle(_ p2p.Peer, m p2p.Msg) {
	if p.t.over {
		return
	}
	p.heard = p.t.c.env.Now()
	switch m := m.(type) {
	case *p2p.Up:
		p.greet()
		return
	case *p2p.Down:
		p.leave()
		return
	case *Handshake:
		p.greeted(m)
		return
	case *p2p.Room:
		p.serve()
		return
	}
	if !p.said { // a conversation begins with a handshake
		p.close()
		return
	}
	p.talk(m)
}

func (p *peer) talk(m p2p.Msg) {
	if p.t.hollow && m.Kind() < kindExtended {
		return // without knowing the pieces it makes no sense
	}
	switch m := m.(type) {
	case *Choke:
		p.chokes()
	case *Unchoke:
		p.choked = false
		p.ask()
	case *Interested:
		p.interested = true
		p.t.fill(p)
	case *NotInterested:
		p.interested = false
	case *Have:
		p.gets(int64(m.Piece))
	case *Bitfield:
		p.bitfield(m.Bits)
	case *HaveAll:
		all := newBitset(p.have.n)
		all.fill()
		p.holds(all)
	case *HaveNone:
		p.holds(newBitset(p.have.n))
	case *Request:
		p.requested(m.Block)
	case *Cancel:
		p.cancelled(m.Block)
	case *Reject:
		p.rejected(m.Block)
	case *Piece:
		p.brings(m)
	case *Rest:
		p.goesOn(m)
	case *Extended:
		p.extended(m)
	case *Metadata:
		p.metadata(m)
	case *Pex:
		p.t.meet(m.Added)
	case *KeepAlive, *Suggest, *AllowedFast: // hints that need not be taken
	default:
		p.close()
	}
}

// gets notes that it has one piece more.
func (p *peer) gets(i int64) {
	if i >= int64(p.have.n) {
		p.close()
		return
	}
	if !p.have.set(int(i)) {
		return
	}
	p.t.avail[i]++
	if !p.interesting && !p.t.have.has(int(i)) {
		p.wants(true)
	}
	if p.have.full() && p.t.complete() {
		p.close()
		return
	}
	p.ask()
}

// bitfield may come in the middle of a conversation too: some clients send it
// instead of many Haves.
func (p *peer) bitfield(src []byte) {
	b, ok := parseBits(src, p.have.n)
	if !ok {
		p.close()
		return
	}
	p.holds(b)
}

// holds puts what it has in place of what was known.
func (p *peer) holds(b bitset) {
	for i := range b.n {
		if b.has(i) && !p.have.has(i) {
			p.t.avail[i]++
		} else if !b.has(i) && p.have.has(i) {
			p.t.avail[i]--
		}
	}
	p.have = b
	if p.have.full() && p.t.complete() {
		p.close()
		return
	}
	p.wants(p.t.have.lacks(&p.have))
	p.ask()
}

// wants says whether it has something for this side.
func (p *peer) wants(yes bool) {
	if p.interesting == yes {
		return
	}
	p.interesting = yes
	if yes {
		p2p.Send(p.t.c.env, p.link, Interested{})
	} else {
		p2p.Send(p.t.c.env, p.link, NotInterested{})
	}
}

// tend keeps the stream alive, and ends it when the other side is not.
func (p *peer) tend(now time.Duration) {
	switch {
	case now-p.heard > quiet, !p.said && now-p.since > idle:
		p.close()
	case p.said && now-p.spoke > keepEvery:
		p.spoke = now
		p2p.Send(p.t.c.env, p.link, KeepAlive{})
	}
}

func (p *peer) close() {
	p.t.c.env.Close(p.link)
	p.leave()
}

// leave takes it out of the swarm's neighbours.
func (p *peer) leave() {
	t := p.t
	i := slices.Index(t.peers, p)
	if i < 0 {
		return
	}
	t.peers = slices.Delete(t.peers, i, i+1)
	for i := range p.have.n {
		if p.have.has(i) {
			t.avail[i]--
		}
	}
	p.release()
	if t.chosen == p {
		t.chosen = nil
	}
	if !t.over {
		t.refill()
	}
}

// refill lets all neighbours ask for what has become free.
func (t *torrent) refill() {
	for _, p := range slices.Clone(t.peers) {
		p.ask()
	}
}
