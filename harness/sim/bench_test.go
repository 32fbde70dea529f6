package sim_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
)

// BenchmarkKernel runs nodes that do nothing but send on what they hear: each
// message goes to a random node and takes 10 to 100 ms, and there is one for each
// node. Run each size by itself:
//
//	go test ./harness/sim -run '^$' -bench 'Kernel/100000$' -benchtime 1x
func BenchmarkKernel(b *testing.B) {
	for _, nodes := range []int{1000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(nodes), func(b *testing.B) {
			for range b.N {
				kernel(b, nodes)
			}
		})
	}
}

func kernel(b *testing.B, nodes int) {
	w := sim.New(sim.Config{Seed: 1, Model: linkmodel.Model{
		Default: linkmodel.Link{Delay: 10 * time.Millisecond, Jitter: 90 * time.Millisecond}}})
	for i := range nodes {
		if err := w.Spawn(harness.Spec{Index: i, Protocol: bounces, Config: nodes}); err != nil {
			b.Fatal(err)
		}
	}
	m := p2ptest.Measure()
	const events = 5_000_000
	w.Run(time.Duration(events/nodes+1) * 55 * time.Millisecond)
	m.Report(b, int64(w.Events()), int64(nodes))
	runtime.KeepAlive(w)
}

// bounces is the protocol of BenchmarkKernel.
var bounces = &p2p.Protocol{
	Name:  "bounces",
	New:   func(cfg any, _ *p2p.State) p2p.Node { return &bouncer{nodes: cfg.(int)} },
	Kinds: []p2p.KindInfo{{Name: "ball", Class: p2p.Lookup, Blank: new(ball)}},
}

type ball struct{ Hops uint32 }

func (*ball) Kind() p2p.Kind { return p2p.First }
func (*ball) Size() int      { return 4 }

type bouncer struct {
	env   p2p.Env
	nodes int
}

func (n *bouncer) Start(env p2p.Env) {
	n.env = env
	n.pass(0)
}

func (n *bouncer) pass(hops uint32) {
	p2p.Send(n.env, sim.Addr(n.env.Rand().IntN(n.nodes)).Peer(), ball{hops + 1})
}

func (n *bouncer) Handle(_ p2p.Peer, m p2p.Msg) { n.pass(m.(*ball).Hops) }

func (n *bouncer) Do(_ p2p.Op, done func(p2p.Result)) { done(p2p.Result{Err: p2p.ErrUnsupported}) }
func (n *bouncer) Inspect() p2p.State                 { return p2p.State{} }
