package bittorrent

import (
	"bytes"
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// pexEvery is how often neighbours are told of others (BEP 11).
const pexEvery = time.Minute

// extended hears which extensions a neighbour knows, and where it listens.
func (p *peer) extended(m *Extended) {
	p.pexTo, p.metaTo, p.infoLen = m.Pex, m.Metadata, int(m.InfoLen)
	if m.Port != 0 && p.addr == 0 {
		p.addr = p2p.MakeAddr(p.link.Addr.IP(), m.Port)
		if slices.Contains(p.t.banned, p.addr) {
			p.close()
			return
		}
	}
	if p.t.hollow {
		p.t.inquire()
	}
}

// tell tells the neighbours whom else this peer has met.
func (t *torrent) tell() {
	t.told = t.c.env.Now()
	now := t.neighbours()
	for _, p := range t.peers {
		if p.pexTo == 0 {
			continue
		}
		m := Pex{To: p.pexTo, Added: but(now, p.told, p.addr), Dropped: but(p.told, now, p.addr)}
		if len(m.Added)+len(m.Dropped) > 0 {
			p.told = slices.Clone(now)
			p.spoke = t.told
			p2p.Send(t.c.env, p.link, m)
		}
	}
}

// but returns what a has and b has not, without one.
func but(a, b []p2p.Addr, one p2p.Addr) []p2p.Addr {
	var out []p2p.Addr
	for _, x := range a {
		if x != one && !slices.Contains(b, x) && len(out) < maxPex/2 {
			out = append(out, x)
		}
	}
	return out
}

// metadata answers for a piece of the info dictionary (BEP 9).
func (p *peer) metadata(m *Metadata) {
	if m.Type != metadataRequest {
		p.t.informed(p, m)
		return
	}
	if p.metaTo == 0 {
		return
	}
	info := p.t.meta.Info
	from := int64(m.Piece) * blockLen
	answer := Metadata{To: p.metaTo, Type: metadataReject, Piece: m.Piece}
	if !p.t.hollow && from < int64(len(info)) {
		answer.Type, answer.Total = metadataData, uint32(len(info))
		answer.Data = bytes.Clone(info[from:min(from+blockLen, int64(len(info)))])
	}
	p2p.Send(p.t.c.env, p.link, answer)
}
