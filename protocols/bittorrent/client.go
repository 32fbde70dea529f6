package bittorrent

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

const (
	tickTend    p2p.Tick = iota // announce, dial, save, give up
	tickRechoke                 // decide whom to choke
)

// tendEvery is the period of tickTend.
const tendEvery = time.Second

// idle is how long a stream may be silent before its first message.
const idle = 30 * time.Second

// A client is a node of BitTorrent.
type client struct {
	cfg      Config
	env      p2p.Env
	state    *p2p.State
	intro    introducer.Client
	id       ID
	calls    p2p.Calls
	trackers [][]string // for what has none of its own, in tiers
	tracker  *tracker   // nil: this node is none
	torrents []*torrent // in the order in which they began
	callers  []caller
	round    int // of rechoking
	up, down bucket
	leaving  *farewell
	gone     bool // has left
}

// A caller is a stream that another node dialled and that has said nothing yet.
type caller struct {
	peer  p2p.Peer
	since time.Duration
}

func newClient(cfg any, state *p2p.State) p2p.Node {
	return &client{cfg: cfg.(Config), state: state}
}

// Start looks for the trackers and takes up the torrents of an earlier life.
func (c *client) Start(env p2p.Env) {
	c.env = env
	c.calls.Env, c.calls.Patience = env, c.cfg.Patience/3
	copy(c.id[:], idPrefix)
	for i := len(idPrefix); i < len(c.id); i++ {
		c.id[i] = byte('a' + env.Rand().IntN(26))
	}
	c.up.rate, c.down.rate = c.cfg.UpRate, c.cfg.DownRate
	if c.cfg.Tracker != "" {
		c.trackers = [][]string{strings.Split(c.cfg.Tracker, ",")}
	}
	env.After(1+time.Duration(env.Rand().Int64N(int64(tendEvery))), tickTend)
	env.After(c.cfg.Rechoke, tickRechoke)
	c.intro.Open(env, c.cfg.Introducer, c)
	c.join()
	c.recall()
}

// join finds out who the trackers are.
func (c *client) join() {
	switch {
	case c.cfg.Role == trackerRole:
		c.tracker = newTracker(c)
		c.trackers = [][]string{{announceURL(c.env.Self())}}
		if c.cfg.Introducer != "" {
			c.intro.Joined()
		}
	case c.state != nil:
		if d, ok := c.state.Detail.(Detail); ok {
			c.trackers = d.Trackers
		}
	case c.cfg.Introducer != "":
		c.intro.Ask()
	}
}

func announceURL(a p2p.Addr) string { return "http://" + a.String() + announcePath }

// introduced hears who the trackers are. Only they tell the introducer that
// they have joined, so whoever is told to be the first asks again.
func (c *client) introduced(m *introducer.Peers) {
	if m.First {
		c.env.After(tendEvery, &askAgain{})
		return
	}
	var urls []string
	for _, a := range m.Addrs {
		urls = append(urls, announceURL(a))
	}
	c.trackers = [][]string{urls}
}

type askAgain struct{ p2p.Alarm }

// Handle hears streams that others dialled, until they have said what they
// want, and timers.
func (c *client) Handle(from p2p.Peer, m p2p.Msg) {
	if c.gone {
		return
	}
	switch m := m.(type) {
	case p2p.Tick:
		c.tick(m)
	case *p2p.Up:
		c.callers = append(c.callers, caller{from, c.env.Now()})
	case *p2p.Down:
		c.heard(from)
	case *Handshake:
		c.heard(from)
		c.called(from, m)
	case *Announce, *Wanted, *Offer:
		c.heard(from)
		c.track(from, m)
	case *UDPConnect, *UDPAnnounce, *UDPScrape:
		if c.tracker != nil {
			c.tracker.datagram(from, m)
		}
	case *introducer.Peers:
		c.introduced(m)
	case *askAgain:
		c.intro.Ask()
	case *impatient:
		m.e.expired(m)
	case *refilled:
		c.limited()
	case *farewellOver:
		m.f.end()
	default:
		c.intro.Handle(from, m)
		c.calls.Handle(from, m)
		if from.Link != 0 { // a conversation without its beginning
			c.heard(from)
			c.env.Close(from)
		}
	}
}

// heard takes the stream from those that have said nothing yet.
func (c *client) heard(from p2p.Peer) {
	c.callers = slices.DeleteFunc(c.callers, func(k caller) bool { return k.peer == from })
}

// called finds the torrent that a peer wants to speak of.
func (c *client) called(from p2p.Peer, m *Handshake) {
	t := c.byHash(m.Hash)
	if t == nil || m.ID == c.id || len(t.peers) >= c.cfg.MaxPeers {
		c.env.Close(from)
		return
	}
	p := t.join(from, 0)
	c.env.Hand(from, p)
	p.greet()
	p.greeted(m)
}

// track answers what is for a tracker.
func (c *client) track(from p2p.Peer, m p2p.Msg) {
	if c.tracker != nil {
		c.tracker.answer(from, m)
	} else {
		p2p.Send(c.env, from, Refused{Code: 404})
	}
	c.env.Close(from)
}

func (c *client) byHash(h Hash) *torrent {
	for _, t := range c.torrents {
		if t.hash == h {
			return t
		}
	}
	return nil
}

func (c *client) byName(name string) *torrent {
	for _, t := range c.torrents {
		if t.name == name {
			return t
		}
	}
	return nil
}

func (c *client) tick(k p2p.Tick) {
	switch k {
	case tickTend:
		c.env.After(tendEvery, tickTend)
		c.tend()
	case tickRechoke:
		c.env.After(c.cfg.Rechoke, tickRechoke)
		c.round++
		for _, t := range c.torrents {
			t.rechoke()
		}
	}
}

func (c *client) tend() {
	now := c.env.Now()
	for len(c.callers) > 0 && now-c.callers[0].since > idle {
		c.env.Close(c.callers[0].peer)
		c.callers = c.callers[1:]
	}
	if c.tracker != nil {
		c.tracker.forget()
	}
	for i := len(c.torrents) - 1; i >= 0; i-- { // some end
		c.torrents[i].tend()
	}
}

// Do carries out a wish.
func (c *client) Do(op p2p.Op, done func(p2p.Result)) {
	if c.leaving != nil {
		done(p2p.Result{Err: p2p.ErrGone})
		return
	}
	switch op := op.(type) {
	case p2p.Publish:
		c.publish(op.Name, done)
	case p2p.Find:
		c.find(op.Name, done)
	case p2p.Fetch:
		c.fetch(op.Name, done)
	case p2p.Remove:
		c.remove(op.Name, done)
	case p2p.Leave:
		c.leave(done)
	default:
		done(p2p.Result{Err: fmt.Errorf("bittorrent: %T: %w", op, p2p.ErrUnsupported)})
	}
}
