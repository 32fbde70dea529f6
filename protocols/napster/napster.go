package napster

import (
	"fmt"
	"time"

	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

// Config tunes a server or a client.
type Config struct {
	Introducer string `flag:"introducer" doc:"host:port that names servers; empty: those of -server"`
	Role       Role   `flag:"role" default:"client" doc:"client, or server: it keeps the directory of what the clients share"`
	Server     string `flag:"server" doc:"host:port of a server, or several with commas between: a client logs in to one, a server searches with all"`

	Nick       string `flag:"nick" doc:"the user's name; empty: one made of the address"`
	Password   string `flag:"password" default:"-" doc:"sent as it is, for all on the way to read"`
	Register   bool   `flag:"register" default:"false" doc:"ask for the nick first, and register it if it is free"`
	Line       uint8  `flag:"line" default:"0" range:"0:10" doc:"the line a client says it has: 0 unknown, 1 to 4 modems, 5 6 ISDN, 7 cable, 8 DSL, 9 T1, 10 T3"`
	Firewalled bool   `flag:"firewalled" default:"false" doc:"nobody can dial this client: it dials who wants its files"`
	Bitrate    uint32 `flag:"bitrate" default:"128" range:"1:10000" doc:"kbit/s that a client says of its files"`
	Frequency  uint32 `flag:"frequency" default:"44100" range:"1:1000000" doc:"Hz that a client says of its files"`

	Choose   Choose        `flag:"choose" default:"ping" doc:"which owner to fetch from: ping (the nearest), line (the fastest line), random"`
	Patience time.Duration `flag:"patience" default:"5s" range:"100ms:5m" doc:"how long to wait for a server's answer"`
	Pong     time.Duration `flag:"pong" default:"1s" range:"10ms:1m" doc:"how long to wait for the answers of those who are pinged"`
	Stall    time.Duration `flag:"stall" default:"10s" range:"100ms:5m" doc:"how long a download waits for bytes before it tries another owner"`
	Uploads  int           `flag:"uploads" default:"16" range:"1:1000" doc:"transfers that a client gives at once; to more it says that it is full"`
	Reshare  bool          `flag:"reshare" default:"false" doc:"share what was fetched too"`

	Motd    string        `flag:"motd" default:"Welcome." doc:"a server's message of the day"`
	Users   int           `flag:"users" default:"100000" range:"1:1000000" doc:"sessions that a server keeps; who comes later is sent to another"`
	Files   int           `flag:"files" default:"5000" range:"1:1000000" doc:"files of one user that a server takes"`
	Results int           `flag:"results" default:"100" range:"1:1000" doc:"most results of a search"`
	Login   time.Duration `flag:"login" default:"10s" range:"100ms:5m" doc:"how long a stream may take to log in, or to ask for a file"`
	Stats   time.Duration `flag:"stats" default:"1m" range:"1s:1h" doc:"how often a server tells all how many users and files there are"`
}

// A Role is what a node is.
type Role uint8

// The roles.
const (
	Client Role = iota
	Server
)

// Choose is how a client chooses among owners.
type Choose uint8

// The choices.
const (
	ByPing Choose = iota
	ByLine
	AtRandom
)

var (
	roles   = []string{Client: "client", Server: "server"}
	choices = []string{ByPing: "ping", ByLine: "line", AtRandom: "random"}
)

// MarshalText writes the word.
func (r Role) MarshalText() ([]byte, error) { return []byte(roles[r]), nil }

// UnmarshalText reads what MarshalText wrote.
func (r *Role) UnmarshalText(b []byte) error { return choice(r, b, roles) }

// MarshalText writes the word.
func (c Choose) MarshalText() ([]byte, error) { return []byte(choices[c]), nil }

// UnmarshalText reads what MarshalText wrote.
func (c *Choose) UnmarshalText(b []byte) error { return choice(c, b, choices) }

func choice[T ~uint8](to *T, b []byte, among []string) error {
	for i, s := range among {
		if s == string(b) {
			*to = T(i)
			return nil
		}
	}
	return fmt.Errorf("one of %q", among)
}

// Protocol is Napster: one server, and clients.
var Protocol = &p2p.Protocol{
	Name:   "napster",
	Doc:    "a central server knows who has which file; files go from client to client (OpenNap's wire)",
	Config: p2p.Default[Config](),
	New:    newNode,
	Kinds:  kinds,
	Ticks:  []string{"tend", "stats", "mates"},
	Accept: accept,
	Cast:   Servers(1),
	Ideal:  ideal,
	Detail: Detail{},
	Whole:  Whole,
}

// Servers casts q servers that search together; all others are clients.
func Servers(q int) func(n int) p2p.Cast {
	return func(n int) p2p.Cast {
		cfg := p2p.Default[Config]()
		server := cfg
		server.Role = Server
		cast := p2p.Same(n, p2p.Role{Name: "client", Config: cfg})
		for i := range min(q, n) {
			cast[i] = p2p.Role{Name: "server", Config: server}
		}
		return cast
	}
}

const (
	tickTend  p2p.Tick = iota // look after streams
	tickStats                 // a server tells its numbers
	tickMates                 // a server looks for others
)

// tendEvery is the period of tickTend.
const tendEvery = time.Second

// A node is a client, or a server. A server has a client too, its operator's,
// which logs in to it like any other once it has something to share or to ask.
type node struct {
	cfg    Config
	env    p2p.Env
	state  *p2p.State
	client client
	server *server // nil: a client only
	gone   bool    // has left
}

func newNode(cfg any, state *p2p.State) p2p.Node {
	return &node{cfg: cfg.(Config), state: state}
}

// Start has a server say that it is there, and a client log in.
func (n *node) Start(env p2p.Env) {
	n.env = env
	n.client.open(n)
	env.After(n.spread(tendEvery), tickTend)
	if n.cfg.Role == Server {
		n.server = newServer(n)
		n.server.start()
	}
	if n.server == nil || len(n.client.library.files) > 0 {
		n.client.login()
	}
}

// spread draws the first date of a periodic timer, so that nodes which start
// together do not tick together.
func (n *node) spread(period time.Duration) time.Duration {
	return 1 + time.Duration(n.env.Rand().Int64N(int64(period)))
}

// Handle hears streams that others dialled, until they have said what they
// want, and timers.
func (n *node) Handle(from p2p.Peer, m p2p.Msg) {
	if n.gone {
		return
	}
	switch m := m.(type) {
	case p2p.Tick:
		n.tick(m)
	case *p2p.Up:
		n.called(from)
	case *introducer.Peers:
		n.introduced(m)
	case interface{ ring() }:
		m.ring()
	default:
		if n.server != nil {
			n.server.intro.Handle(from, m)
		}
		n.client.intro.Handle(from, m)
	}
}

// called hears of a new stream.
func (n *node) called(from p2p.Peer) {
	if n.server != nil {
		n.server.called(from)
	} else {
		n.client.called(from)
	}
}

func (n *node) introduced(m *introducer.Peers) {
	if n.server != nil {
		n.server.introduced(m)
	} else {
		n.client.introduced(m)
	}
}

func (n *node) tick(t p2p.Tick) {
	switch {
	case t == tickTend:
		n.env.After(tendEvery, tickTend)
		n.client.tend()
		if n.server != nil {
			n.server.tend()
		}
	case t == tickStats && n.server != nil:
		n.env.After(n.cfg.Stats, tickStats)
		n.server.tellAll()
	case t == tickMates && n.server != nil:
		n.env.After(matesEvery, tickMates)
		n.server.intro.Ask()
	}
}

// Do carries out a wish.
func (n *node) Do(op p2p.Op, done func(p2p.Result)) {
	if n.server != nil {
		n.client.login() // the operator's, at its first wish
	}
	switch op := op.(type) {
	case p2p.Publish:
		n.client.publish(op.Name, done)
	case p2p.Remove:
		n.client.remove(op.Name, done)
	case p2p.Find:
		n.client.find(op.Name, done)
	case p2p.Fetch:
		n.client.fetch(op.Name, done)
	case p2p.Leave:
		n.leave(done)
	default:
		done(p2p.Result{Err: fmt.Errorf("napster: %T: %w", op, p2p.ErrUnsupported)})
	}
}

// leave closes all streams and gives up what is under way. That is how one
// leaves Napster: what a client shared vanishes with its session.
func (n *node) leave(done func(p2p.Result)) {
	n.gone = true
	n.client.leave()
	if n.server != nil {
		n.server.leave()
	}
	done(p2p.Result{})
}
