package loop

import (
	"encoding/binary"
	"strings"
	"time"

	"peerbed/node/control"
	"peerbed/protocols/p2p"
)

// A probe is probeMagic, probeAsk or probeAnswer, and two times 8 bytes, high
// byte first: the series that it belongs to and, in the last two, its place there;
// and the machine's clock when it was sent or, in an answer, how long the way
// there took, in nanoseconds. The magic is not ASCII, nor UTF-8, and its first byte begins no message of the
// protocols here.
const (
	probeMagic  = "\xf5\xffpeerbed probe\xff\xf5"
	probeAsk    = 'q'
	probeAnswer = 'a'
	probeLen    = len(probeMagic) + 1 + 8 + 8
	placeBits   = 16
)

const (
	// maxProbe bounds how long a probe may wait.
	maxProbe = time.Minute
	// maxSeries bounds how many probes a request may ask for.
	maxSeries = 1000
	// probeGap lies between two datagrams of a series, where nobody asked for
	// another: they shall not queue.
	probeGap = 2 * time.Millisecond
	// maxGap bounds it.
	maxGap = time.Second
	// maxHeard is how many series a node remembers that it heard.
	maxHeard = 1000
)

// Probes are the series that this node has sent, and those that it has heard.
type probes struct {
	asked map[uint64]*probe
	heard []heard // the last maxHeard, a ring
	next  int     // where in the ring
}

type heard struct {
	series uint64
	n      int
}

// A probe is one series under way.
type probe struct {
	to     p2p.Addr
	series uint64
	wait   time.Duration
	gap    time.Duration
	sent   []time.Duration // when, by place; 0: answered
	rtts   []time.Duration
	outs   []time.Duration // the way there, of each of rtts
	over   bool
	done   chan struct{}
}

// Probe sends probes to another node's loop and waits for the answers.
func (l *Loop) Probe(r control.ProbeRequest) (control.ProbeReply, error) {
	p := &probe{to: r.To, wait: time.Second, gap: probeGap, done: make(chan struct{})}
	if r.Timeout > 0 {
		p.wait = min(r.Timeout, maxProbe)
	}
	if r.Gap > 0 {
		p.gap = min(r.Gap, maxGap)
	}
	n := min(max(r.Count, 1), maxSeries)
	if r.Stream {
		n = 1
	}
	p.sent = make([]time.Duration, n)
	if err := l.Call(func() { l.beginProbe(p, r.Stream) }); err != nil {
		return control.ProbeReply{}, err
	}
	select {
	case <-p.done:
		return control.ProbeReply{Sent: n, RTTs: p.rtts, Outs: p.outs, Series: p.series}, nil
	case <-l.ended:
		return control.ProbeReply{}, ErrStopped
	}
}

func (l *Loop) beginProbe(p *probe, stream bool) {
	p.series = l.net.rand.Uint64() >> placeBits
	l.probes.asked[p.series] = p
	if stream {
		l.openProbe(p)
	} else {
		l.sendProbes(p, 0)
	}
	l.later(p.wait+time.Duration(len(p.sent)-1)*p.gap, func() { l.endProbe(p) })
}

// sendProbes sends the datagrams from place k on.
func (l *Loop) sendProbes(p *probe, k int) {
	p.sent[k] = l.now()
	l.send(p.to, questionBytes(p.series<<placeBits|uint64(k)))
	if k++; k < len(p.sent) {
		l.later(p.gap, func() { l.sendProbes(p, k) })
	}
}

func (l *Loop) endProbe(p *probe) {
	if !p.over {
		p.over = true
		delete(l.probes.asked, p.series)
		close(p.done)
	}
}

// questionBytes writes a probe that is sent now.
func questionBytes(id uint64) []byte { return probeBytes(probeAsk, id, time.Now().UnixNano()) }

// answerBytes writes the answer to a probe that was sent at a time and came now.
// Nodes of one machine have its clock in common.
func answerBytes(id uint64, sent int64) []byte {
	return probeBytes(probeAnswer, id, time.Now().UnixNano()-sent)
}

func probeBytes(kind byte, id uint64, clock int64) []byte {
	b := append(make([]byte, 0, probeLen), probeMagic...)
	b = binary.BigEndian.AppendUint64(append(b, kind), id)
	return binary.BigEndian.AppendUint64(b, uint64(clock))
}

// probeOf reads a probe.
func probeOf(b []byte) (kind byte, id uint64, clock int64, ok bool) {
	if len(b) != probeLen || !strings.HasPrefix(string(b[:len(probeMagic)]), probeMagic) {
		return 0, 0, 0, false
	}
	rest := b[len(probeMagic)+1:]
	return b[len(probeMagic)], binary.BigEndian.Uint64(rest), int64(binary.BigEndian.Uint64(rest[8:])), true
}

// probed reports whether b is a probe, and does what it asks for.
func (l *Loop) probed(from p2p.Addr, b []byte) bool {
	kind, id, clock, ok := probeOf(b)
	switch {
	case !ok:
		return false
	case kind == probeAsk:
		l.probes.note(id >> placeBits)
		l.send(from, answerBytes(id, clock))
	case kind == probeAnswer:
		l.answered(from, id, time.Duration(clock))
	}
	return true
}

// answered takes the answer to a probe of this node, whose way there took out.
func (l *Loop) answered(from p2p.Addr, id uint64, out time.Duration) {
	p, k := l.probes.asked[id>>placeBits], int(id&(1<<placeBits-1))
	if p == nil || p.to != from || k >= len(p.sent) || p.sent[k] == 0 {
		return
	}
	p.rtts, p.outs = append(p.rtts, l.now()-p.sent[k]), append(p.outs, out)
	p.sent[k] = 0
	if len(p.rtts) == len(p.sent) {
		l.endProbe(p)
	}
}

// note remembers that a probe of the series was heard.
func (p *probes) note(series uint64) {
	for i := range p.heard {
		if p.heard[i].series == series {
			p.heard[i].n++
			return
		}
	}
	if len(p.heard) < maxHeard {
		p.heard = append(p.heard, heard{series, 1})
		return
	}
	p.heard[p.next] = heard{series, 1}
	p.next = (p.next + 1) % maxHeard
}

// Heard tells how many probes of a series have come.
func (l *Loop) Heard(series uint64) (r control.HeardReply, err error) {
	err = l.Call(func() {
		for _, h := range l.probes.heard {
			if h.series == series {
				r.Heard = h.n
			}
		}
	})
	return r, err
}
