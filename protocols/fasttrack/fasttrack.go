package fasttrack

import (
	"fmt"
	"slices"
	"time"

	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

// Config tunes a node.
type Config struct {
	Introducer string `flag:"introducer" doc:"host:port that names supernodes to join through; empty: start a network of one's own"`
	Role       Role   `flag:"role" default:"able" doc:"ordinary, supernode, or able: ordinary until a supernode is needed"`
	Degree     int    `flag:"degree" default:"3" range:"0:64" doc:"links to others that a supernode dials; others dial it too, so it has twice as many on average; 0: only those of a given state"`
	MaxLinks   int    `flag:"max-links" default:"32" range:"1:4096" doc:"links to other supernodes in all; it refuses more"`
	Children   int    `flag:"children" default:"100" range:"1:10000" doc:"ordinary nodes that a supernode takes; it names others to more"`
	MaxFiles   int    `flag:"max-files" default:"2000" range:"1:100000" doc:"files of one child that a supernode lists; what is more is not found"`
	Tries      int    `flag:"tries" default:"5" range:"1:32" doc:"supernodes that a newcomer dials at once, to take the one that answers first"`
	Firewalled bool   `flag:"firewalled" default:"false" doc:"nobody can dial this node: it dials when a Push asks for it, and is never a supernode"`

	Ping   time.Duration `flag:"ping" default:"5s" range:"100ms:10m" doc:"how often a child pings its supernode; it leaves one that is silent for twice that"`
	Orphan time.Duration `flag:"orphan" default:"4s" range:"100ms:10m" doc:"how long an able node looks for a supernode before it becomes one; up to twice that, by the draw"`

	Gossip     time.Duration `flag:"gossip" default:"30s" range:"1s:1h" doc:"how often supernodes tell one another, and their children, of others"`
	Least      int           `flag:"least" default:"3" range:"1:100" doc:"supernodes that there are to be, where there are enough nodes, however few children they have"`
	Promote    int           `flag:"promote" default:"10" range:"0:1000" doc:"reputation that a child needs to be made a supernode"`
	Demote     int           `flag:"demote" default:"5" range:"0:1000" doc:"reputation below which a supernode resigns, if there are others"`
	Capacity   uint32        `flag:"capacity" default:"64" range:"0:10000000" doc:"kbit/s that it needs for that"`
	Tenure     time.Duration `flag:"tenure" default:"30s" range:"1s:24h" doc:"how long a supernode stays one at least"`
	Reputation Formula       `flag:"reputation" default:"points" doc:"the formula: points (for hours and for bytes) or ratio (of bytes sent to bytes fetched, as Kazaa's)"`
	Online     int           `flag:"online" default:"60" range:"0:1000000" doc:"points for an hour in the network"`
	Away       int           `flag:"away" default:"20" range:"0:1000000" doc:"points lost by an hour away from it"`
	Upload     int           `flag:"upload" default:"1" range:"0:1000000" doc:"points for a MiB sent to others"`
	Trust      Trust         `flag:"trust" default:"reported" doc:"what a supernode believes of a child's reputation: reported (all of it, as Kazaa did) or observed (no more than the hours it has seen give)"`
	Forge      bool          `flag:"forge" default:"false" doc:"claim a reputation of 1000, as Kazaa Lite did"`

	TTL      int           `flag:"ttl" default:"7" range:"1:255" doc:"how many links between supernodes a query may cross, a stranger's too"`
	Collect  time.Duration `flag:"collect" default:"2s" range:"50ms:5m" doc:"how long a supernode waits for others' results before it ends a search"`
	Window   time.Duration `flag:"window" default:"200ms" range:"0s:1m" doc:"how long a search waits for more results after the first"`
	Patience time.Duration `flag:"patience" default:"10s" range:"100ms:5m" doc:"how long a search waits at all, a change of supernode included"`

	Sources   int           `flag:"sources" default:"4" range:"1:64" doc:"peers that a download fetches from at once"`
	Part      int64         `flag:"part" default:"262144" range:"1024:1073741824" doc:"bytes that it asks one of them for at a time"`
	Stall     time.Duration `flag:"stall" default:"10s" range:"100ms:5m" doc:"how long it waits for bytes before it leaves one"`
	Uploads   int           `flag:"uploads" default:"16" range:"1:1000" doc:"streams that may fetch from a node at once; more are told that it is busy"`
	Bandwidth uint32        `flag:"bandwidth" default:"1000" range:"1:10000000" doc:"the bandwidth that a node claims, in kbit/s"`
	Reshare   bool          `flag:"reshare" default:"false" doc:"share what was fetched too"`
	Freeload  bool          `flag:"freeload" default:"false" doc:"share nothing, whatever is published"`
}

// Protocol is FastTrack.
var Protocol = &p2p.Protocol{
	Name:      "fasttrack",
	Doc:       "supernodes list their children's files and flood queries among themselves (the open clients' wire)",
	Config:    p2p.Default[Config](),
	New:       newNode,
	Kinds:     kinds,
	Ticks:     []string{"tend", "ping"},
	Datagrams: newDatagrams,
	Accept:    accept,
	Ideal:     ideal,
	Detail:    Detail{},
	Whole:     Whole,
	Trail:     trail,
}

const (
	tickTend p2p.Tick = iota // look after streams, links and rank
	tickPing                 // ask whether the supernode lives
)

// tendEvery is the period of tickTend.
const tendEvery = time.Second

// network is the name of the one that open clients are in.
const network = "KaZaA"

// A node is a peer: an ordinary node, which has a parent, or a supernode, which has
// children and links.
type node struct {
	cfg   Config
	env   p2p.Env
	state *p2p.State
	intro introducer.Client
	user  string
	gone  bool // has left

	hosts   hosts
	nextAsk time.Duration // the introducer, not before
	nextRep time.Duration // of what it says of its reputation
	merit   merit
	library library

	// Of an ordinary node.
	uplinks []*uplink     // to supernodes that it tries
	parent  *uplink       // the one that has taken it; nil: none
	despair time.Duration // when it will become a supernode itself

	// Of a supernode.
	super    bool
	former   *uplink       // to whose child it was, until the link to that stands
	since    time.Duration // when it became one
	callers  []caller
	children []*child
	links    []*link
	floods   floods
	nextCall time.Duration // of Promote

	seen      []Seen // the last queries, a ring
	oldest    int    // its oldest place
	searchID  uint16
	searches  []*search
	pushID    uint32
	downloads []*download
	uploads   []*upload
}

func newNode(cfg any, state *p2p.State) p2p.Node {
	c := cfg.(Config)
	c.Degree = min(c.Degree, c.MaxLinks)
	return &node{cfg: c, state: state}
}

// Start recalls the shares and the reputation of an earlier life and joins.
func (n *node) Start(env p2p.Env) {
	n.env = env
	n.user = userOf(env.Self())
	n.searchID = uint16(env.Rand().Uint32())
	n.pushID = env.Rand().Uint32()
	n.merit.recall(env, &n.cfg)
	n.library.hidden = n.cfg.Freeload
	n.library.recall(env.Disk())
	env.After(n.spread(tendEvery), tickTend)
	env.After(n.spread(n.cfg.Ping), tickPing)
	n.intro.Open(env, n.cfg.Introducer, n)
	n.orphaned()
	switch {
	case n.state != nil:
		n.resume(n.state)
	case n.cfg.Role == RoleSupernode && n.eligible():
		n.rise()
		n.ask()
	default:
		n.ask()
	}
}

// spread draws the first date of a periodic timer, so that nodes which start
// together do not tick together.
func (n *node) spread(period time.Duration) time.Duration {
	return 1 + time.Duration(n.env.Rand().Int64N(int64(period)))
}

// Handle hears streams that others dialled, until they have said what they want,
// datagrams and timers.
func (n *node) Handle(from p2p.Peer, m p2p.Msg) {
	if n.gone {
		return
	}
	switch m := m.(type) {
	case p2p.Tick:
		n.tick(m)
	case *p2p.Up:
		n.called(from)
	case *p2p.Down:
		n.hungUp(from)
	case *Hello:
		n.hungUp(from)
		n.greet(from)
	case *Get:
		n.hungUp(from)
		n.serve(from, m)
	case *Give:
		n.hungUp(from)
		n.given(from, m)
	case *Probe:
		n.probed(from, m)
	case *PushOn:
		n.deliver(&m.PushWanted)
	case *introducer.Peers:
		n.introduced(m)
	case *expired:
		m.s.finish()
	case *ended:
		n.endSearch(m)
	case *retry:
		m.d.fill()
	case *stalled:
		m.l.stall()
	default:
		n.intro.Handle(from, m)
		if from.Link != 0 {
			n.refuse(from) // a language that begins with something else
		}
	}
}

func (n *node) tick(t p2p.Tick) {
	switch t {
	case tickTend:
		n.env.After(tendEvery, tickTend)
		n.tend()
	case tickPing:
		n.env.After(n.cfg.Ping, tickPing)
		n.ping()
	}
}

// Do carries out a wish.
func (n *node) Do(op p2p.Op, done func(p2p.Result)) {
	switch op := op.(type) {
	case p2p.Publish:
		n.publish(op.Name, done)
	case p2p.Remove:
		n.remove(op.Name, done)
	case p2p.Find:
		n.find(op.Name, done)
	case p2p.Fetch:
		n.fetch(op.Name, done)
	case p2p.Leave:
		n.leave(done)
	default:
		done(p2p.Result{Err: fmt.Errorf("fasttrack: %T: %w", op, p2p.ErrUnsupported)})
	}
}

// tend ends streams that say nothing, and sees to what the node's rank asks for.
func (n *node) tend() {
	for len(n.callers) > 0 && n.env.Now()-n.callers[0].since > greeting {
		n.refuse(n.callers[0].peer)
	}
	n.endIdle()
	n.merit.save(n.env, &n.cfg)
	if n.super {
		n.tendChildren()
		n.tendLinks()
		n.tendRank()
		return
	}
	n.seek()
	n.recommend()
}

// leave names others to the children, ends all streams, gives up what is under way
// and falls silent.
func (n *node) leave(done func(p2p.Result)) {
	n.merit.keep(n.env, &n.cfg)
	n.dismiss()
	n.gone = true
	n.dropUplinks(nil)
	for _, u := range n.uploads {
		n.env.Close(u.peer)
	}
	for _, c := range n.callers {
		n.env.Close(c.peer)
	}
	n.intro.Close()
	for len(n.searches) > 0 {
		n.searches[0].end(p2p.Result{Err: p2p.ErrGone})
	}
	for len(n.downloads) > 0 {
		n.downloads[0].end(p2p.Result{Err: p2p.ErrGone})
	}
	n.uploads, n.callers = nil, nil
	done(p2p.Result{})
}

// greeting is how long a stream may take to say what it wants, and a session to
// begin; maxCallers is how many inbound streams may do so at once.
const (
	greeting   = 10 * time.Second
	maxCallers = 256
)

// A caller is an inbound stream that has not spoken yet.
type caller struct {
	peer  p2p.Peer
	since time.Duration
}

// called notes a stream that may begin to speak. Of too many the oldest goes: those
// who say nothing must not keep others out.
func (n *node) called(from p2p.Peer) {
	if len(n.callers) >= maxCallers {
		n.refuse(n.callers[0].peer)
	}
	n.callers = append(n.callers, caller{from, n.env.Now()})
}

func (n *node) hungUp(from p2p.Peer) {
	n.callers = slices.DeleteFunc(n.callers, func(c caller) bool { return c.peer == from })
}

func (n *node) refuse(from p2p.Peer) {
	n.hungUp(from)
	n.env.Close(from)
}

// probed answers whether a supernode listens here.
func (n *node) probed(from p2p.Peer, m *Probe) {
	p2p.Send(n.env, from, Probed{Supernode: n.super, Cipher: m.Cipher, Load: n.load(), Network: network})
}
