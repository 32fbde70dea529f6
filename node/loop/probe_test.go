package loop_test

import (
	"testing"
	"time"

	"peerbed/node/control"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// probe has p probe q and tells how many probes came, and how long each took
// until its answer was back.
func (p *puppet) probe(q *puppet, r control.ProbeRequest) (heard int, rtts []time.Duration) {
	p.t.Helper()
	r.To = q.addr
	reply, err := p.l.Probe(r)
	if err != nil {
		p.t.Fatal(err)
	}
	h, err := q.l.Heard(reply.Series)
	if err != nil {
		p.t.Fatal(err)
	}
	return h.Heard, reply.RTTs
}

// The two directions have delays of their own, and the way there is told from
// the way back.
func TestTheWayThereIsTimedApart(t *testing.T) {
	there := control.Net{Links: linkmodel.Model{Default: linkmodel.Link{Delay: 60 * time.Millisecond}}}
	back := control.Net{Links: linkmodel.Model{Default: linkmodel.Link{Delay: 20 * time.Millisecond}}}
	p, q := newPuppet(t, p2p.Silence), newPuppet(t, p2p.Silence)
	p.setNet(there)
	q.setNet(back)
	for _, stream := range []bool{false, true} {
		r, err := p.l.Probe(control.ProbeRequest{To: q.addr, Stream: stream, Timeout: patience})
		if err != nil || len(r.RTTs) != 1 || len(r.Outs) != 1 {
			t.Fatalf("stream %v: %+v, error %v", stream, r, err)
		}
		// Some microseconds pass between two looks at clocks.
		if out, home := r.Outs[0], r.RTTs[0]-r.Outs[0]; out < 59*time.Millisecond || home < 19*time.Millisecond || out > patience {
			t.Errorf("stream %v: %v there and %v back, want 60 and 20 ms at least", stream, out, home)
		}
	}
}

// soon is for probes that must find no answer.
const soon = 50 * time.Millisecond

func TestProbes(t *testing.T) {
	delay := control.Net{Links: linkmodel.Model{Default: linkmodel.Link{Delay: 30 * time.Millisecond}}}
	for _, stream := range []bool{false, true} {
		p, q := newPuppet(t, p2p.Silence), newPuppet(t, p2p.Silence)
		ask := control.ProbeRequest{Stream: stream, Timeout: patience}
		if heard, rtts := p.probe(q, ask); heard != 1 || len(rtts) != 1 || rtts[0] <= 0 {
			t.Errorf("stream %v, a healthy way: heard %d, answers after %v", stream, heard, rtts)
		}
		p.setNet(delay)
		q.setNet(delay)
		if _, rtts := p.probe(q, ask); len(rtts) != 1 || rtts[0] < 60*time.Millisecond {
			t.Errorf("stream %v, two times 30 ms: answers after %v", stream, rtts)
		}
		p.setNet(notTo(q))
		ask.Timeout = soon
		if heard, rtts := p.probe(q, ask); heard != 0 || len(rtts) != 0 {
			t.Errorf("stream %v, the way there is cut: heard %d, answers after %v", stream, heard, rtts)
		}
		p.quiet() // a protocol never sees a probe
		q.quiet()
		if c, err := q.l.Counters(); err != nil || len(c.Traffic) != 0 {
			t.Errorf("probes counted as traffic: %+v, error %v", c.Traffic, err)
		}
	}
}

// One direction can be told from the other.
func TestTheQuestionIsHeardThoughTheAnswerIsLost(t *testing.T) {
	p, q := newPuppet(t, p2p.Silence), newPuppet(t, p2p.Silence)
	q.setNet(notTo(p))
	if heard, rtts := p.probe(q, control.ProbeRequest{Timeout: soon, Count: 5}); heard != 5 || len(rtts) != 0 {
		t.Errorf("heard %d, answers after %v; want 5 and none", heard, rtts)
	}
	if heard, rtts := p.probe(q, control.ProbeRequest{Timeout: soon, Stream: true}); len(rtts) != 0 {
		t.Errorf("a stream, heard %d: answers after %v; want none", heard, rtts)
	}
	q.setNet(control.Net{})
	if heard, rtts := p.probe(q, control.ProbeRequest{Timeout: patience, Count: 5}); heard != 5 || len(rtts) != 5 {
		t.Errorf("after heal: heard %d, answers after %v; want 5 and 5", heard, rtts)
	}
}

func TestAProbeOfNobody(t *testing.T) {
	p := newPuppet(t, p2p.Silence)
	nobody := p2p.MakeAddr(p.addr.IP(), 1)
	for _, stream := range []bool{false, true} {
		r, err := p.l.Probe(control.ProbeRequest{To: nobody, Stream: stream, Timeout: soon})
		if err != nil || r.Sent != 1 || len(r.RTTs) != 0 {
			t.Errorf("stream %v: %+v, error %v; want one probe without an answer", stream, r, err)
		}
	}
}

// What only looks like a probe for a while is the protocol's.
func TestHalfAProbeIsTheProtocols(t *testing.T) {
	p := newPuppet(t, p2p.Silence)
	raw := dialRaw(t, p.addr)
	raw.Write([]byte("\xf5\xffpeerbed"))
	p.quiet()
	raw.Write([]byte(" no probe at all"))
	p.want("up inbound=true")
}

// A node in whose language the acceptor speaks first answers a stream's probe too,
// behind what it says; to its Node, the caller hangs up.
func TestWhoSpeaksFirstIsProbed(t *testing.T) {
	p := newPuppet(t, p2p.Silence)
	q := newPuppet(t, p2p.Silence, func(proto *p2p.Protocol) {
		proto.Accept = func([]byte) (p2p.Codec, error) { return puppets{}, nil }
	})
	q.on(func(env p2p.Env) {
		q.act = func(from p2p.Peer, m p2p.Msg) {
			if _, ok := m.(*p2p.Up); ok {
				p2p.Send(env, from, note{"welcome"})
			}
		}
	})
	if heard, rtts := p.probe(q, control.ProbeRequest{Stream: true, Timeout: patience}); heard != 1 || len(rtts) != 1 {
		t.Errorf("heard %d, answers after %v", heard, rtts)
	}
	q.want("up inbound=true")
	q.want("down")
	q.quiet()
}
