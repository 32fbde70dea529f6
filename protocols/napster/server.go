package napster

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

// A server keeps the directory of what its users share, for as long as they
// are logged in. It holds none of their files.
type server struct {
	node  *node
	cfg   *Config
	env   p2p.Env
	intro introducer.Client

	dir      directory
	streams  []*session       // not logged in yet, in the order of their dials
	sessions []*session       // logged in, in the order of their logins
	users    map[string]*user // of sessions, by the nick in lower case
	accounts map[string]string

	mates   []*mate // the other servers
	asks    []*asking
	lastAsk uint32

	started, ended [2]uint64 // downloads and uploads that users have told of
}

// A user is somebody who is logged in, here or at another server.
type user struct {
	nick   string
	addr   p2p.Addr // port 0: it cannot be dialled
	build  uint16   // where it listens, if it is a client of ours
	line   Line
	client string
	here   *session // nil: at
	at     *mate
}

// ours reports whether the user's client is one of ours.
func (u *user) ours() bool { return strings.HasPrefix(u.client, "peerbed/") }

// accountsAs is where registered nicks lie on the Disk.
const accountsAs = "accounts"

func newServer(n *node) *server {
	return &server{node: n, cfg: &n.cfg, env: n.env, users: map[string]*user{}, accounts: map[string]string{}}
}

// start tells the introducer at once, for clients wait for it, and then asks it
// for other servers.
func (s *server) start() {
	for line := range strings.Lines(string(s.env.Disk().Load(accountsAs))) {
		if nick, sum, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			s.accounts[nick] = sum
		}
	}
	s.intro.Open(s.env, s.cfg.Introducer, s.node)
	if s.cfg.Introducer != "" {
		s.intro.Joined()
		s.intro.Ask()
		s.env.After(s.node.spread(time.Second), tickMates) // for servers that started with this one
	}
	for _, name := range serverNames(s.cfg.Server) {
		s.env.Resolve(name, s)
	}
	s.env.After(s.node.spread(s.cfg.Stats), tickStats)
}

// called hears of a stream: a client's or another server's.
func (s *server) called(from p2p.Peer) {
	k := &session{s: s, peer: from, since: s.env.Now()}
	if len(s.streams)+len(s.sessions) >= s.cfg.Users {
		k.turnAway()
		return
	}
	s.streams = append(s.streams, k)
	s.env.Hand(from, k)
}

// tend ends streams that do not log in.
func (s *server) tend() {
	for i := len(s.streams) - 1; i >= 0; i-- {
		if k := s.streams[i]; s.env.Now()-k.since > s.cfg.Login {
			k.fail("You did not log in.")
		}
	}
}

// admit logs a user in, or says why not.
func (s *server) admit(k *session, m *Login) {
	key := strings.ToLower(m.Nick)
	switch was := s.named(m.Nick); {
	case !proper(m.Nick):
		k.fail("Invalid Nickname")
		return
	case !s.password(key, m):
		k.fail("Invalid Password")
		return
	case was != nil && was.addr.IP() != k.peer.Addr.IP():
		k.fail(was.nick + " is already active")
		return
	case was != nil && was.here != nil: // the same host again: it has lost its session, and we have not heard of it yet
		was.here.fail("You are logged in again.")
	}
	k.user = &user{nick: m.Nick, addr: p2p.MakeAddr(k.peer.Addr.IP(), m.Port), line: m.Line, client: short(m.Client, maxMD5), here: k}
	if k.user.ours() {
		k.user.build = uint16(m.Build)
	}
	k.files = map[string]int32{}
	s.users[key] = k.user
	s.streams = slices.DeleteFunc(s.streams, func(o *session) bool { return o == k })
	s.sessions = append(s.sessions, k)
	s.tellMates(k.user.member(false))
	k.welcome(m)
}

// proper reports whether a nick can be said on the wire.
func proper(nick string) bool {
	return nick != "" && len(nick) <= 32 && !strings.ContainsFunc(nick, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' })
}

// maxAccounts bounds what a Disk must keep of them.
const maxAccounts = 500

// password checks a registered nick's, or registers one. A stranger can read it
// on the wire; here only its hash is kept.
func (s *server) password(key string, m *Login) bool {
	sum := sha256.Sum256([]byte(key + " " + m.Pass))
	text := hex.EncodeToString(sum[:])
	known, ok := s.accounts[key]
	if !ok && m.New && len(s.accounts) < maxAccounts {
		s.accounts[key] = text
		saved := s.env.Disk().Load(accountsAs)
		s.env.Disk().Save(accountsAs, fmt.Appendf(saved, "%s %s\n", key, text))
	}
	return !ok || known == text
}

// forget ends a session: what it shared vanishes.
func (s *server) forget(k *session) {
	s.streams = slices.DeleteFunc(s.streams, func(o *session) bool { return o == k })
	if k.user == nil {
		return
	}
	k.unshareAll()
	s.sessions = slices.DeleteFunc(s.sessions, func(o *session) bool { return o == k })
	delete(s.users, strings.ToLower(k.user.nick))
	s.tellMates(k.user.member(true))
	k.user = nil
}

// counts tells how many users and files there are here, and gigabytes.
func (s *server) counts() Text {
	return Text{codeStats, fmt.Sprintf("%d %d %d", len(s.sessions), s.dir.files, s.dir.bytes>>30)}
}

func (s *server) tellAll() {
	for _, k := range s.sessions {
		if !s.env.Full(k.peer) {
			p2p.Send(s.env, k.peer, s.counts())
		}
	}
}

// named finds a user, here or at another server.
func (s *server) named(nick string) *user {
	key := strings.ToLower(nick)
	if u := s.users[key]; u != nil {
		return u
	}
	for _, m := range s.mates {
		if u := m.users[key]; u != nil {
			return u
		}
	}
	return nil
}

// leave ends all sessions.
func (s *server) leave() {
	s.intro.Close()
	for _, k := range slices.Concat(s.streams, s.sessions) {
		s.env.Close(k.peer)
	}
	for _, m := range s.mates {
		s.env.Close(m.peer)
	}
	s.streams, s.sessions, s.mates = nil, nil, nil
}

// An asking is a search that other servers have been asked for.
type asking struct {
	s     *server
	id    uint32
	by    *session
	hits  []Hit
	most  int
	open  []*mate // who has not answered
	timer p2p.Timer
}

// maxAsks is how many searches may wait for other servers at once; more find what is
// here.
const maxAsks = 10_000

// matesLate ends the wait for other servers.
type matesLate struct {
	p2p.Alarm
	a *asking
}

func (m *matesLate) ring() { m.a.finish() }

// search looks in the directory, and asks all other servers too.
func (s *server) search(k *session, q *Search) {
	most := min(int(q.Max), s.cfg.Results)
	if q.Max == 0 {
		most = s.cfg.Results
	}
	hits := s.look(q, most)
	a := &asking{s: s, by: k, hits: hits, most: most}
	for _, m := range s.mates {
		if m.up && !q.Local && len(hits) < most && len(s.asks) < maxAsks && !s.env.Full(m.peer) {
			a.open = append(a.open, m)
		}
	}
	if len(a.open) == 0 {
		k.answer(hits, false)
		return
	}
	s.lastAsk++
	a.id = s.lastAsk
	a.timer = s.env.After(s.cfg.Patience/2, &matesLate{a: a})
	s.asks = append(s.asks, a)
	for _, m := range a.open {
		p2p.Send(s.env, m.peer, Ask{a.id, *q})
	}
}

// look finds hits in this server's own directory.
func (s *server) look(q *Search, most int) (hits []Hit) {
	s.dir.search(q, most, func(e *entry) { hits = append(hits, e.hit()) })
	return hits
}

func (e *entry) hit() Hit {
	u := e.owner.user
	h := Hit{File: e.File, Nick: u.nick, IP: u.addr.IP(), Line: u.line, Open: u.addr.Port() != 0, Port: u.build}
	if h.Port == 0 {
		h.Port = u.addr.Port()
	}
	return h
}

// answered takes another server's part.
func (s *server) answered(m *mate, r *Answer) {
	i := slices.IndexFunc(s.asks, func(a *asking) bool { return a.id == r.ID })
	if i < 0 {
		return
	}
	a := s.asks[i]
	if !slices.Contains(a.open, m) {
		return
	}
	a.hits = append(a.hits, r.Hits[:min(len(r.Hits), a.most-len(a.hits))]...)
	if r.End {
		a.without(m)
	}
}

// without goes on when a server has answered, or is lost.
func (a *asking) without(m *mate) {
	a.open = slices.DeleteFunc(a.open, func(o *mate) bool { return o == m })
	if len(a.open) == 0 {
		a.finish()
	}
}

func (a *asking) finish() {
	s := a.s
	s.env.Stop(a.timer)
	a.open = nil
	s.asks = slices.DeleteFunc(s.asks, func(o *asking) bool { return o == a })
	if a.by.user != nil {
		a.by.answer(a.hits, false)
	}
}
