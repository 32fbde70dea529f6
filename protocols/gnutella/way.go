package gnutella

import (
	"fmt"

	"peerbed/protocols/p2p"
)

// A way is how a download comes to a stream on which it can ask.
type way interface {
	open(d *download)
	risen(d *download) // the stream that open dialled stands
}

// wayTo chooses by who can be dialled: the responder, else the asker, else a
// third.
func (s *servent) wayTo(f *source) way {
	switch {
	case !f.push:
		return direct{}
	case !s.cfg.Firewalled:
		return pushing{}
	case s.cfg.Relay:
		return &between{}
	}
	return noWay{}
}

// direct dials the responder.
type direct struct{}

func (direct) open(d *download) {
	d.peer = d.s.env.Dial(d.sources[0].addr, newTransfer(), d)
	d.ask()
}

func (direct) risen(*download) {}

// pushing has the responder dial.
type pushing struct{}

func (pushing) open(d *download) {
	if !d.s.push(&d.sources[0], d.s.env.Self()) {
		d.next(fmt.Errorf("no way back to it: %w", p2p.ErrNotFound))
	}
}

func (pushing) risen(*download) {}

// between dials a third servent and has the responder dial that.
type between struct{ third p2p.Addr }

func (b *between) open(d *download) {
	if b.third = d.s.third(d.tries); b.third == 0 {
		d.next(fmt.Errorf("nobody can stand between: %w", p2p.ErrNotFound))
		return
	}
	d.peer = d.s.env.Dial(b.third, newTransfer(), d)
	p2p.Send(d.s.env, d.peer, Relay{d.sources[0].servent})
}

func (b *between) risen(d *download) {
	if !d.s.push(&d.sources[0], b.third) {
		d.next(fmt.Errorf("no way back to it: %w", p2p.ErrNotFound))
	}
}

// noWay is between two that cannot be dialled.
type noWay struct{}

func (noWay) open(d *download) {
	f := d.sources[0].addr
	d.sources = d.sources[1:]
	d.again(fmt.Errorf("gnutella: %q from %v: both sides are behind firewalls: %w", d.name, f, p2p.ErrRefused))
}

func (noWay) risen(*download) {}
