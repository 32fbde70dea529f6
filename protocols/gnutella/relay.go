package gnutella

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"peerbed/protocols/p2p"
)

// A relay is the answer to the lecture's question what to do if both sides are
// behind firewalls: a third servent, which both can dial, stands between. The
// asker dials it and says Relay, then sends a Push with its address; the owner
// dials it and says Giv. From then on it passes on what either says. It is an
// extension of ours.

const greetsRelay = "RELAY "

func (m *Relay) append(dst []byte) []byte {
	return append(append(append(dst, greetsRelay...), m.Servent.String()...), "\n\n"...)
}

func parseRelay(line string) (m Relay, err error) {
	if m.Servent.UnmarshalText([]byte(strings.TrimPrefix(line, greetsRelay))) != nil {
		return m, fmt.Errorf("%w: %.60q; want RELAY <servent>", p2p.ErrMalformed, line)
	}
	return m, nil
}

// A relay joins two streams. What comes for the asker goes through a file on
// the Disk, since bulk data is only ever sent from there; so a slow asker costs
// no memory.
type relay struct {
	s       *servent
	servent GUID
	asker   p2p.Peer
	owner   p2p.Peer // zero: has not come yet
	spool   string
	got     int64 // bytes that came
	kept    int64 // of them on the Disk
	sent    int64 // of them on their way to the asker
	last    time.Duration
}

// spools begins the names of relays' files, which a new life removes.
const spools = ".peerbed-relay-"

// clearSpools removes what relays of an earlier life have left.
func (s *servent) clearSpools() {
	for _, b := range s.env.Disk().Blobs() {
		if strings.HasPrefix(b.Name, spools) && s.library.find(b.Name) == nil {
			s.env.Disk().Remove(b.Name)
		}
	}
}

// standBetween takes the asker's half of a relay.
func (s *servent) standBetween(from p2p.Peer, m *Relay) {
	s.hungUp(from)
	if !s.cfg.Relay || s.cfg.Firewalled || len(s.relays) >= s.cfg.Uploads {
		s.env.Close(from)
		return
	}
	r := &relay{s: s, servent: m.Servent, asker: from, last: s.env.Now(), spool: fmt.Sprint(spools, from.Link)}
	s.relays = append(s.relays, r)
	s.env.Hand(from, r)
}

func (r *relay) waitsFor(servent GUID) bool { return r.owner.Link == 0 && r.servent == servent }

// offered tells the asker that the owner has come.
func (r *relay) offered(from p2p.Peer, m *Giv) {
	r.owner, r.last = from, r.s.env.Now()
	p2p.Send(r.s.env, r.asker, *m)
}

// Handle passes on what is said.
func (r *relay) Handle(from p2p.Peer, m p2p.Msg) {
	env := r.s.env
	r.last = env.Now()
	fromAsker, fromOwner := from == r.asker, from == r.owner
	switch m := m.(type) {
	case *Get:
		if fromAsker && r.owner.Link != 0 {
			p2p.Send(env, r.owner, *m)
		}
	case *Response:
		if fromOwner {
			p2p.Send(env, r.asker, *m)
		}
	case *Body:
		if fromOwner {
			env.Disk().Write(r.spool, r.got, m.Data, r)
			r.got += int64(m.Data.Len)
		}
	case *p2p.Written:
		r.written(m)
	case *p2p.Room:
		r.send()
	case *p2p.Down:
		if fromAsker || m.Err != nil || r.got == 0 {
			r.end()
		}
	default:
		r.end()
	}
}

func (r *relay) written(m *p2p.Written) {
	switch {
	case r.spool == "": // it has ended
	case m.Err != nil:
		r.end()
	default:
		r.kept += int64(m.Len)
		r.send()
	}
}

// send hands the asker what lies on the Disk, as fast as its stream takes it.
func (r *relay) send() {
	env := r.s.env
	for r.sent < r.kept && !env.Full(r.asker) {
		n := min(r.kept-r.sent, p2p.MaxContent)
		p2p.Send(env, r.asker, Body{p2p.Content{Blob: r.spool, Off: r.sent, Len: int(n)}})
		r.sent += n
	}
}

// end closes both sides. The asker hangs up when it has all, not the relay,
// whose last bytes may still lie on the Disk.
func (r *relay) end() {
	s := r.s
	s.env.Close(r.asker)
	if r.owner.Link != 0 {
		s.env.Close(r.owner)
	}
	if r.spool != "" {
		s.env.Disk().Remove(r.spool)
		r.spool = ""
	}
	s.relays = slices.DeleteFunc(s.relays, func(k *relay) bool { return k == r })
}

// third names a servent that may stand between: one that this side has dialled,
// another each time.
func (s *servent) third(turn int) p2p.Addr {
	var open []p2p.Addr
	for _, l := range s.links {
		if l.up && !l.inbound {
			open = append(open, l.addr)
		}
	}
	if len(open) == 0 {
		return 0
	}
	return open[turn%len(open)]
}
