package napster

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"peerbed/protocols/p2p"
)

// A session is one stream of a server: of a user who is logged in, or of
// somebody who has not said yet who it is.
type session struct {
	s     *server
	peer  p2p.Peer
	since time.Duration
	user  *user            // nil: not logged in
	files map[string]int32 // entries by name
	order []int32          // the same, as they came
	offer []offered
}

// An offered is a file that this user has been asked for by another.
type offered struct {
	nick, name string
	push       bool // the user is to dial
}

// maxOffers is how many a user may leave unanswered.
const maxOffers = 256

// turnAway names another server to who cannot be taken.
func (k *session) turnAway() {
	for _, m := range k.s.mates {
		if m.up {
			ip, port, _ := strings.Cut(m.addr.String(), ":")
			p2p.Send(k.s.env, k.peer, Text{codeRedirect, ip + " " + port})
			break
		}
	}
	p2p.Send(k.s.env, k.peer, Text{codeError, "This server is full."})
	k.s.env.Close(k.peer)
}

// fail says why, and ends the session.
func (k *session) fail(why string) {
	p2p.Send(k.s.env, k.peer, Text{codeError, why})
	k.end()
}

func (k *session) end() {
	k.s.env.Close(k.peer)
	k.s.forget(k)
}

// complain is what a user is told who is logged in.
func (k *session) complain(format string, args ...any) {
	p2p.Send(k.s.env, k.peer, Text{codeGeneral, short(fmt.Sprintf(format, args...), maxText)})
}

// Limits of what goes on to others: their programs stop reading where a frame is too
// long, and no stranger may make one so.
const (
	maxText = 1024 // bytes of a message to a user
	maxMD5  = 64
)

func short(s string, most int) string { return s[:min(len(s), most)] }

// Handle hears of the stream. Who does not read what it has asked for is left.
func (k *session) Handle(from p2p.Peer, m p2p.Msg) {
	switch m.(type) {
	case *p2p.Up, *p2p.Room:
		return
	case *p2p.Down:
		k.s.forget(k)
		return
	}
	switch {
	case k.user == nil:
		k.stranger(from, m)
	case k.s.env.Full(k.peer):
		k.end()
	default:
		k.hear(m)
	}
}

// stranger hears who is there: a user, or another server.
func (k *session) stranger(from p2p.Peer, m p2p.Msg) {
	switch m := m.(type) {
	case *Login:
		k.s.admit(k, m)
		return
	case *Hello:
		k.s.forget(k)
		k.s.greeted(from, m)
		return
	case *Text:
		if m.Code == codeNick {
			k.s.checkNick(k, m.Text)
			return
		}
	}
	k.end()
}

// checkNick answers whether a nick is free.
func (s *server) checkNick(k *session, nick string) {
	code := uint16(codeNickFree)
	switch _, registered := s.accounts[strings.ToLower(nick)]; {
	case !proper(nick):
		code = codeNickBad
	case registered || s.named(nick) != nil:
		code = codeNickTaken
	}
	p2p.Send(s.env, k.peer, Text{Code: code})
}

// welcome is what a client waits for, and then may skip.
func (k *session) welcome(m *Login) {
	env := k.s.env
	mail := "anon@server"
	if m.New {
		mail = m.Email
	}
	p2p.Send(env, k.peer, Text{codeWelcome, mail})
	p2p.Send(env, k.peer, Text{codeMotd, "VERSION " + agent})
	p2p.Send(env, k.peer, Text{codeMotd, "SERVER " + env.Self().String()})
	for line := range strings.SplitSeq(k.s.cfg.Motd, "\n") {
		p2p.Send(env, k.peer, Text{codeMotd, line})
	}
	p2p.Send(env, k.peer, k.s.counts())
}

// hear takes what a user says.
func (k *session) hear(m p2p.Msg) {
	switch m := m.(type) {
	case *Share:
		k.share(m.File)
	case *Folder:
		for _, f := range m.Files {
			f.Name = m.Dir + f.Name
			k.share(f)
		}
	case *Unshare:
		k.unshare(m.Name)
	case *Search:
		k.s.search(k, m)
	case *Request:
		k.s.request(k.user, m)
	case *Accepted:
		k.accepted(m)
	case *Denied:
		declined(k, m.Nick, m.Name, Denied{codeNoAccept, k.user.nick, m.Name})
	case *Queued:
		declined(k, m.Nick, m.Name, Queued{codeQueued, k.user.nick, m.Name, m.Limit})
	case *Text:
		k.said(m)
	default:
		k.end()
	}
}

// share enters a file, in place of one of that name.
func (k *session) share(f File) {
	k.unshare(f.Name)
	if len(k.files) >= k.s.cfg.Files || len(f.Name) > maxName || len(f.MD5) > maxMD5 {
		return
	}
	if at := k.s.dir.add(k, f); at >= 0 {
		k.files[f.Name] = at
		k.order = append(k.order, at)
	}
}

func (k *session) unshare(name string) {
	if at, ok := k.files[name]; ok {
		k.s.dir.remove(at)
		delete(k.files, name)
		k.order = slices.DeleteFunc(k.order, func(o int32) bool { return o == at })
	}
}

func (k *session) unshareAll() {
	for _, at := range k.order {
		k.s.dir.remove(at)
	}
	clear(k.files)
	k.order = nil
}

// answer sends hits in pieces, the last of which ends them. Only our clients
// hear where others listen.
func (k *session) answer(hits []Hit, resume bool) {
	if !k.user.ours() {
		for i := range hits {
			hits[i].Open, hits[i].Port = false, 0
		}
	}
	for len(hits) > 0 {
		n, bytes := 0, 0
		for n < len(hits) && bytes < writePiece {
			bytes += headSize + hits[n].size()
			n++
		}
		p2p.Send(k.s.env, k.peer, Results{Hits: hits[:n:n], End: n == len(hits), Resume: resume})
		if hits = hits[n:]; len(hits) == 0 {
			return
		}
	}
	p2p.Send(k.s.env, k.peer, Results{End: true, Resume: resume})
}

// said takes the shorter frames. Of chat and of the list of friends the server
// does what lets a client log in and stay.
func (k *session) said(m *Text) {
	env, s := k.s.env, k.s
	switch m.Code {
	case codeNoShares:
		k.unshareAll()
	case codeBrowse:
		k.browse(m.Text)
	case codeStats:
		p2p.Send(env, k.peer, s.counts())
	case codeResume:
		k.resume(m.Text)
	case codeGetting, codeGiving:
		s.started[(m.Code-codeGetting)/2]++
	case codeGot, codeGave:
		s.ended[(m.Code-codeGot)/2]++
	case codePing:
		p2p.Send(env, k.peer, Text{codePing, m.Text})
	case codeMotd:
		p2p.Send(env, k.peer, Text{codeMotd, s.cfg.Motd})
	case codePrivate, codeUserPing, codeUserPong, codeDataPort:
		k.pass(m)
	case codeSpeed, codeWhois:
		k.describe(m)
	case codeNewLine, codeNewPort, codeSetPort:
		k.change(m)
	case codeHot, codeHotMore:
		k.hot(m.Text)
	case codeHotDrop:
	default:
		k.complain("Unknown command code %d", m.Code)
	}
}

// pass hands a text to another user: its first word is the nick of the receiver,
// and then becomes that of the sender.
func (k *session) pass(m *Text) {
	nick, rest, more := strings.Cut(m.Text, " ")
	to := k.s.named(nick)
	if to == nil {
		k.complain("%s is not logged in", nick)
		return
	}
	text := k.user.nick
	if more {
		text += " " + rest
	}
	deliver(k.s, k.user.nick, to, Text{m.Code, short(text, maxText)})
}

// describe answers whois, or what line somebody has.
func (k *session) describe(m *Text) {
	u := k.s.named(m.Text)
	switch {
	case u == nil && m.Code == codeWhois:
		p2p.Send(k.s.env, k.peer, Text{codeWhowas, m.Text})
	case u == nil:
		k.complain("%s is not logged in", m.Text)
	case m.Code == codeSpeed:
		p2p.Send(k.s.env, k.peer, Text{codeSpeedIs, fmt.Sprintf("%s %d", u.nick, u.line)})
	default:
		shared, online := 0, time.Duration(0)
		if u.here != nil {
			shared, online = len(u.here.files), k.s.env.Now()-u.here.since
		}
		p2p.Send(k.s.env, k.peer, Text{codeWhoisIs, fmt.Sprintf("%s \"User\" %d \" \" \"Active\" %d 0 0 %d \"%s\"",
			u.nick, int(online.Seconds()), shared, u.line, u.client)})
	}
}

// change takes another line, or another port.
func (k *session) change(m *Text) {
	v, ok := parseDigits([]byte(m.Text))
	switch {
	case !ok || v > 65535:
	case m.Code != codeNewLine:
		k.user.addr = p2p.MakeAddr(k.user.addr.IP(), uint16(v))
	case v <= 255:
		k.user.line = Line(v)
	}
	k.s.tellMates(k.user.member(false))
}

// hot says of a friend whether it is there. It is not watched any further.
func (k *session) hot(nick string) {
	if u := k.s.named(nick); u != nil {
		p2p.Send(k.s.env, k.peer, Text{codeHotOn, fmt.Sprintf("%s %d", u.nick, u.line)})
		return
	}
	p2p.Send(k.s.env, k.peer, Text{codeHotKnown, nick})
}

// maxBrowse is how many files of a library are shown.
const maxBrowse = 2000

// browse shows what a user of this server shares.
func (k *session) browse(nick string) {
	env := k.s.env
	u := k.s.named(nick)
	if u == nil || u.here == nil {
		p2p.Send(env, k.peer, Text{codeBrowsed, nick})
		return
	}
	for _, at := range u.here.order[:min(len(u.here.order), maxBrowse)] {
		p2p.Send(env, k.peer, Shown{u.nick, k.s.dir.entries[at].File})
	}
	p2p.Send(env, k.peer, Text{codeBrowsed, fmt.Sprintf("%s %d", u.nick, swap(u.addr.IP()))})
}

// resume finds who has exactly a file: "md5 size".
func (k *session) resume(text string) {
	f := fields{b: []byte(text)}
	sum, size := f.text("md5"), int64(f.number("size", 1<<62))
	var hits []Hit
	for i := range k.s.dir.entries {
		e := &k.s.dir.entries[i]
		if f.bad == "" && e.owner != nil && e.Bytes == size && strings.EqualFold(stated(e.MD5), stated(sum)) && len(hits) < k.s.cfg.Results {
			hits = append(hits, e.hit())
		}
	}
	k.answer(hits, true)
}
