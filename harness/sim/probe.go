package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"peerbed/harness"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// probeStream is apart from the streams of links and nodes: a run that is
// probed is the same, event by event, as one that is not.
const probeStream = 1<<63 + 1

// probeSize is that of a real node's probe, in bytes.
const probeSize = 34

// Probe works out what would come of probes that were sent now. No time passes,
// and nothing that the nodes or the links could notice changes. The error
// wraps p2p.ErrGone if no node runs at from.
func (w *World) Probe(from, to p2p.Addr, p harness.Probing) (harness.Echo, error) {
	h := w.host(from)
	if h == nil || h.node == nil {
		return harness.Echo{}, fmt.Errorf("sim: a probe from %v: %w", from, p2p.ErrGone)
	}
	if h.paused {
		return harness.Echo{}, fmt.Errorf("sim: a probe from %v: %w", from, harness.ErrPaused)
	}
	e := harness.Echo{Sent: max(p.Count, 1)}
	travel := h.echo
	if p.By == harness.Stream {
		e.Sent, travel = 1, h.echoByStream
	}
	for range e.Sent {
		var there, back bool
		var rtt, out time.Duration
		w.net.aside(from, to, func() { there, back, rtt, out = travel(to, p.Longest()) })
		if there {
			e.There++
		}
		if back {
			e.Back++
			e.RTTs, e.Outs = append(e.RTTs, rtt), append(e.Outs, out)
		}
	}
	return e, nil
}

// echo sends a datagram there and back through what lies between the hosts. out
// is the part of rtt that was the way there.
func (h *host) echo(to p2p.Addr, patience time.Duration) (there, back bool, rtt, out time.Duration) {
	w := h.w
	t := w.host(to)
	at, why := h.fly(to, probeSize)
	if t == nil || t.node == nil || t.paused || why != "" || at-w.now > patience {
		return false, false, 0, 0
	}
	home, why := t.fly(h.addr, probeSize)
	out = at - w.now
	rtt = out + home - w.now
	return true, why == "" && rtt <= patience, rtt, out
}

// echoByStream asks and answers on a stream that stands already.
func (h *host) echoByStream(to p2p.Addr, patience time.Duration) (there, back bool, rtt, out time.Duration) {
	w := h.w
	t := w.host(to)
	if t == nil || t.node == nil || t.paused || t.walled || h.cutFrom(t) || t.cutFrom(h) {
		return false, false, 0, 0
	}
	away := *w.net.link(h.addr, to)
	home := *w.net.link(to, h.addr)
	out = w.net.line(&away, h.addr, to).Stream(away, w.now, probeSize, w.net.rand) - w.now
	rtt = out + w.net.line(&home, to, h.addr).Stream(home, w.now, probeSize, w.net.rand) - w.now
	return rtt <= patience, rtt <= patience, rtt, out
}

// aside does f with random draws of its own, and puts the lines between two
// addresses back as they were.
func (n *network) aside(a, b p2p.Addr, f func()) {
	if n.probes == nil {
		n.probes = rand.New(rand.NewPCG(1, probeStream))
	}
	kept := n.rand
	n.rand = n.probes
	before := map[way]linkmodel.Line{}
	ways := [...]way{{a.IP(), b.IP()}, {b.IP(), a.IP()}}
	for _, k := range ways {
		if line := n.lines[k]; line != nil {
			before[k] = *line
		}
	}
	for _, h := range []*host{n.table.find(a.IP()), n.table.find(b.IP())} {
		if h != nil && h.access != nil {
			was := *h.access
			defer func() { *h.access = was }()
		}
	}
	f()
	n.rand = kept
	for _, k := range ways {
		if line, ok := before[k]; ok {
			*n.lines[k] = line
		} else {
			delete(n.lines, k)
		}
	}
}

func (b *backend) Probe(_ context.Context, from, to p2p.Addr, p harness.Probing) (harness.Echo, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.world.Probe(from, to, p)
}
