package napster

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

// How a client tries again to log in: the pause after the first attempt that
// failed doubles with each.
const (
	pause    = 250 * time.Millisecond
	maxPause = 4 * time.Second
)

// agent is how our clients and servers call themselves.
const agent = "peerbed/1"

// A client is a user's program: it is logged in at a server, shares a folder,
// and gives and takes files.
type client struct {
	node  *node
	cfg   *Config
	env   p2p.Env
	nick  string
	intro introducer.Client

	began  bool       // it wants to be logged in
	hosts  []p2p.Addr // servers to try; the first is the one in use
	server p2p.Peer   // zero: no stream
	in     bool       // logged in
	tries  int        // since it was last
	timer  p2p.Timer  // of the attempt, or of the pause after it

	library   library
	searches  []*search // the first is asked, the others wait for its end
	downloads []*download
	uploads   []*upload
	grants    []grant
	callers   []*caller
}

// relogin is the end of an attempt to log in, or of the pause after it.
type relogin struct {
	p2p.Alarm
	c *client
}

func (a *relogin) ring() { a.c.again() }

// open prepares the client. It recalls what was shared in an earlier life.
func (c *client) open(n *node) {
	c.node, c.cfg, c.env = n, &n.cfg, n.env
	if c.nick = n.cfg.Nick; c.nick == "" {
		c.nick = fmt.Sprintf("p%08x%04x", swap(n.env.Self().IP()), n.env.Self().Port())
	}
	c.library.recall(c.env.Disk())
	if n.cfg.Role == Client {
		c.intro.Open(c.env, n.cfg.Introducer, n)
	}
}

// firewalled reports whether others cannot dial this client. A server's port
// speaks the language of servers.
func (c *client) firewalled() bool { return c.cfg.Firewalled || c.cfg.Role == Server }

// login begins to log in, and does so again whenever the session is lost.
func (c *client) login() {
	if !c.began && !c.node.gone {
		c.began = true
		c.look()
	}
}

// look finds servers to try.
func (c *client) look() {
	switch {
	case c.cfg.Role == Server:
		c.hosts = []p2p.Addr{c.env.Self()}
		c.dial()
	case c.node.state != nil && len(c.node.state.Neighbours) > 0:
		c.hosts = slices.Clone(c.node.state.Neighbours)
		c.node.state = nil
		c.dial()
	case c.cfg.Server != "":
		for _, name := range serverNames(c.cfg.Server) {
			c.env.Resolve(name, c)
		}
		c.wait(c.cfg.Patience)
	default:
		c.intro.Ask()
	}
}

func serverNames(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// introduced hears of servers; of none, if none has come yet.
func (c *client) introduced(m *introducer.Peers) {
	if c.server.Link != 0 || c.node.gone {
		return
	}
	if c.hosts = slices.Clone(m.Addrs); len(c.hosts) == 0 {
		c.pause()
		return
	}
	c.dial()
}

func (c *client) resolved(m *p2p.Resolved) {
	c.hosts = append(c.hosts, m.Addrs...)
	if c.server.Link == 0 && !c.node.gone && len(c.hosts) > 0 {
		c.dial()
	}
}

func (c *client) dial() {
	c.wait(c.cfg.Patience)
	c.server = c.env.Dial(c.hosts[0], &frames{}, c)
}

func (c *client) wait(d time.Duration) {
	c.env.Stop(c.timer)
	c.timer = c.env.After(d, &relogin{c: c})
}

func (c *client) pause() {
	d := min(pause<<min(c.tries, 8), maxPause)
	c.tries++
	c.wait(d/2 + time.Duration(c.env.Rand().Int64N(int64(d))))
}

// again goes on after a pause, or gives up an attempt that takes too long.
func (c *client) again() {
	switch {
	case c.node.gone || c.in:
	case c.server.Link != 0:
		c.env.Close(c.server)
		c.lost()
	case len(c.hosts) > 0:
		c.dial()
	default:
		c.look()
	}
}

// lost turns to the next server, after a pause. Who was logged in tries the same
// one first. The search that was asked is asked again.
func (c *client) lost() {
	if !c.in && len(c.hosts) > 0 {
		c.hosts = c.hosts[1:]
	}
	if c.server, c.in = (p2p.Peer{}), false; len(c.searches) > 0 {
		c.searches[0].sent = -1
		c.searches = slices.DeleteFunc(c.searches, func(q *search) bool { return q.over })
	}
	c.pause()
}

// Handle hears of the session.
func (c *client) Handle(from p2p.Peer, m p2p.Msg) {
	if r, ok := m.(*p2p.Resolved); ok {
		c.resolved(r)
		return
	}
	if from != c.server || c.node.gone {
		return
	}
	switch m := m.(type) {
	case *p2p.Up:
		c.greet()
	case *Text:
		c.told(m)
	case *Results:
		c.results(m)
	case *Offer:
		c.wanted(m)
	case *Granted:
		c.granted(m)
	case *Denied:
		c.denied(m.Nick, m.Name, p2p.ErrNotFound)
	case *Queued:
		c.denied(m.Nick, m.Name, p2p.ErrRefused)
	case *p2p.Down:
		c.lost()
	}
}

// greet says who the user is, or first asks whether the nick is free.
func (c *client) greet() {
	if c.cfg.Register {
		p2p.Send(c.env, c.server, Text{codeNick, c.nick})
	} else {
		c.enter(false)
	}
}

func (c *client) enter(register bool) {
	m := Login{Nick: c.nick, Pass: c.cfg.Password, Client: agent, Line: Line(c.cfg.Line), New: register}
	if !c.firewalled() {
		m.Port = c.env.Self().Port()
	}
	if register {
		m.Email = "anon@" + c.nick
	} else {
		m.Build = uint32(c.env.Self().Port())
	}
	p2p.Send(c.env, c.server, m)
}

// told hears the shorter frames.
func (c *client) told(m *Text) {
	switch m.Code {
	case codeNickFree:
		c.enter(true)
	case codeNickTaken:
		c.enter(false)
	case codeWelcome:
		c.welcome()
	case codeError, codeNickBad:
		if !c.in {
			c.env.Close(c.server)
			c.lost()
		}
	case codeRedirect:
		c.redirected(m.Text)
	case codeUserPing:
		p2p.Send(c.env, c.server, Text{codeUserPong, m.Text})
	}
}

// redirected goes to another server: "host port".
func (c *client) redirected(to string) {
	host, port, _ := strings.Cut(to, " ")
	if a, err := p2p.ParseAddr(host + ":" + port); err == nil && !c.in {
		c.env.Close(c.server)
		c.hosts = []p2p.Addr{0, a} // the first is left
		c.lost()
	}
}

// welcome begins the session: the server hears what is shared.
func (c *client) welcome() {
	if c.in {
		return
	}
	c.in, c.tries = true, 0
	c.env.Stop(c.timer)
	for i := range c.library.files {
		p2p.Send(c.env, c.server, c.shareOf(&c.library.files[i]))
	}
	c.pump()
}

func (c *client) shareOf(f *shared) Share {
	secs := f.size * 8 / 1000 / int64(c.cfg.Bitrate)
	return Share{File{f.name, f.md5, f.size, c.cfg.Bitrate, c.cfg.Frequency, uint32(min(secs, 1<<31))}}
}

// tend ends what has come to nothing.
func (c *client) tend() {
	now := c.env.Now()
	for i := len(c.callers) - 1; i >= 0; i-- {
		if k := c.callers[i]; now-k.since > c.cfg.Login {
			k.close()
		}
	}
	for i := len(c.uploads) - 1; i >= 0; i-- {
		if u := c.uploads[i]; now-u.last > c.cfg.Stall+p2p.Silence {
			u.close()
		}
	}
	c.grants = slices.DeleteFunc(c.grants, func(g grant) bool { return now > g.until })
	c.overdue(now)
}

// leave ends the session and gives up what is under way.
func (c *client) leave() {
	c.intro.Close()
	c.env.Stop(c.timer)
	if c.server.Link != 0 {
		c.env.Close(c.server)
	}
	for _, u := range c.uploads {
		c.env.Close(u.peer)
	}
	for _, k := range c.callers {
		c.env.Close(k.peer)
	}
	c.server, c.in, c.uploads, c.callers = p2p.Peer{}, false, nil, nil
	for _, q := range slices.Clone(c.searches) {
		q.end(p2p.Result{Err: p2p.ErrGone})
	}
	for len(c.downloads) > 0 {
		c.downloads[0].end(p2p.Result{Err: p2p.ErrGone})
	}
}
