package loop

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"peerbed/node/control"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// A network is what this node's own gate and links are like.
type network struct {
	notTo, notFrom map[uint32]bool // IP addresses
	notCall        map[uint32]bool
	walled         bool
	access         linkmodel.Access // of this node
	up, down       linkmodel.Pipe   // the two directions of it
	model          linkmodel.Model
	perfect        bool // the model changes nothing
	rand           *rand.Rand
	paths          map[uint32]*path
}

// A path is the way to one IP address.
type path struct {
	link linkmodel.Link
	line linkmodel.Line
}

func newNetwork(seed uint64) network {
	return network{perfect: true, rand: rand.New(rand.NewPCG(seed, networkStream))}
}

// blocked reports whether a stream with a is stalled: without what comes back
// no direction of it can move.
func (n *network) blocked(a p2p.Addr) bool { return n.notTo[a.IP()] || n.notFrom[a.IP()] }

// vain reports whether a is dialled in vain.
func (n *network) vain(a p2p.Addr) bool { return n.blocked(a) || n.notCall[a.IP()] }

func (n *network) path(from, to p2p.Addr) *path {
	p := n.paths[to.IP()]
	if p == nil {
		p = &path{link: n.model.Link(from, to)}
		n.paths[to.IP()] = p
	}
	return p
}

// handshake is how long a dial takes before it reaches the other side and is
// answered.
func (n *network) handshake(self, to p2p.Addr) time.Duration {
	if n.perfect {
		return 0
	}
	var there, back linkmodel.Line // a handshake does not wait for the line
	d := there.Stream(n.path(self, to).link, 0, 0, n.rand)
	return d + back.Stream(n.model.Link(to, self), 0, 0, n.rand)
}

// stream says when size bytes of a stream that are sent now arrive.
func (n *network) stream(self, to p2p.Addr, now time.Duration, size int) time.Duration {
	if n.perfect {
		return now
	}
	p := n.path(self, to)
	return p.line.Stream(p.link, now, size, n.rand)
}

// datagram says when a datagram arrives, if it does.
func (n *network) datagram(self, to p2p.Addr, now time.Duration, size int) (time.Duration, bool) {
	p := n.path(self, to)
	leaves, ok := n.up.Datagram(n.access.Up, now, size)
	if !ok {
		return 0, false
	}
	return p.line.Datagram(p.link, leaves, size, n.rand)
}

// SetNet puts a gate and links in place of what was there. An error says what
// of n makes no sense; then nothing changes.
func (l *Loop) SetNet(n control.Net) error {
	if err := n.Links.Check(); err != nil {
		return fmt.Errorf("links: %w", err)
	}
	return l.Call(func() { l.setNet(n) })
}

func (l *Loop) setNet(n control.Net) {
	l.net.notTo, l.net.notFrom = ips(n.NotTo), ips(n.NotFrom)
	l.net.notCall, l.net.walled = ips(n.NotCall), n.Walled
	l.net.access = n.Links.AccessOf(l.self)
	l.net.model, l.net.perfect = n.Links, n.Links.Perfect()
	l.net.paths = map[uint32]*path{}
	for _, s := range l.inOrder() {
		blocked := l.net.blocked(s.peer.Addr) || s.conn == nil && !s.busy && l.net.vain(s.peer.Addr)
		switch {
		case blocked && !s.blocked:
			s.stall()
		case !blocked && s.blocked:
			s.resume()
		}
	}
}

// inOrder lists the streams as they were opened: what is done to all of them
// makes timers and calls.
func (l *Loop) inOrder() []*stream {
	list := make([]*stream, 0, len(l.streams))
	for _, s := range l.streams {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b *stream) int { return int(a.peer.Link) - int(b.peer.Link) })
	return list
}

func ips(list []p2p.Addr) map[uint32]bool {
	set := make(map[uint32]bool, len(list))
	for _, a := range list {
		set[a.IP()] = true
	}
	return set
}

// stall stops a stream until resume; if that takes too long, it is down.
func (s *stream) stall() {
	s.blocked = true
	s.stalls++
	s.q.Pause(true)
	this := s.stalls
	s.l.later(s.l.silence, func() {
		if s.blocked && s.stalls == this && s.l.streams[s.peer.Link] == s {
			s.down(fmt.Errorf("%w: cut off for %v", p2p.ErrSilent, s.l.silence))
		}
	})
}

// resume lets a stream go on where it stopped.
func (s *stream) resume() {
	s.blocked = false
	s.q.Pause(false)
	switch {
	case s.busy:
	case s.conn == nil:
		s.dial()
	case s.codec == nil && !s.recognise() && s.deaf:
	case s.late != nil:
		late := s.late
		s.late = nil
		s.got(late.n, late.err)
	default:
		s.read()
	}
}
