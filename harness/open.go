package harness

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"peerbed/harness/links"
	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

// port is where nodes listen unless their Role chooses.
const port = 7000

// New starts n nodes of p, or as many as -nodes or an option asks for, and an
// introducer for them to meet at. What cannot be had ends the test with a
// sentence. All is gone when the test ends.
func New(t testing.TB, p *p2p.Protocol, n int, opts ...Option) *Cluster {
	t.Helper()
	s := Settings{Protocol: p, Name: t.Name(), Record: true, play: playOf(t)}
	for _, o := range opts {
		o(&s)
	}
	c, err := remember(func(ctx context.Context) (*Cluster, error) { return open(ctx, s, n) })
	if err != nil {
		t.Fatalf("peerbed: %v", err)
	}
	c.t = t
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("peerbed: closing: %v", err)
		}
	})
	return c
}

// Open is New for programs: the caller closes the cluster, and asks Err; a ctx
// that ends makes all calls fail. Settings.Nodes is the quick size, which flags
// override.
func Open(ctx context.Context, s Settings) (*Cluster, error) {
	n := s.Nodes
	s.Nodes = 0
	return open(ctx, s, n)
}

func open(ctx context.Context, s Settings, quick int) (*Cluster, error) {
	if err := s.complete(quick); err != nil {
		return nil, err
	}
	choice, err := choose(ctx, s)
	if err == nil {
		err = s.foreign.admit(choice)
	}
	if err == nil && choice.world != "sim" {
		err = s.play.wait(ctx)
	}
	if err != nil {
		return nil, err
	}
	c := &Cluster{ctx: ctx, play: s.play, set: s, choice: choice, traffic: map[p2p.Addr]*count{}}
	if c.config, err = c.configured(s.Protocol.Config); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Protocol.Name, err)
	}
	c.say("%s (%s), %d nodes of %s, seed %d", choice.world, choice.why, s.Nodes, s.Protocol.Name, s.Seed)
	if t, ok := s.Links.(*links.Table); ok {
		c.say("links: %v", t)
	}
	if err := c.start(); err != nil {
		return nil, err
	}
	return c, nil
}

// start opens the world and brings all nodes up; if that fails, nothing is
// left.
func (c *Cluster) start() (err error) {
	c.backend, err = c.choice.open(c.ctx, Options{
		Run: runName(c.set.Name), Seed: c.set.Seed, Nodes: c.set.Nodes + 1, Protocol: c.set.Protocol, Foreign: c.set.foreign, Trace: c.set.Trace, Progress: c.say})
	if err != nil {
		return fmt.Errorf("%s: %w", c.choice.world, err)
	}
	c.about = c.backend.About()
	c.record()
	if err := c.populate(); err != nil {
		return errors.Join(err, c.Close())
	}
	return nil
}

func (c *Cluster) populate() error {
	if most := c.about.Max; most > 0 && c.set.Nodes+1 > most {
		return fmt.Errorf("%s on this machine takes %d nodes and an introducer; ask for fewer with -nodes", c.about.World, most-1)
	}
	c.links = c.set.Links
	if err := c.link(c.set.Nodes); err != nil {
		return err
	}
	if err := c.introduce(); err != nil {
		return err
	}
	cast := c.set.Cast
	if cast == nil {
		cast = c.set.Protocol.Roles(c.set.Nodes)
	}
	specs, err := c.specs(cast)
	if err == nil {
		err = c.idealise(specs)
	}
	if err != nil {
		return err
	}
	return c.spawn(specs)
}

// link gives nodes that are yet to come, so that there are so many, their links.
func (c *Cluster) link(nodes int) error {
	addrs := make([]p2p.Addr, nodes)
	for i := range addrs {
		addrs[i] = p2p.MakeAddr(c.backend.IP(i+1), port)
	}
	n := c.wanted(addrs)
	if reflect.DeepEqual(n, c.net) {
		return nil
	}
	c.net, c.proven = n, n
	return c.backend.Apply(c.ctx, n)
}

// introduce starts the introducer, an ordinary node that the others find by
// name, unless they are programs that know nothing of it.
func (c *Cluster) introduce() error {
	addr := p2p.MakeAddr(c.backend.IP(0), port)
	c.hosts = map[string]p2p.Addr{"introducer": addr}
	c.introducer = &node{up: true, spec: Spec{
		Index: 0, Name: "introducer", Role: "introducer", Protocol: introducer.Protocol,
		Config: introducer.Protocol.Config, Addr: addr, Seed: c.nodeSeed(0), Hosts: c.hosts}}
	if c.set.foreign != nil {
		return nil
	}
	return c.backend.Spawn(c.ctx, c.introducer.spec)
}

// Grow adds nodes in the roles of the cast, which join the running network.
func (c *Cluster) Grow(cast p2p.Cast) {
	if c.err != nil {
		return
	}
	specs, err := c.specs(cast)
	if err == nil {
		err = c.link(c.Size() + len(cast))
	}
	if err == nil {
		err = c.spawn(specs)
	}
	c.fail(err)
}
