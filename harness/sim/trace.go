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
	seen  Event // what watch and out are shown: were it each event itself, each would be allocated
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

// fold mixes one number into the hash: the multiplication spreads it upwards,
// the shift brings it down again.
func (t *trace) fold(x uint64) {
	h := (t.hash ^ x) * 0x9E3779B97F4A7C15
	t.hash = h ^ h>>29
}

// add takes one event. Texts count for the hash where numbers do not say the
// same already.
func (t *trace) add(e *Event) {
	t.fold(uint64(e.At))
	t.fold(uint64(e.What[0]) | uint64(e.What[1])<<8 | uint64(e.kind)<<16 | uint64(e.tick)<<24 | uint64(e.Node)<<32)
	t.fold(uint64(e.Peer) ^ uint64(e.Link)<<32)
	t.fold(uint64(e.Size) | uint64(e.Cause)<<32)
	for i := range len(e.Why) {
		t.fold(uint64(e.Why[i]))
	}
	if t.watch == nil && t.out == nil {
		return
	}
	t.seen = *e
	if t.watch != nil {
		t.watch(&t.seen)
	}
	if t.out != nil && t.err == nil {
		t.write()
	}
}

func (t *trace) write() {
	b, err := json.Marshal(&t.seen)
	if err == nil {
		_, err = t.out.Write(append(b, '\n'))
	}
	t.err = err
}

// note traces what happens at h.
func (h *host) note(e *Event) {
	w := h.w
	e.Node = h.number
	e.At, e.Cause = w.now, w.cause
	if tick, ok := e.Msg.(p2p.Tick); ok {
		e.tick = tick
	}
	if w.trace.watch != nil || w.trace.out != nil {
		e.Kind = h.lang.name(e.kind, e.Msg)
	}
	w.trace.add(e)
}

func (w *World) noteNet(n fault.Net) {
	why, err := json.Marshal(n)
	if err != nil {
		panic(fmt.Sprintf("sim: a Net that is no JSON: %v", err))
	}
	w.trace.add(&Event{At: w.now, What: NetIs, Node: -1, Why: string(why)})
}
