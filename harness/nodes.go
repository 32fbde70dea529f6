package harness

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	mrand "math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"peerbed/protocols/p2p"
)

// specs says what the nodes of the cast, which come after those there are, will
// be.
func (c *Cluster) specs(cast p2p.Cast) ([]Spec, error) {
	specs := make([]Spec, len(cast))
	for k, role := range cast {
		cfg, err := c.config, error(nil)
		if role.Config != nil {
			cfg, err = c.configured(role.Config)
		}
		if err != nil {
			return nil, fmt.Errorf("%s, role %s: %w", c.set.Protocol.Name, role.Name, err)
		}
		i := len(c.nodes) + k
		ip := c.backend.IP(i + 1)
		addr := p2p.MakeAddr(ip, port)
		if role.Port != nil {
			addr = p2p.MakeAddr(ip, role.Port(ip))
		}
		specs[k] = Spec{Index: i + 1, Name: fmt.Sprintf("%s-%d", c.set.Protocol.Name, i), Role: role.Name,
			Protocol: c.set.Protocol, Config: cfg, Addr: addr, Seed: c.nodeSeed(i + 1), Hosts: c.hosts}
	}
	c.instruct(specs)
	return specs, nil
}

// configured applies the changes that were asked for, and the introducer's
// name, to a configuration of the protocol.
func (c *Cluster) configured(cfg any) (any, error) {
	if cfg == nil {
		if len(c.set.Config) > 0 {
			return nil, fmt.Errorf("it has no settings, so not %s", strings.Join(c.set.Config, ", "))
		}
		return nil, nil
	}
	changes := c.set.Config
	for _, s := range p2p.Settings(p2p.Pointer(cfg)) {
		if s.Name == "introducer" {
			changes = append([]string{fmt.Sprintf("introducer=introducer:%d", port)}, changes...)
		}
	}
	return p2p.With(cfg, changes...)
}

// idealise gives the nodes the states of a perfect overlay, if that is wanted.
func (c *Cluster) idealise(specs []Spec) error {
	if !c.set.Ideal {
		return nil
	}
	if c.set.Protocol.Ideal == nil {
		return fmt.Errorf("%s knows no ideal overlay to start from", c.set.Protocol.Name)
	}
	addrs := make([]p2p.Addr, len(specs))
	for i := range specs {
		addrs[i] = specs[i].Addr
	}
	states := c.set.Protocol.Ideal(c.config, addrs)
	for i := range specs {
		specs[i].State = &states[i]
	}
	return nil
}

// spawn starts nodes and adds them to the cluster.
func (c *Cluster) spawn(specs []Spec) error {
	began := time.Now()
	from := len(c.nodes)
	some := make([]int, len(specs))
	for k, s := range specs {
		some[k] = from + k
		c.mu.Lock() // for who measures meanwhile
		c.nodes = append(c.nodes, &node{spec: s})
		c.mu.Unlock()
	}
	c.rec.nodes(from, specs)
	pace := min(10*time.Millisecond, 10*time.Second/time.Duration(len(specs)))
	var up atomic.Int32
	return c.each(some, func(k, i int) error {
		if err := c.backend.Spawn(c.ctx, specs[k]); err != nil {
			return fmt.Errorf("%s (%v) did not start: %w", specs[k].Name, specs[k].Addr, err)
		}
		c.mark(true, i)
		if c.about.Virtual && !c.set.Ideal {
			return c.advance(pace, nil)
		}
		c.progress(int(up.Add(1)), len(specs), began)
		return nil
	})
}

// progress says at every quarter of a start that takes seconds how far it is.
func (c *Cluster) progress(up, of int, began time.Time) {
	spent := time.Since(began)
	if c.about.Virtual || up%max(1, of/4) != 0 || spent < time.Second {
		return
	}
	left := spent / time.Duration(up) * time.Duration(of-up)
	c.say("%d of %d nodes are up, %.0f s to go", up, of, left.Seconds())
}

// each calls f for every node, with its place in the list and its number:
// several at once in real worlds, in order where time is virtual. It returns
// the first error and then starts no more.
func (c *Cluster) each(nodes []int, f func(k, i int) error) error {
	width := 4 + 2*runtime.NumCPU()
	if c.about.Virtual {
		width = 1
	}
	ctx, stop := context.WithCancelCause(c.ctx)
	defer stop(nil)
	gate := make(chan struct{}, width)
	var wg sync.WaitGroup
	for k, i := range nodes {
		gate <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			defer func() { <-gate }()
			if err := f(k, i); err != nil {
				stop(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// nodeSeed derives the seed of the i-th node's random stream from the run's.
func (c *Cluster) nodeSeed(i int) uint64 {
	return mrand.NewPCG(c.set.Seed, uint64(i)).Uint64()
}

// runName makes a name that no other run has, from a test's: "testtour-chord-5f3a".
func runName(test string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(test) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		} else {
			b.WriteByte('-')
		}
	}
	name := b.String()
	var tail [3]byte
	rand.Read(tail[:])
	return strings.Trim(name[:min(len(name), 40)], "-") + "-" + hex.EncodeToString(tail[:])
}
