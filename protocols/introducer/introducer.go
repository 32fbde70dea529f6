package introducer

import (
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// Config tunes an introducer.
type Config struct {
	Keep     int           `flag:"keep" default:"32" range:"1:10000" doc:"how many of those who joined last it remembers"`
	Name     int           `flag:"name" default:"8" range:"1:40" doc:"how many of them it names to a newcomer"`
	Patience time.Duration `flag:"first" default:"5s" range:"100ms:1h" doc:"how long the first node has to report that it joined"`
}

// Protocol is the introducer as a node.
var Protocol = &p2p.Protocol{
	Name:   "introducer",
	Doc:    "names recently joined nodes to newcomers, over HTTP",
	Config: p2p.Default[Config](),
	New:    func(cfg any, _ *p2p.State) p2p.Node { return &node{cfg: cfg.(Config)} },
	Kinds:  Kinds,
	Accept: Accept,
	Detail: Detail{},
}

// Detail is what an introducer's Inspect adds.
type Detail struct {
	Recent []p2p.Addr // who joined, the latest last
}

// A node is an introducer.
type node struct {
	cfg       Config
	env       p2p.Env
	recent    []p2p.Addr // the latest last
	appointed p2p.Addr   // who was told to be the first
	until     time.Duration
}

// Start recalls who had joined before a crash: an introducer that forgot them
// would tell the next newcomer to start a second network.
func (n *node) Start(env p2p.Env) {
	n.env = env
	if m, err := parseList(string(env.Disk().Load(saved))); err == nil {
		n.recent = m.Addrs
	}
}

const saved = "recent"

func (n *node) Do(_ p2p.Op, done func(p2p.Result)) {
	done(p2p.Result{Err: p2p.ErrUnsupported})
}

func (n *node) Inspect() p2p.State {
	return p2p.State{Self: n.env.Self(), ID: "introducer", Detail: Detail{slices.Clone(n.recent)}}
}

func (n *node) Handle(from p2p.Peer, m p2p.Msg) {
	switch m := m.(type) {
	case *who:
		p2p.Send(n.env, from, n.answer(m.Self))
	case *joined:
		n.note(m.Self)
		p2p.Send(n.env, from, noted{})
	case *list, *noted: // answers, to whom nobody asked anything
		n.env.Close(from)
	}
}

// answer names peers, appoints the first, or tells to wait for it.
func (n *node) answer(asker p2p.Addr) list {
	n.forget(asker)
	switch {
	case len(n.recent) > 0:
		return list{Status: some, Addrs: n.pick()}
	case asker == 0:
		return list{Status: first}
	case n.appointed != 0 && n.appointed != asker && n.env.Now() < n.until:
		return list{Status: wait}
	}
	n.appointed, n.until = asker, n.env.Now()+n.cfg.Patience
	return list{Status: first}
}

// pick draws some of the remembered, in random order: naming the same ones to
// everybody would make them the neighbours of all.
func (n *node) pick() []p2p.Addr {
	all := slices.Clone(n.recent)
	r := n.env.Rand()
	for i := range min(n.cfg.Name, len(all)) {
		j := i + r.IntN(len(all)-i)
		all[i], all[j] = all[j], all[i]
	}
	return all[:min(n.cfg.Name, len(all))]
}

func (n *node) note(a p2p.Addr) {
	n.forget(a)
	n.recent = append(n.recent, a)
	if extra := len(n.recent) - n.cfg.Keep; extra > 0 {
		n.recent = slices.Delete(n.recent, 0, extra)
	}
	n.appointed = 0
	n.env.Disk().Save(saved, []byte(formatList(n.recent)))
}

func (n *node) forget(a p2p.Addr) {
	n.recent = slices.DeleteFunc(n.recent, func(b p2p.Addr) bool { return b == a })
}
