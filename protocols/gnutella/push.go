package gnutella

import (
	"fmt"
	"strconv"
	"strings"

	"peerbed/protocols/p2p"
)

// Push: whoever cannot be dialled is asked, on the way back of its hits, to
// dial and offer the file (Clip2 v0.4, "Firewalled Servents").

const greetsGiv = "GIV "

func (m *Giv) append(dst []byte) []byte {
	name := strings.ReplaceAll(m.Name, "\n", " ")
	return fmt.Appendf(dst, "%s%d:%s/%s\n\n", greetsGiv, m.Index, m.Servent, name)
}

// parseGiv reads the line that begins a stream after a Push.
func parseGiv(line string) (m Giv, err error) {
	digits, rest, _ := strings.Cut(strings.TrimPrefix(line, greetsGiv), ":")
	id, name, slash := strings.Cut(rest, "/")
	index, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || !slash || m.Servent.UnmarshalText([]byte(id)) != nil {
		return Giv{}, fmt.Errorf("%w: %.60q; want GIV <index>:<servent>/<name>", p2p.ErrMalformed, line)
	}
	m.Index, m.Name = uint32(index), name
	return m, nil
}

// pushFlag is the bit in both bytes of open data by which a Hit says that its
// servent cannot be dialled.
const pushFlag = 1

// firewalled reports whether m says that it must be asked by Push. Servents of
// version 0.4 cannot say.
func (m *Hit) firewalled() bool {
	t := m.Trailer // vendor[4], length of open data, flags, controls
	return len(t) >= 7 && t[4] >= 2 && t[5]&t[6]&pushFlag != 0
}

// trailer is the vendor's block at the end of this servent's Hits: a code of
// four letters and two bytes of open data, which say whether it can be dialled,
// and that it is not busy.
func (s *servent) trailer() string {
	if s.cfg.Firewalled {
		return "PBED\x02\x3d\x01"
	}
	return "PBED\x02\x3c\x01"
}

// push asks the owner of f to dial to and offer it; false: no way leads there.
func (s *servent) push(f *source, to p2p.Addr) bool {
	way, ok := s.routes.find(route{f.servent, typePush})
	if !ok {
		return false
	}
	for _, l := range s.links {
		if l.peer.Link == way && s.takes(l) {
			h := Head{ID: s.newID(), TTL: uint8(s.cfg.TTL)}
			p2p.Send(s.env, l.peer, Push{h, f.servent, f.Index, to})
			return true
		}
	}
	return false
}

// pushed passes a Push on towards the servent that it is for, or obeys it.
func (s *servent) pushed(m *Push) {
	if m.Servent == s.id {
		s.give(m)
		return
	}
	to, ok := s.routes.find(route{m.Servent, typePush})
	if !ok {
		return
	}
	if to, h, ok := s.backward(to, m.Head); ok {
		p2p.Send(s.env, to, Push{h, m.Servent, m.Index, m.Addr})
	}
}

// give dials who wants a file and offers it. The other side asks then, as if it
// had dialled.
func (s *servent) give(m *Push) {
	f := s.library.at(m.Index)
	if f == nil || !dialable(m.Addr, s.env.Self()) || len(s.uploads) >= s.cfg.Uploads {
		return
	}
	u := &upload{s: s, last: s.env.Now()}
	u.peer = s.env.Dial(m.Addr, newTransfer(), u)
	s.uploads = append(s.uploads, u)
	p2p.Send(s.env, u.peer, Giv{f.index, s.id, f.name})
}

// offered hears an offer: of what a download waits for, or what another servent
// has asked this one to take.
func (s *servent) offered(from p2p.Peer, m *Giv) {
	s.hungUp(from)
	for _, d := range s.downloads {
		if d.waitsFor(m.Servent) {
			s.env.Hand(from, d)
			d.offered(from)
			return
		}
	}
	for _, r := range s.relays {
		if r.waitsFor(m.Servent) {
			s.env.Hand(from, r)
			r.offered(from, m)
			return
		}
	}
	s.env.Close(from)
}
