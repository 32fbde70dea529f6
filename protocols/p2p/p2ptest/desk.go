package p2ptest

import (
	"cmp"
	"hash"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"peerbed/protocols/p2p"
)

// A Desk is a world of one node and of strangers that are bytes in a test: what
// they say is given raw, and what they hear is read raw. It is the node's
// [p2p.Env], and its Disk. Time passes only in Pass.
type Desk struct {
	T        testing.TB
	Protocol *p2p.Protocol
	Node     p2p.Node          // since Start
	Streams  []*Stream         // in the order in which they were opened
	Sent     []Datagram        // by the node
	Files    map[string][]byte // blobs on the disk
	Saved    map[string][]byte // what Save has saved

	self   p2p.Addr
	now    time.Duration
	rand   *rand.Rand
	timers []timer
	soon   []func() // what the disk has still to do
}

// A Datagram is one that the node has sent.
type Datagram struct {
	To    p2p.Addr
	Bytes string
}

type timer struct {
	p2p.Timer
	m p2p.Msg // nil: it has fired, or was stopped
}

// A Stream joins the node and one stranger.
type Stream struct {
	Peer    p2p.Peer // as the node names it
	Handler p2p.Handler
	Over    bool  // closed by the node, or down
	Err     error // why it is down

	desk    *Desk
	codec   p2p.Codec
	in      []byte // not yet read by the node
	out     []byte // said by the node, not yet looked at
	dialled bool   // by the node, who has not heard Up yet
}

// NewDesk returns a Desk for a node at self, "100.64.0.1:7000".
func NewDesk(t testing.TB, p *p2p.Protocol, self string) *Desk {
	t.Helper()
	return &Desk{T: t, Protocol: p, self: Addr(t, self), rand: rand.New(rand.NewPCG(1, 2)),
		Files: map[string][]byte{}, Saved: map[string][]byte{}}
}

// Addr reads an address.
func Addr(t testing.TB, text string) p2p.Addr {
	t.Helper()
	a, err := p2p.ParseAddr(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Config returns a protocol's Config with changes such as "ttl=3".
func Config(t testing.TB, p *p2p.Protocol, changes ...string) any {
	t.Helper()
	cfg, err := p2p.With(p.Config, changes...)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// Start starts the node, with changes to the protocol's Config.
func (d *Desk) Start(state *p2p.State, changes ...string) {
	d.T.Helper()
	d.Node = d.Protocol.New(Config(d.T, d.Protocol, changes...), state)
	d.Node.Start(d)
	d.work()
}

// Call opens a stream from a stranger, who says the bytes.
func (d *Desk) Call(from string, bytes ...string) *Stream {
	d.T.Helper()
	said := strings.Join(bytes, "")
	s := d.Open(Addr(d.T, from), Accepted(d.T, d.Protocol, said), d.Node)
	s.Handler.Handle(s.Peer, &p2p.Up{Inbound: true})
	s.Say(said)
	return s
}

// Accepted asks Accept with one byte more each time, as a world does, and
// returns the codec that it settles on: by the eighth byte at the latest.
func Accepted(t testing.TB, p *p2p.Protocol, first string) p2p.Codec {
	t.Helper()
	for n := range min(8, len(first)) + 1 {
		c, err := p.Accept([]byte(first[:n]))
		if err != nil {
			t.Fatalf("Accept of %q: %v", first[:n], err)
		}
		if c != nil {
			return c
		}
	}
	t.Fatalf("Accept does not know %q", first)
	return nil
}

// Last returns the stream that was opened last.
func (d *Desk) Last() *Stream {
	d.T.Helper()
	if len(d.Streams) == 0 {
		d.T.Fatal("there is no stream")
	}
	return d.Streams[len(d.Streams)-1]
}

// Pass lets time pass, and first the disk do what it was asked to.
func (d *Desk) Pass(by time.Duration) {
	d.work()
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
		d.Node.Handle(p2p.Peer{}, m)
		d.work()
	}
}

// work does what the disk has been asked to do.
func (d *Desk) work() {
	for len(d.soon) > 0 {
		f := d.soon[0]
		d.soon = d.soon[1:]
		f()
	}
}

// A Wish is an operation that the node was asked for.
type Wish struct {
	p2p.Result
	Done bool
}

// Do asks the node for an operation.
func (d *Desk) Do(op p2p.Op) *Wish {
	w := &Wish{}
	d.Node.Do(op, func(r p2p.Result) { w.Result, w.Done = r, true })
	d.work()
	return w
}

// Publish puts a file on the disk and shares it.
func (d *Desk) Publish(name, content string) {
	d.T.Helper()
	d.Files[name] = []byte(content)
	if w := d.Do(p2p.Publish{Name: name}); !w.Done || w.Err != nil {
		d.T.Fatalf("publish %q: %+v", name, w)
	}
}

// Stands lets a stream that the node has dialled stand.
func (s *Stream) Stands() {
	if s.dialled {
		s.dialled = false
		s.Handler.Handle(s.Peer, &p2p.Up{})
		s.desk.work()
	}
}

// Say lets the stranger say bytes. A stream that was dialled stands then.
func (s *Stream) Say(bytes ...string) {
	s.desk.T.Helper()
	s.Stands()
	s.in = append(s.in, strings.Join(bytes, "")...)
	for !s.Over {
		m, n, err := s.codec.Next(s.in, false)
		s.in = s.in[n:]
		switch {
		case err != nil:
			s.ends(err)
		case m != nil:
			s.Handler.Handle(s.Peer, m)
		case n == 0:
			return
		}
		s.desk.work()
	}
}

// Breaks ends the stream as a crash of the stranger does.
func (s *Stream) Breaks() {
	s.ends(p2p.ErrReset)
	s.desk.work()
}

func (s *Stream) ends(err error) {
	s.Over, s.Err = true, err
	s.Handler.Handle(s.Peer, &p2p.Down{Err: err})
}

// Said returns what the node has said since it was last asked.
func (s *Stream) Said() string {
	out := s.out
	s.out = nil
	return string(out)
}

// Hears checks what the node has said.
func (s *Stream) Hears(want ...string) {
	s.desk.T.Helper()
	if got, want := s.Said(), strings.Join(want, ""); got != want {
		s.desk.T.Fatalf("the node says\n%q, want\n%q", got, want)
	}
}

// Open opens a stream in the language c, of which h hears. What is heard first is
// the test's to tell.
func (d *Desk) Open(peer p2p.Addr, c p2p.Codec, h p2p.Handler) *Stream {
	s := &Stream{desk: d, Peer: p2p.Peer{Addr: peer, Link: p2p.Link(len(d.Streams) + 1)}, codec: c, Handler: h}
	d.Streams = append(d.Streams, s)
	return s
}

func (d *Desk) stream(p p2p.Peer) *Stream { return d.Streams[p.Link-1] }

// The methods of p2p.Env.

func (d *Desk) Self() p2p.Addr              { return d.self }
func (d *Desk) Now() time.Duration          { return d.now }
func (d *Desk) Rand() *rand.Rand            { return d.rand }
func (d *Desk) Disk() p2p.Disk              { return d }
func (d *Desk) Spare(p2p.Kind) p2p.Msg      { return nil }
func (d *Desk) Full(p2p.Peer) bool          { return false }
func (d *Desk) Resolve(string, p2p.Handler) { d.T.Fatal("a name is resolved") }

func (d *Desk) After(after time.Duration, m p2p.Msg) p2p.Timer {
	t := p2p.Timer{At: d.now + after, N: uint32(len(d.timers) + 1)}
	d.timers = append(d.timers, timer{t, m})
	return t
}

func (d *Desk) Stop(t p2p.Timer) {
	if t.N > 0 {
		d.timers[t.N-1].m = nil
	}
}

func (d *Desk) Dial(to p2p.Addr, c p2p.Codec, h p2p.Handler) p2p.Peer {
	s := d.Open(to, c, h)
	s.dialled = true
	return s.Peer
}

func (d *Desk) Hand(p p2p.Peer, h p2p.Handler) { d.stream(p).Handler = h }
func (d *Desk) Close(p p2p.Peer)               { d.stream(p).Over = true }

func (d *Desk) Post(to p2p.Peer, m p2p.Msg) {
	if to.Link == 0 {
		b, _, err := d.Protocol.Datagrams().Append(nil, m)
		if err != nil {
			d.T.Fatal(err)
		}
		d.Sent = append(d.Sent, Datagram{to.Addr, string(b)})
		return
	}
	s := d.stream(to)
	if s.Over {
		d.T.Fatalf("%T to %v after its end", m, to)
	}
	b, c, err := s.codec.Append(s.out, m)
	if err != nil {
		d.T.Fatal(err)
	}
	s.out = append(b, d.Files[c.Blob][c.Off:c.Off+int64(c.Len)]...)
}

// The methods of p2p.Disk.

func (d *Desk) Blobs() (list []p2p.Blob) {
	for name, b := range d.Files {
		list = append(list, p2p.Blob{Name: name, Len: int64(len(b))})
	}
	slices.SortFunc(list, func(a, b p2p.Blob) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func (d *Desk) Write(blob string, off int64, c p2p.Content, h p2p.Handler) {
	b := d.Files[blob]
	b = append(b, make([]byte, max(0, int(off)+c.Len-len(b)))...)
	copy(b[off:], c.Bytes())
	d.Files[blob] = b
	d.soon = append(d.soon, func() { h.Handle(p2p.Peer{}, &p2p.Written{Blob: blob, Off: off, Len: c.Len}) })
}

func (d *Desk) Sum(blob string, off, n int64, f func() hash.Hash, h p2p.Handler) {
	d.soon = append(d.soon, func() {
		sum := f()
		sum.Write(d.Files[blob][off : off+n])
		h.Handle(p2p.Peer{}, &p2p.Summed{Blob: blob, Off: off, Len: n, Sum: sum.Sum(nil)})
	})
}

func (d *Desk) Remove(blob string)         { delete(d.Files, blob) }
func (d *Desk) Load(name string) []byte    { return slices.Clone(d.Saved[name]) }
func (d *Desk) Save(name string, b []byte) { d.Saved[name] = slices.Clone(b) }
