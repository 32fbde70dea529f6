package napster

import (
	"slices"
	"strings"
	"time"

	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

// matesEvery is how often a server asks the introducer for others: those from
// whom a cut has parted it come back so.
const matesEvery = 15 * time.Second

// A mate is the link to another server.
type mate struct {
	s     *server
	addr  p2p.Addr
	peer  p2p.Peer
	ours  bool             // this server has dialled
	up    bool             // its Hello has come
	users map[string]*user // who is there, by the nick in lower case
}

// introduced hears of other servers, and stays known itself: by asking it was
// forgotten.
func (s *server) introduced(m *introducer.Peers) {
	if s.node.gone {
		return
	}
	for _, a := range m.Addrs {
		s.link(a)
	}
	s.intro.Joined()
}

// Handle hears the addresses of the servers of Config.Server.
func (s *server) Handle(_ p2p.Peer, m p2p.Msg) {
	if r, ok := m.(*p2p.Resolved); ok && !s.node.gone {
		for _, a := range r.Addrs {
			s.link(a)
		}
	}
}

// link dials another server, unless there is a link to it.
func (s *server) link(a p2p.Addr) {
	if a == s.env.Self() || s.mate(a) != nil {
		return
	}
	m := &mate{s: s, addr: a, ours: true, users: map[string]*user{}}
	m.peer = s.env.Dial(a, &frames{}, m)
	s.mates = append(s.mates, m)
	p2p.Send(s.env, m.peer, Hello{s.env.Self()})
}

func (s *server) mate(a p2p.Addr) *mate {
	if i := slices.IndexFunc(s.mates, func(m *mate) bool { return m.addr == a }); i >= 0 {
		return s.mates[i]
	}
	return nil
}

// greeted hears of a server that has dialled this one. Of two links between the
// same two servers the one stays that the lower address has dialled.
func (s *server) greeted(from p2p.Peer, m *Hello) {
	if old := s.mate(m.Addr); old != nil {
		if m.Addr == s.env.Self() || old.ours && s.env.Self() < m.Addr {
			s.env.Close(from)
			return
		}
		old.end()
	}
	k := &mate{s: s, addr: m.Addr, peer: from, users: map[string]*user{}}
	s.mates = append(s.mates, k)
	s.env.Hand(from, k)
	p2p.Send(s.env, from, Hello{s.env.Self()})
	k.stands()
}

// stands tells the other server who is here.
func (m *mate) stands() {
	m.up = true
	for _, k := range m.s.sessions {
		p2p.Send(m.s.env, m.peer, k.user.member(false))
	}
}

func (u *user) member(gone bool) Member {
	return Member{u.nick, u.addr, u.build, u.line, u.client, gone}
}

func (s *server) tellMates(m Member) {
	for _, k := range s.mates {
		if k.up {
			p2p.Send(s.env, k.peer, m)
		}
	}
}

// Handle hears of the link.
func (m *mate) Handle(_ p2p.Peer, msg p2p.Msg) {
	s := m.s
	switch msg := msg.(type) {
	case *p2p.Up, *p2p.Room:
	case *Hello:
		if !m.up {
			m.stands()
		}
	case *Member:
		s.member(m, msg)
	case *Ask:
		m.answer(msg)
	case *Answer:
		s.answered(m, msg)
	case *Relay:
		s.relayed(m, msg)
	case *p2p.Down:
		m.forget()
	default:
		m.end()
	}
}

// maxRemote is how many users of another server are remembered.
const maxRemote = 1_000_000

// member notes who is at another server. If it has a session here too, that is dead
// and nobody has noticed yet.
func (s *server) member(m *mate, is *Member) {
	key := strings.ToLower(is.Nick)
	switch {
	case !proper(is.Nick):
	case is.Gone:
		delete(m.users, key)
	case len(m.users) < maxRemote:
		m.users[key] = &user{nick: is.Nick, addr: is.Addr, build: is.Build, line: is.Line, client: is.Client, at: m}
		if was := s.users[key]; was != nil && was.addr.IP() == is.Addr.IP() {
			was.here.fail("You are logged in at another server.")
		}
	}
}

// answer looks for another server, in this one's own directory only.
func (m *mate) answer(q *Ask) {
	env := m.s.env
	if env.Full(m.peer) {
		m.end()
		return
	}
	most := min(int(q.Max), m.s.cfg.Results)
	if q.Max == 0 {
		most = m.s.cfg.Results
	}
	hits := m.s.look(&q.Search, most)
	for {
		n, bytes := 0, 0
		for n < len(hits) && bytes < writePiece {
			bytes += 1 + hits[n].size()
			n++
		}
		p2p.Send(env, m.peer, Answer{q.ID, Results{Hits: hits[:n:n], End: n == len(hits)}})
		if hits = hits[n:]; len(hits) == 0 {
			return
		}
	}
}

func (m *mate) end() {
	m.s.env.Close(m.peer)
	m.forget()
}

// forget drops the link, and with it whom it told of.
func (m *mate) forget() {
	s := m.s
	s.mates = slices.DeleteFunc(s.mates, func(k *mate) bool { return k == m })
	for _, a := range slices.Clone(s.asks) {
		if slices.Contains(a.open, m) {
			a.without(m)
		}
	}
}
