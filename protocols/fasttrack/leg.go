package fasttrack

import (
	"cmp"
	"fmt"
	"slices"

	"peerbed/protocols/p2p"
)

// A leg is one source of a download at work: a stream on which it gives one part
// after the other.
type leg struct {
	d      *download
	source *source
	span            // what is to come on this stream of the part in work
	peer   p2p.Peer // zero: it has been asked to dial, and has not come yet
	pushed uint32   // the number of that Push; 0: this side has dialled
	up     bool
	begun  bool // its Response has come
	keeps  bool // and says that the stream stays
	moved  bool // bytes have come since the last look
	timer  p2p.Timer
}

// stalled looks whether bytes still come.
type stalled struct {
	p2p.Alarm
	l *leg
}

// open has f give the next part.
func (d *download) open(f *source) {
	n := d.n
	l := &leg{d: d, source: f}
	l.span, _ = d.part()
	f.busy = true
	d.legs = append(d.legs, l)
	l.timer = n.env.After(n.cfg.Stall, &stalled{l: l})
	switch {
	case !f.push:
		l.peer = n.env.Dial(f.addr, newTransfer(), l)
		l.ask()
	case n.cfg.Firewalled:
		f.fails = rounds
		l.fail(fmt.Errorf("neither side can be dialled: %w", p2p.ErrRefused))
	default:
		if n.pushID++; n.pushID == 0 {
			n.pushID++
		}
		l.pushed = n.pushID
		if !n.push(f, l.pushed) {
			l.fail(p2p.ErrNotJoined)
		}
	}
}

// ask asks for the part.
func (l *leg) ask() {
	n := l.d.n
	get := Get{Hash: l.d.hash, Host: l.peer.Addr, Network: network, User: n.user, Keep: true}
	if l.d.size > 0 {
		get.Range = fmt.Sprintf("bytes=%d-%d", l.at, l.end-1)
	}
	l.begun = false
	p2p.Send(n.env, l.peer, get)
}

// Handle hears of the stream.
func (l *leg) Handle(from p2p.Peer, m p2p.Msg) {
	if from != l.peer {
		return
	}
	switch m := m.(type) {
	case *p2p.Room:
	case *p2p.Up:
		l.up = true
	case *Response:
		l.begin(m)
	case *Body:
		l.store(m)
	case *p2p.Down:
		l.fail(cmp.Or(m.Err, p2p.ErrReset))
	default:
		l.fail(p2p.ErrMalformed)
	}
}

// begin checks that what comes is what was asked for. Somebody may send all, where
// all was asked for.
func (l *leg) begin(m *Response) {
	all := m.Code == 200 && m.Length == l.d.size && l.at == 0 && l.end == l.d.size
	part := m.Code == 206 && m.Off == l.at && m.Length == l.end-l.at && m.Total == l.d.size
	switch {
	case l.begun:
		l.fail(fmt.Errorf("%w: a second response", p2p.ErrMalformed))
	case m.Code == 503:
		l.fail(fmt.Errorf("it is busy: %w", p2p.ErrRefused))
	case !all && !part:
		l.fail(fmt.Errorf("it answered %d, %d bytes from %d: %w", m.Code, m.Length, m.Off, p2p.ErrNotFound))
	default:
		l.begun, l.keeps = true, m.Keep
		if l.at == l.end {
			l.write(p2p.View(nil))
		}
	}
}

// store takes a piece of the part.
func (l *leg) store(m *Body) {
	if !l.begun || l.at+int64(m.Data.Len) > l.end {
		l.fail(fmt.Errorf("%w: more bytes than announced", p2p.ErrMalformed))
		return
	}
	l.write(m.Data)
}

func (l *leg) write(c p2p.Content) {
	d := l.d
	l.moved = true
	l.source.fails = 0
	if !slices.Contains(d.gave, l.source) {
		d.gave = append(d.gave, l.source)
	}
	d.n.env.Disk().Write(d.name, l.at, c, d)
	d.pending++
	if l.at += int64(c.Len); l.at == l.end {
		l.next()
	}
}

// next goes on with another part: on this stream, if it stays.
func (l *leg) next() {
	d := l.d
	if l.keeps {
		if s, ok := d.part(); ok {
			l.span = s
			l.ask()
			return
		}
	}
	l.over()
	d.fill()
}

func (l *leg) stall() {
	switch {
	case len(l.d.done) == 0 || !slices.Contains(l.d.legs, l):
	case !l.moved:
		l.fail(p2p.ErrTimeout)
	default:
		l.moved = false
		l.timer = l.d.n.env.After(l.d.n.cfg.Stall, &stalled{l: l})
	}
}

// fail leaves the source, which may be tried again: by Push, if it could not be
// dialled.
func (l *leg) fail(err error) {
	d, f := l.d, l.source
	if l.pushed == 0 && !l.up && !d.n.cfg.Firewalled {
		f.push = true
	}
	f.fails++
	f.rests = d.n.env.Now() + pause
	d.last = fmt.Errorf("fasttrack: %q from %v: %w", d.name, f.addr, err)
	d.giveBack(l.span)
	l.over()
	d.fill()
}

// over ends the stream.
func (l *leg) over() {
	l.hangUp()
	l.source.busy = false
	l.d.legs = slices.DeleteFunc(l.d.legs, func(k *leg) bool { return k == l })
}

func (l *leg) hangUp() {
	env := l.d.n.env
	env.Stop(l.timer)
	if l.peer.Link != 0 {
		env.Close(l.peer)
		l.peer = p2p.Peer{}
	}
}
