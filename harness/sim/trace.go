package sim

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"time"

	"peerbed/harness/fault"
	"peerbed/protocols/p2p"
)

// A What says what kind of event it is.
type What string

const (
	Start   What = "start"   // a node begins its first life; Why: its name
	Restart What = "restart" // or a further one
	Crash   What = "crash"
	Vanish  What = "vanish"
	Pause   What = "pause"  // a node stops where it is
	Resume  What = "resume" // and goes on
	Leave   What = "leave"  // its wish to leave is done: it stops
	Send    What = "send"   // Node gives a message to the world, for Peer
	Drop    What = "drop"   // which loses it; Why says how
	Hear    What = "hear"   // Node hears a message from Peer, or one of the world's own
	Fire    What = "timer"  // a timer of Node is due
	Dial    What = "dial"   // Node dials Peer
	Close   What = "close"  // Node closes its stream to Peer
	Wish    What = "wish"   // a user's wish reaches Node; Cause is its number
	Result  What = "result" // and is done; Why: how
	NetIs   What = "net"    // the wanted network changes; Why: it, as JSON
)

// An Event is one line of a trace: what happened, where, and because of which
// wish.
type Event struct {
	At    time.Duration `json:"at"` // ns since the run began
	What  What          `json:"what"`
	Node  int           `json:"node"`           // index in order of spawning; -1: the network
	Peer  p2p.Addr      `json:"peer,omitempty"` // the other node
	Link  p2p.Link      `json:"link,omitempty"` // Node's number of the stream; 0: datagrams
	Kind  string        `json:"kind,omitempty"` // of the message
	Size  int           `json:"size,omitempty"` // bytes of the message
	Cause uint32        `json:"cause,omitempty"`
	Why   string        `json:"why,omitempty"`

	// Own is the node's own address: where it listens, of a Start or Restart;
	// its end of the stream, of a Dial.
	Own p2p.Addr `json:"own,omitempty"`
	// What follows is there if Config.Bytes asks for it. N numbers messages:
	// that of a Send comes back with its Hear or Drop. Bytes is the encoding of
	// a message that is sent, and Content how many bytes of a file follow them.
	N       uint64 `json:"n,omitempty"`
	Bytes   []byte `json:"bytes,omitempty"`
	Content int    `json:"content,omitempty"`

	// Msg is the message, on loan to Watch; nil in a trace that was read back.
	Msg  p2p.Msg `json:"-"`
	kind p2p.Kind
	tick p2p.Tick
}

// ReadTrace reads the events that a World wrote to Config.Trace. It ends with
// the first error, which names the line.
func ReadTrace(r io.Reader) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		s := bufio.NewScanner(r)
		s.Buffer(nil, 16<<20) // the cuts of a large network
		for line := 1; s.Scan(); line++ {
			var e Event
			if err := json.Unmarshal(s.Bytes(), &e); err != nil {
				yield(e, fmt.Errorf("sim: trace, line %d: %w", line, err))
				return
			}
			if !yield(e, nil) {
				return
			}
		}
		if err := s.Err(); err != nil {
			yield(Event{}, fmt.Errorf("sim: trace: %w", err))
		}
	}
}

// A trace takes all events: into the hash, and to those who want to see them.
type trace struct {
	hash  uint64
	watch func(*Event)
	out   *bufio.Writer
	err   error // of the first write that failed
	shown Event // what watch and out are shown: were it each event itself, each would be allocated
}

func (t *trace) init(c Config) {
	t.watch = c.Watch
	if c.Trace != nil {
		t.out = bufio.NewWriterSize(c.Trace, 64<<10)
	}
}

func (t *trace) flush() error {
	if t.out != nil && t.err == nil {
		t.err = t.out.Flush()
	}
	if t.err != nil {
		return fmt.Errorf("sim: trace is not complete: %w", t.err)
	}
	return nil
}

// fold mixes one number into a hash: the multiplication spreads it upwards, the
// shift brings it down again.
func fold(h, x uint64) uint64 {
	h = (h ^ x) * 0x9E3779B97F4A7C15
	return h ^ h>>29
}

// add takes one event. Texts count for the hash where numbers do not say the
// same already.
func (t *trace) add(e *Event) {
	t.mix(e.At, what(e.What)|uint64(e.kind)<<16|uint64(e.tick)<<24|uint64(e.Node)<<32, p2p.Peer{Addr: e.Peer, Link: e.Link}, e.Size, e.Cause)
	for i := range len(e.Why) {
		t.hash = fold(t.hash, uint64(e.Why[i]))
	}
	if t.seen() {
		t.show(e)
	}
}

// what is a What in a number.
func what(w What) uint64 { return uint64(w[0]) | uint64(w[1])<<8 }

// mix folds in the numbers of an event: when, what and where, who else, how large
// and why.
func (t *trace) mix(at time.Duration, what uint64, peer p2p.Peer, size int, cause uint32) {
	h := t.hash
	h = fold(h, uint64(at))
	h = fold(h, what)
	h = fold(h, uint64(peer.Addr)^uint64(peer.Link)<<32)
	t.hash = fold(h, uint64(size)|uint64(cause)<<32)
}

// seen reports whether anybody wants to see the events.
func (t *trace) seen() bool { return t.watch != nil || t.out != nil }

func (t *trace) show(e *Event) {
	t.shown = *e
	if t.watch != nil {
		t.watch(&t.shown)
	}
	if t.out != nil && t.err == nil {
		t.write()
	}
}

func (t *trace) write() {
	b, err := json.Marshal(&t.shown)
	if err == nil {
		_, err = t.out.Write(append(b, '\n'))
	}
	t.err = err
}

// note traces what happens at h.
func (h *host) note(e *Event) {
	w := h.w
	e.Node = int(h.number)
	e.At, e.Cause = w.now, w.cause
	if w.trace.seen() {
		e.Kind = h.lang.name(e.kind, e.Msg)
	}
	w.trace.add(e)
}

// noteTimer traces that a timer is due at h.
func (h *host) noteTimer(t p2p.Tick, m p2p.Msg) {
	w := h.w
	if k := m.Kind(); w.trace.seen() {
		h.note(&Event{What: Fire, kind: k, tick: t, Msg: m})
	} else {
		w.trace.mix(w.now, what(Fire)|uint64(k)<<16|uint64(t)<<24|uint64(h.number)<<32, p2p.Peer{}, 0, w.cause)
	}
}

// noteMessage traces what happens to a message at h; p may be nil.
func (h *host) noteMessage(w What, about p2p.Peer, k p2p.Kind, m p2p.Msg, size int, why string, p *proof) {
	if t := &h.w.trace; !t.seen() && why == "" {
		t.mix(h.w.now, what(w)|uint64(k)<<16|uint64(h.number)<<32, about, size, h.w.cause)
		return
	}
	e := Event{What: w, Peer: about.Addr, Link: about.Link, kind: k, Size: size, Why: why, Msg: m}
	if p != nil && h.w.cfg.Bytes {
		e.N = p.n
		if w == Send {
			e.Bytes, e.Content = p.bytes[:p.bare], len(p.bytes)-p.bare
		}
	}
	h.note(&e)
}

func (w *World) noteNet(n fault.Net) {
	why, err := json.Marshal(n)
	if err != nil {
		panic(fmt.Sprintf("sim: a Net that is no JSON: %v", err))
	}
	w.trace.add(&Event{At: w.now, What: NetIs, Node: -1, Why: string(why)})
}
