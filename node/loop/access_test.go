package loop_test

import (
	"strings"
	"testing"
	"time"

	"peerbed/node/control"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

func access(q *puppet, up, down int64) control.Net {
	return control.Net{Links: linkmodel.Model{Access: []linkmodel.Access{{Node: q.addr, Up: up, Down: down}}}}
}

// One node's line is shared by its streams, message by message; what it carries
// takes its time, in the direction that is limited.
func TestAccess(t *testing.T) {
	const rate, size, each = 100_000, 2000 - head, 5
	for _, up := range []bool{true, false} {
		p, q := newPuppet(t, p2p.Silence), newPuppet(t, p2p.Silence)
		a, _ := p.dial(q)
		b, _ := p.dial(q)
		if up {
			p.setNet(access(p, rate, 0))
		} else {
			q.setNet(access(q, 0, rate))
		}
		began := time.Now()
		text := strings.Repeat("z", size)
		p.on(func(env p2p.Env) {
			for range each {
				p2p.Send(env, a, note{text})
			}
			for range each {
				p2p.Send(env, b, note{text})
			}
		})
		froms := map[p2p.Peer]int{}
		for range 2 * each {
			froms[q.want(text)]++
			if up && len(froms) == 1 && froms[a] > 2 {
				t.Error("one stream has the line for itself")
			}
		}
		if took := time.Since(began); took < 200*time.Millisecond {
			t.Errorf("20 kB over a line of 100 kB/s (up: %v) took %v", up, took)
		}
		p.setNet(control.Net{})
		q.setNet(control.Net{})
		p.send(b, "freed")
		q.want("freed")
		p.on(func(env p2p.Env) { env.Close(a) })
		q.want("down")
	}
}

// Datagrams wait for the line too, and are lost when they alone fill its queue.
func TestAccessOfDatagrams(t *testing.T) {
	for _, up := range []bool{true, false} {
		p, q := newPuppet(t, p2p.Silence), newPuppet(t, p2p.Silence)
		if up {
			p.setNet(access(p, 10_000, 0))
		} else {
			q.setNet(access(q, 0, 10_000))
		}
		began := time.Now()
		text := strings.Repeat("z", 1000-head)
		p.send(q.addr.Peer(), text)
		q.want(text)
		if took := time.Since(began); took < 100*time.Millisecond {
			t.Errorf("1 kB over a line of 10 kB/s (up: %v) took %v", up, took)
		}
	}
}

// "They are behind a firewall": a dial to them waits as for a lost handshake,
// and ends with ErrSilent; whoever has not been told is reset.
func TestWalls(t *testing.T) {
	p, q, r := newPuppet(t, short), newPuppet(t, p2p.Silence), newPuppet(t, p2p.Silence)
	s, _ := p.dial(q)
	q.setNet(control.Net{Walled: true})
	p.setNet(control.Net{NotCall: []p2p.Addr{q.addr}})
	p.send(s, "what stands goes on")
	q.want("what stands goes on")
	p.send(q.addr.Peer(), "so do datagrams")
	q.want("so do datagrams")
	p.on(func(env p2p.Env) { env.Dial(q.addr, puppets{}, p) })
	p.want("down silent")
	r.on(func(env p2p.Env) { env.Dial(q.addr, puppets{}, r) })
	r.wantReset()
	q.dial(r)

	p.on(func(env p2p.Env) { p2p.Send(env, env.Dial(q.addr, puppets{}, p), note{"at last"}) })
	q.quiet()
	q.setNet(control.Net{})
	p.setNet(control.Net{})
	p.want("up inbound=false")
	q.want("up inbound=true")
	q.want("at last")
}

// wantReset waits for the end of a dial that the other side resets at once: the
// reset may come before the loop has seen that the handshake went through.
func (p *puppet) wantReset() {
	p.t.Helper()
	e := <-p.heard
	if e.what == "up inbound=false" {
		e = <-p.heard
	}
	if e.what != "down reset" {
		p.t.Fatalf("%v heard %q from %v, want \"down reset\"", p.addr, e.what, e.from)
	}
}
