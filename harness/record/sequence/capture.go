package sequence

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"peerbed/harness/sim"
	"peerbed/protocols/p2p"
)

// segment is how much of a stream a packet carries: what fits into an Ethernet
// frame.
const segment = 1460

// Capture writes what the choice picks of a trace as pcapng and returns how many
// packets that is. Choice.Last does not count here. If the trace is cut short or
// damaged, the capture ends there, whole, with an error that names the line.
func Capture(w io.Writer, r io.Reader, choice Choice) (packets int, err error) {
	out, err := newPackets(w)
	if err != nil {
		return 0, err
	}
	c := &capture{out: out, choice: choice, dialled: map[p2p.Addr]*stream{}, sizes: map[uint64]uint32{}}
	for e, err := range sim.ReadTrace(r) {
		if err == nil {
			err = c.hear(&e)
		}
		if err != nil {
			c.release()
			return out.n, cmp.Or(err, out.flush())
		}
	}
	c.release()
	return out.n, out.flush()
}

// A capture plays the TCP that the simulator leaves out.
type capture struct {
	out     *packets
	choice  Choice
	nodes   []captured
	dialled map[p2p.Addr]*stream // by the dialler's end
	sizes   map[uint64]uint32    // of the messages on streams that are on their way
	held    []packet             // of the last Send: a Drop may follow
	heldN   uint64
}

// A captured node and its streams, by its own numbers.
type captured struct {
	name  string
	addr  p2p.Addr
	links map[p2p.Link]*end
}

// An end is one side of a stream.
type end struct {
	*stream
	self, peer p2p.Addr
	other      *end
	next       uint32 // the number of the next byte that it sends
	heard      uint32 // and of the next that it expects
	over       bool   // it has sent FIN or RST
}

// A stream is a connection of two ends, of which 0 dialled.
type stream struct {
	ends  [2]end
	open  bool
	early []packet // of the dialler, before it is open
}

func (c *capture) hear(e *sim.Event) error {
	if e.What == sim.Start && e.Node == len(c.nodes) {
		c.nodes = append(c.nodes, captured{name: e.Why, addr: e.Own, links: map[p2p.Link]*end{}})
	}
	if e.Node >= len(c.nodes) || e.Node < -1 {
		return fmt.Errorf("sequence: an event of node %d, which never began", e.Node)
	}
	if e.Node < 0 {
		return nil
	}
	if e.What == sim.Drop && e.N == c.heldN && len(c.held) > 0 {
		c.held[0].comment += "; dropped: " + e.Why
	}
	c.release()
	n := &c.nodes[e.Node]
	switch e.What {
	case sim.Restart:
		clear(n.links)
	case sim.Dial:
		c.dial(n, e)
	case sim.Send:
		return c.send(n, e)
	case sim.Close:
		if it := n.links[e.Link]; it != nil {
			c.close(it, e)
		}
	case sim.Hear:
		c.heardOf(n, e)
	}
	return nil
}

// release writes what is held.
func (c *capture) release() {
	for i := range c.held {
		c.out.write(&c.held[i])
	}
	c.held = c.held[:0]
}

// emit writes packets that belong to an event, if it is chosen.
func (c *capture) emit(e *sim.Event, all ...packet) {
	if !c.choice.picks(e, c.nodes[e.Node].name) {
		return
	}
	for i := range all {
		all[i].at = e.At
		c.out.write(&all[i])
	}
}

func (c *capture) dial(n *captured, e *sim.Event) {
	s := &stream{}
	a, b := &s.ends[0], &s.ends[1]
	*a = end{stream: s, self: e.Own, peer: e.Peer, other: b}
	*b = end{stream: s, self: e.Peer, peer: e.Own, other: a}
	c.dialled[e.Own] = s
	n.links[e.Link] = a
	c.emit(e, a.packet("SYN", nil))
}

// send captures a message; on a stream that is not open yet it waits.
func (c *capture) send(n *captured, e *sim.Event) error {
	if e.N == 0 {
		return ErrNoNumbers
	}
	comment := fmt.Sprintf("%s: %s", n.name, e.Kind)
	if e.Cause != 0 {
		comment += fmt.Sprintf(", operation %d", e.Cause)
	}
	data := append(e.Bytes[:len(e.Bytes):len(e.Bytes)], make([]byte, min(max(e.Content, 0), maxContent))...)
	if e.Link == 0 {
		c.hold(e, packet{udp: true, from: n.addr, to: e.Peer, data: data, comment: comment})
		return nil
	}
	it := n.links[e.Link]
	if it == nil {
		return nil
	}
	c.sizes[e.N] = uint32(len(data))
	var all []packet
	for len(data) > 0 {
		k := min(len(data), segment)
		p := it.packet("ACK PSH", data[:k])
		p.comment, comment = comment, ""
		all = append(all, p)
		data = data[k:]
	}
	if it.open {
		c.hold(e, all...)
	} else if c.choice.picks(e, c.nodes[e.Node].name) {
		it.early = append(it.early, all...)
	}
	return nil
}

// maxContent bounds what a damaged trace can ask for.
const maxContent = 64 << 20

// hold keeps packets until the next event, which may say that they are dropped.
func (c *capture) hold(e *sim.Event, all ...packet) {
	if !c.choice.picks(e, c.nodes[e.Node].name) {
		return
	}
	for i := range all {
		all[i].at = e.At
	}
	c.held, c.heldN = append(c.held, all...), e.N
}

func (c *capture) close(it *end, e *sim.Event) {
	if it.over {
		return
	}
	it.over = true
	fin := it.packet("FIN ACK", nil)
	switch {
	case it.open:
		c.emit(e, fin)
	case c.choice.picks(e, c.nodes[e.Node].name):
		it.early = append(it.early, fin)
	}
}

// heardOf follows what a node hears of its streams.
func (c *capture) heardOf(n *captured, e *sim.Event) {
	if e.N == 0 && e.Kind == "up" && n.links[e.Link] == nil {
		s := c.dialled[e.Peer]
		if s == nil {
			return
		}
		n.links[e.Link] = &s.ends[1]
	}
	it := n.links[e.Link]
	switch {
	case it == nil || e.Link == 0:
	case e.N != 0:
		it.heard += c.sizes[e.N]
		delete(c.sizes, e.N)
	case e.Kind == "up":
		c.open(it, e)
	case e.Kind == "down":
		c.down(it, e)
		delete(n.links, e.Link)
	}
}

// open is the rest of the handshake, and what waited for it.
func (c *capture) open(it *end, e *sim.Event) {
	if it.stream.open {
		return
	}
	it.stream.open = true
	a, b := &it.ends[0], &it.ends[1]
	b.heard = 1
	synAck := b.packet("SYN ACK", nil)
	a.heard = 1
	ack := a.packet("ACK", nil)
	ack.seq = 1 // what waits has its numbers already
	c.emit(e, synAck, ack)
	for i := range it.early {
		it.early[i].at, it.early[i].ack = e.At, a.heard
		c.out.write(&it.early[i])
	}
	it.early = nil
}

// down is the end of a stream as one of its ends hears of it.
func (c *capture) down(it *end, e *sim.Event) {
	switch {
	case e.Why == "":
		it.heard++
		c.close(it, e)
	case strings.Contains(e.Why, p2p.ErrSilent.Error()) || it.other.over:
	default:
		it.other.over = true
		rst := it.other.packet("RST ACK", nil)
		if !it.open {
			rst.ack = 1
		}
		c.emit(e, rst)
	}
}

// packet makes one that the end sends now, and counts its bytes.
func (e *end) packet(flags string, data []byte) packet {
	p := packet{from: e.self, to: e.peer, seq: e.next, ack: e.heard, flags: flags, data: data}
	e.next += uint32(len(data))
	if strings.Contains(flags, "SYN") || strings.Contains(flags, "FIN") {
		e.next++
	}
	return p
}
