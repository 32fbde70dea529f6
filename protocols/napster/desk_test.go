package napster_test

import (
	"hash"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"peerbed/protocols/napster"
	"peerbed/protocols/p2p"
)

// A desk is a world of one node and of strangers that are bytes in a test: what
// they say is given raw, and what they hear is read raw.
type desk struct {
	t       testing.TB
	node    p2p.Node
	self    p2p.Addr
	now     time.Duration
	rand    *rand.Rand
	timers  []timer
	streams []*stream
	blobs   map[string][]byte
	state   map[string][]byte
	soon    []func()
	full    bool // every stream is
}

type timer struct {
	p2p.Timer
	m p2p.Msg
}

// A stream joins the node and one stranger.
type stream struct {
	d       *desk
	peer    p2p.Peer
	codec   p2p.Codec
	handler p2p.Handler
	in      []byte // not yet read by the node
	out     []byte // said by the node, not yet looked at
	dialled bool   // by the node, who has not heard Up yet
	over    bool   // closed by the node, or down
	err     error  // why
}

const selfText = "100.64.0.1:7000"

func addr(t testing.TB, s string) p2p.Addr {
	t.Helper()
	a, err := p2p.ParseAddr(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func config(t testing.TB, changes ...string) napster.Config {
	t.Helper()
	cfg, err := p2p.With(napster.Protocol.Config, changes...)
	if err != nil {
		t.Fatal(err)
	}
	return cfg.(napster.Config)
}

// newServer is a desk with a server.
func newServer(t testing.TB, changes ...string) *desk {
	t.Helper()
	return newDesk(t, nil, append(changes, "role=server")...)
}

// newClient is a desk with a client, and the stream to its server, which stands.
func newClient(t testing.TB, changes ...string) (*desk, *stream) {
	t.Helper()
	d := newDesk(t, &p2p.State{Neighbours: []p2p.Addr{addr(t, "100.64.0.9:8888")}}, append(changes, "nick=eve")...)
	if len(d.streams) != 1 {
		t.Fatalf("the client has dialled %d streams, want one", len(d.streams))
	}
	d.streams[0].stands()
	return d, d.streams[0]
}

func newDesk(t testing.TB, state *p2p.State, changes ...string) *desk {
	t.Helper()
	d := &desk{t: t, self: addr(t, selfText), rand: rand.New(rand.NewPCG(1, 2)), blobs: map[string][]byte{}, state: map[string][]byte{}}
	d.node = napster.Protocol.New(config(t, changes...), state)
	d.node.Start(d)
	return d
}

func (d *desk) Self() p2p.Addr              { return d.self }
func (d *desk) Now() time.Duration          { return d.now }
func (d *desk) Rand() *rand.Rand            { return d.rand }
func (d *desk) Disk() p2p.Disk              { return d }
func (d *desk) Spare(p2p.Kind) p2p.Msg      { return nil }
func (d *desk) Full(p2p.Peer) bool          { return d.full }
func (d *desk) Resolve(string, p2p.Handler) { d.t.Fatal("a name is resolved") }

func (d *desk) After(after time.Duration, m p2p.Msg) p2p.Timer {
	t := p2p.Timer{At: d.now + after, N: uint32(len(d.timers) + 1)}
	d.timers = append(d.timers, timer{t, m})
	return t
}

func (d *desk) Stop(t p2p.Timer) {
	if t.N > 0 {
		d.timers[t.N-1].m = nil
	}
}

// pass lets time pass.
func (d *desk) pass(by time.Duration) {
	for end := d.now + by; ; {
		next := -1
		for i, t := range d.timers {
			if t.m != nil && t.At <= end && (next < 0 || t.At < d.timers[next].At) {
				next = i
			}
		}
		if next < 0 {
			d.now = end
			return
		}
		m := d.timers[next].m
		d.now, d.timers[next].m = d.timers[next].At, nil
		d.node.Handle(p2p.Peer{}, m)
		d.run()
	}
}

// run does what the disk has been asked to do.
func (d *desk) run() {
	for len(d.soon) > 0 {
		f := d.soon[0]
		d.soon = d.soon[1:]
		f()
	}
}

func (d *desk) open(peer p2p.Addr, c p2p.Codec, h p2p.Handler) *stream {
	s := &stream{d: d, peer: p2p.Peer{Addr: peer, Link: p2p.Link(len(d.streams) + 1)}, codec: c, handler: h}
	d.streams = append(d.streams, s)
	return s
}

func (d *desk) stream(p p2p.Peer) *stream { return d.streams[p.Link-1] }

// last is the stream that was dialled last.
func (d *desk) last() *stream { return d.streams[len(d.streams)-1] }

func (d *desk) Dial(to p2p.Addr, c p2p.Codec, h p2p.Handler) p2p.Peer {
	s := d.open(to, c, h)
	s.dialled = true
	return s.peer
}

// stands lets a stream that the node has dialled stand.
func (s *stream) stands() {
	if s.dialled {
		s.dialled = false
		s.handler.Handle(s.peer, &p2p.Up{})
		s.d.run()
	}
}

func (d *desk) Hand(p p2p.Peer, h p2p.Handler) { d.stream(p).handler = h }
func (d *desk) Close(p p2p.Peer)               { d.stream(p).over = true }

func (d *desk) Post(to p2p.Peer, m p2p.Msg) {
	s := d.stream(to)
	if s.over {
		d.t.Fatalf("%T to %v after its end", m, to)
	}
	b, c, err := s.codec.Append(s.out, m)
	if err != nil {
		d.t.Fatal(err)
	}
	if c.Len > 0 {
		b = append(b, d.blobs[c.Blob][c.Off:c.Off+int64(c.Len)]...)
	}
	s.out = b
}

// call opens a stream from a stranger, and lets it say something.
func (d *desk) call(from string, bytes ...string) *stream {
	d.t.Helper()
	s := d.open(addr(d.t, from), called(d.t)(), d.node)
	s.handler.Handle(s.peer, &p2p.Up{Inbound: true})
	s.say(bytes...)
	return s
}

// say lets the stranger say bytes.
func (s *stream) say(bytes ...string) {
	s.d.t.Helper()
	s.stands()
	s.in = append(s.in, strings.Join(bytes, "")...)
	for !s.over {
		m, n, err := s.codec.Next(s.in, false)
		s.in = s.in[n:]
		switch {
		case err != nil:
			s.over, s.err = true, err
			s.handler.Handle(s.peer, &p2p.Down{Err: err})
		case m != nil:
			s.handler.Handle(s.peer, m)
		case n == 0:
			return
		}
		s.d.run()
	}
}

// breaks ends the stream as a crash of the stranger does.
func (s *stream) breaks() {
	s.over = true
	s.handler.Handle(s.peer, &p2p.Down{Err: p2p.ErrReset})
	s.d.run()
}

// said returns what the node has said since it was last asked.
func (s *stream) said() string {
	out := s.out
	s.out = nil
	return string(out)
}

// hears checks what the node has said.
func (s *stream) hears(want ...string) {
	s.d.t.Helper()
	if got := s.said(); got != strings.Join(want, "") {
		s.d.t.Fatalf("the node says\n%q, want\n%q", got, strings.Join(want, ""))
	}
}

func (d *desk) do(op p2p.Op) *outcome {
	o := &outcome{}
	d.node.Do(op, func(r p2p.Result) { o.Result, o.done = r, true })
	d.run()
	return o
}

type outcome struct {
	p2p.Result
	done bool
}

// publish puts a file on the disk and shares it.
func (d *desk) publish(name, content string) {
	d.t.Helper()
	d.blobs[name] = []byte(content)
	if o := d.do(p2p.Publish{Name: name}); !o.done || o.Err != nil {
		d.t.Fatalf("publish %q: %+v", name, o)
	}
}

func (d *desk) Blobs() (list []p2p.Blob) {
	for name, b := range d.blobs {
		list = append(list, p2p.Blob{Name: name, Len: int64(len(b))})
	}
	slices.SortFunc(list, func(a, b p2p.Blob) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func (d *desk) Write(blob string, off int64, c p2p.Content, h p2p.Handler) {
	d.blobs[blob] = append(d.blobs[blob][:off:off], c.Bytes()...)
	d.soon = append(d.soon, func() { h.Handle(p2p.Peer{}, &p2p.Written{Blob: blob, Off: off, Len: c.Len}) })
}

func (d *desk) Sum(blob string, off, n int64, f func() hash.Hash, h p2p.Handler) {
	d.soon = append(d.soon, func() {
		sum := f()
		sum.Write(d.blobs[blob][off : off+n])
		h.Handle(p2p.Peer{}, &p2p.Summed{Blob: blob, Off: off, Len: n, Sum: sum.Sum(nil)})
	})
}

func (d *desk) Remove(blob string)         { delete(d.blobs, blob) }
func (d *desk) Load(name string) []byte    { return slices.Clone(d.state[name]) }
func (d *desk) Save(name string, b []byte) { d.state[name] = slices.Clone(b) }
