package napster

import (
	"slices"

	"peerbed/protocols/p2p"
)

// How a server brings an asker and an owner together:
//
//	asker           server            owner
//	203 request ->
//	                607 offer    ->
//	                             <-   608 accepted
//	        <-      204 granted                      the asker dials
//
// An owner that cannot be dialled has port 0, which the server says at once; the
// asker then asks again, with 500, and after the owner's 608 the server sends
// 501 to the owner, which dials.
//
// Asker and owner may be users of different servers. What the asker says goes to
// the owner's server, and what that answers goes back, as a [Relay].

// request takes an asker's wish to the owner's server.
func (s *server) request(asker *user, m *Request) {
	owner := s.named(m.Nick)
	switch {
	case owner == nil:
		deliver(s, m.Nick, asker, Denied{codeGetError, m.Nick, m.Name})
	case owner.here == nil:
		code := uint16(codeRequest)
		if m.Push {
			code = codePush
		}
		p2p.Send(s.env, owner.at.peer, Relay{asker.nick, owner.nick, code, dataOf(m)})
	default:
		s.offer(asker, owner, m)
	}
}

// offer asks an owner of this server.
func (s *server) offer(asker, owner *user, m *Request) {
	k := owner.here
	at, ok := k.files[m.Name]
	push := owner.addr.Port() == 0
	switch {
	case !ok || asker == owner:
		deliver(s, owner.nick, asker, Denied{codeGetError, m.Nick, m.Name})
		return
	case push && !m.Push:
		deliver(s, owner.nick, asker, s.dir.entries[at].granted())
		return
	case !push && m.Push:
		deliver(s, owner.nick, asker, Text{codeGeneral, owner.nick + " is not firewalled"})
		return
	}
	if len(k.offer) == maxOffers {
		k.offer = k.offer[1:]
	}
	k.offer = append(k.offer, offered{asker.nick, m.Name, m.Push})
	p2p.Send(s.env, k.peer, Offer{asker.nick, m.Name, asker.line})
}

// granted is what an asker is told of the owner.
func (e *entry) granted() Granted {
	u := e.owner.user
	return Granted{Nick: u.nick, IP: u.addr.IP(), Port: u.addr.Port(), Name: e.Name, MD5: e.MD5, Line: u.line}
}

// answers takes the offer out that an owner answers.
func (k *session) answers(nick, name string) (o offered, ok bool) {
	i := slices.IndexFunc(k.offer, func(o offered) bool { return o.nick == nick && o.name == name })
	if i < 0 {
		return o, false
	}
	o = k.offer[i]
	k.offer = slices.Delete(k.offer, i, i+1)
	return o, true
}

// accepted tells the two where to find each other.
func (k *session) accepted(m *Accepted) {
	o, ok := k.answers(m.Nick, m.Name)
	asker := k.s.named(m.Nick)
	at, shares := k.files[m.Name]
	switch {
	case !ok || asker == nil || !shares:
	case o.push:
		e := &k.s.dir.entries[at]
		p2p.Send(k.s.env, k.peer, Granted{asker.nick, asker.addr.IP(), asker.addr.Port(), e.Name, e.MD5, asker.line, true})
	default:
		deliver(k.s, k.user.nick, asker, k.s.dir.entries[at].granted())
	}
}

// declined tells the asker that the owner will not, or cannot now.
func declined[M any, P message[M]](k *session, nick, name string, why M) {
	if _, ok := k.answers(nick, name); !ok {
		return
	}
	if asker := k.s.named(nick); asker != nil {
		deliver[M, P](k.s, k.user.nick, asker, why)
	}
}

// message is a frame that can be sent and relayed.
type message[M any] interface {
	*M
	p2p.Msg
	frameOf
}

// deliver hands a message to a user, wherever it is logged in.
func deliver[M any, P message[M]](s *server, from string, to *user, m M) {
	switch {
	case to.here != nil:
		p2p.Send[M, P](s.env, to.here.peer, m)
	case to.at != nil:
		frame := P(&m).append(nil)
		p2p.Send(s.env, to.at.peer, Relay{from, to.nick, le.Uint16(frame[2:]), string(frame[headSize:])})
	}
}

func dataOf(m frameOf) string { return string(m.append(nil)[headSize:]) }

// relayed takes a frame from another server: a wish of one of its users for a
// file of one of ours, or what one of ours is to hear.
func (s *server) relayed(m *mate, r *Relay) {
	to, from := s.named(r.To), s.named(r.From)
	if to == nil || to.here == nil || s.env.Full(to.here.peer) {
		return
	}
	got, err := (&frames{}).parse(r.Code, []byte(r.Data))
	if err != nil {
		return
	}
	switch got := got.(type) {
	case *Request:
		if from != nil && from.at == m {
			s.offer(from, to, got)
		}
	case *Granted:
		p2p.Send(s.env, to.here.peer, *got)
	case *Denied:
		p2p.Send(s.env, to.here.peer, *got)
	case *Queued:
		p2p.Send(s.env, to.here.peer, *got)
	case *Text:
		p2p.Send(s.env, to.here.peer, *got)
	}
}
