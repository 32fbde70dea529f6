package gnutella

import (
	"fmt"
	"time"

	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

// Config tunes a servent.
type Config struct {
	Introducer string  `flag:"introducer" doc:"host:port that names nodes to join through; empty: start a network of one's own"`
	Role       Role    `flag:"role" default:"peer" doc:"peer (all are equal), leaf, ultrapeer, or able: an ultrapeer until there are enough"`
	Degree     int     `flag:"degree" default:"3" range:"0:32" doc:"links that a node dials; others dial it too, so it has twice as many on average; 0: only those of a given state"`
	MaxLinks   int     `flag:"max-links" default:"16" range:"1:4096" doc:"links in all, but for those to leaves; a node refuses more, and names others to try"`
	Leaves     int     `flag:"leaves" default:"30" range:"0:1000" doc:"leaves of an ultrapeer"`
	Redirect   float64 `flag:"redirect" default:"0" range:"0:1" doc:"attachment: how often a newcomer links, in place of the node that it dialled, to one which that had dialled; above 0 it is preferential"`
	Deflate    bool    `flag:"deflate" default:"false" doc:"deflate links where the other side does too; some real ultrapeers demand it of leaves"`
	Firewalled bool    `flag:"firewalled" default:"false" doc:"nobody can dial this node: it asks for a Push instead"`
	Relay      bool    `flag:"relay" default:"false" doc:"stand between two nodes that nobody can dial, and use others so (an extension)"`

	Pings   Pings         `flag:"pings" default:"flood" doc:"what becomes of a ping: flood (it goes on), multiplex (several go on as one), cache (it is answered with pongs that came lately)"`
	Ping    time.Duration `flag:"ping" default:"10s" range:"500ms:10m" doc:"how often a node sends a ping of its own"`
	PingTTL int           `flag:"ping-ttl" default:"2" range:"1:255" doc:"how many links it may cross, if ttl allows"`
	JoinTTL int           `flag:"join-ttl" default:"6" range:"1:255" doc:"how many links a newcomer's first ping may cross, if ttl allows"`

	Search   Search        `flag:"search" default:"role" doc:"how a query goes out: flood (to all neighbours at once), dynamic (to one after the other, until enough is found), role (ultrapeers dynamic, others flood)"`
	TTL      int           `flag:"ttl" default:"7" range:"1:255" doc:"how many links a query may cross, a stranger's too"`
	MinSpeed uint32        `flag:"min-speed" default:"0" range:"0:65535" doc:"kbit/s that a responder must have; above 0 queries are of version 0.4, which newer servents drop"`
	Window   time.Duration `flag:"window" default:"200ms" range:"0s:1m" doc:"how long a search waits for better responders after the first"`
	Patience time.Duration `flag:"patience" default:"5s" range:"100ms:5m" doc:"how long a search waits for the first responder"`
	HitCache int           `flag:"hit-cache" default:"0" range:"0:100000" doc:"queries whose hits a node remembers, to answer when the same words come again; 0: it always asks on"`
	HitAge   time.Duration `flag:"hit-age" default:"1m" range:"1s:1h" doc:"how long it remembers them"`

	Stall    time.Duration `flag:"stall" default:"10s" range:"100ms:5m" doc:"how long a download waits for bytes before it tries another responder"`
	Uploads  int           `flag:"uploads" default:"16" range:"1:1000" doc:"streams that may fetch from a node at once; more are told that it is busy"`
	Speed    uint32        `flag:"speed" default:"1000" range:"1:10000000" doc:"the speed that a node claims in its hits, in kbit/s"`
	Reshare  bool          `flag:"reshare" default:"false" doc:"share what was fetched too"`
	Freeload bool          `flag:"freeload" default:"false" doc:"answer no query and serve no file, whatever is published"`
}

// Protocol is Gnutella.
var Protocol = &p2p.Protocol{
	Name:   "gnutella",
	Doc:    "floods queries over a random graph, fetches over HTTP (versions 0.4 and 0.6)",
	Config: p2p.Default[Config](),
	New:    newServent,
	Kinds:  kinds,
	Ticks:  []string{"tend", "ping"},
	Accept: accept,
	Ideal:  ideal,
	Detail: Detail{},
	Whole:  Connected,
	Trail:  trail,
}

const (
	tickTend p2p.Tick = iota // look after links and streams
	tickPing                 // flood a ping
)

// tendEvery is the period of tickTend.
const tendEvery = time.Second

// A servent is a node of Gnutella: server and client in one.
type servent struct {
	cfg    Config
	env    p2p.Env
	state  *p2p.State
	ways   []p2p.Addr // whom it dials by its State
	intro  introducer.Client
	id     GUID
	rank   rank          // what it is now
	joined bool          // has, or once had, a link; or was the first
	linked time.Duration // when it last had one
	began  time.Duration // this life
	gone   bool          // has left
	given  time.Duration // until then it makes only the links of its State

	links   []*link // in the order in which they began
	callers []caller
	hosts   hosts
	nextAsk time.Duration // the introducer, not before
	routes  routes
	pings   pinging
	cache   hitCache
	seen    []Seen // the last queries, a ring
	oldest  int    // its oldest place

	library   library
	told      time.Duration // when the ultrapeers were last told of it
	searches  []*search
	dynamics  []*dynamic
	downloads []*download
	uploads   []*upload
	relays    []*relay
}

func newServent(cfg any, state *p2p.State) p2p.Node {
	c := cfg.(Config)
	c.JoinTTL = min(c.JoinTTL, c.TTL)
	c.PingTTL = min(c.PingTTL, c.TTL)
	c.Degree = min(c.Degree, c.MaxLinks)
	return &servent{cfg: c, state: state, rank: c.Role.rank(), pings: c.Pings.variant(), cache: newHitCache(c)}
}

// Start recalls the shares of an earlier life and joins.
func (s *servent) Start(env p2p.Env) {
	s.env, s.began = env, env.Now()
	s.recallID()
	s.library.hidden = s.cfg.Freeload
	s.library.recall(env.Disk())
	s.clearSpools()
	env.After(s.spread(tendEvery), tickTend)
	env.After(s.spread(s.cfg.Ping), tickPing)
	s.intro.Open(env, s.cfg.Introducer, s)
	if s.state != nil {
		s.resume(s.state)
		return
	}
	s.intro.Ask()
}

// spread draws the first date of a periodic timer, so that nodes which start
// together do not tick together.
func (s *servent) spread(period time.Duration) time.Duration {
	return 1 + time.Duration(s.env.Rand().Int64N(int64(period)))
}

// recallID keeps the servent's id through a crash, as Push needs it.
func (s *servent) recallID() {
	if copy(s.id[:], s.env.Disk().Load("servent")) == len(s.id) {
		return
	}
	s.id = s.newID()
	s.env.Disk().Save("servent", s.id[:])
}

func (s *servent) newID() GUID {
	var g GUID
	le.PutUint64(g[:], s.env.Rand().Uint64())
	le.PutUint64(g[8:], s.env.Rand().Uint64())
	g[8], g[15] = 0xff, 0
	return g
}

// Handle hears streams that others dialled, until they have said what they
// want, and timers.
func (s *servent) Handle(from p2p.Peer, m p2p.Msg) {
	if s.gone {
		return
	}
	switch m := m.(type) {
	case p2p.Tick:
		s.tick(m)
	case *p2p.Up:
		s.called(from)
	case *p2p.Down:
		s.hungUp(from)
	case *Connect:
		s.hungUp(from)
		s.connected(from, m)
	case *Get:
		s.hungUp(from)
		s.serve(from, m)
	case *Giv:
		s.offered(from, m)
	case *Relay:
		s.standBetween(from, m)
	case *introducer.Peers:
		s.introduced(m)
	case *expired:
		m.s.finish()
	case *retry:
		m.d.retry()
	case *stalled:
		m.d.stall()
	case *nextStep:
		m.d.step()
	default:
		s.intro.Handle(from, m)
		if from.Link != 0 {
			s.refuse(from) // a language that begins with something else
		}
	}
}

func (s *servent) tick(t p2p.Tick) {
	switch t {
	case tickTend:
		s.env.After(tendEvery, tickTend)
		s.tend()
	case tickPing:
		s.env.After(s.cfg.Ping, tickPing)
		s.pings.period(s)
	}
}

// Do carries out a wish.
func (s *servent) Do(op p2p.Op, done func(p2p.Result)) {
	switch op := op.(type) {
	case p2p.Publish:
		s.publish(op.Name, done)
	case p2p.Remove:
		s.remove(op.Name, done)
	case p2p.Find:
		s.find(op.Name, done)
	case p2p.Fetch:
		s.fetch(op.Name, done)
	case p2p.Leave:
		s.leave(done)
	default:
		done(p2p.Result{Err: fmt.Errorf("gnutella: %T: %w", op, p2p.ErrUnsupported)})
	}
}

// leave says Bye to the neighbours, gives up what is under way and falls
// silent.
func (s *servent) leave(done func(p2p.Result)) {
	for len(s.links) > 0 {
		s.links[0].quit(200, "Good bye")
	}
	for _, u := range s.uploads {
		s.env.Close(u.peer)
	}
	for _, c := range s.callers {
		s.env.Close(c.peer)
	}
	for len(s.relays) > 0 {
		s.relays[0].end()
	}
	s.intro.Close()
	s.gone = true
	for len(s.searches) > 0 {
		s.searches[0].end(p2p.Result{Err: p2p.ErrGone})
	}
	for len(s.downloads) > 0 {
		s.downloads[0].end(p2p.Result{Err: p2p.ErrGone})
	}
	s.uploads, s.callers = nil, nil
	done(p2p.Result{})
}
