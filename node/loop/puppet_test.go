package loop_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"peerbed/node/disk"
	"peerbed/node/link"
	"peerbed/node/loop"
	"peerbed/protocols/p2p"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// note and bulk are the messages of the puppets: some text, and Content.
type note struct{ Text string }

type bulk struct{ Data p2p.Content }

const (
	kindNote = p2p.First + iota
	kindBulk
)

const head = 5 // kind, length

func (*note) Kind() p2p.Kind { return kindNote }
func (m *note) Size() int    { return head + len(m.Text) }
func (*bulk) Kind() p2p.Kind { return kindBulk }
func (m *bulk) Size() int    { return head + m.Data.Len }

// puppets speak frames: a kind, a length, and as many bytes.
type puppets struct{}

var errKind = errors.New("no such kind")

func (puppets) Append(dst []byte, m p2p.Msg) ([]byte, p2p.Content, error) {
	dst = append(dst, byte(m.Kind()))
	dst = binary.BigEndian.AppendUint32(dst, uint32(m.Size()-head))
	switch m := m.(type) {
	case *note:
		return append(dst, m.Text...), p2p.Content{}, nil
	case *bulk:
		return dst, m.Data, nil
	}
	return dst, p2p.Content{}, errKind
}

func (puppets) Next(src []byte, eof bool) (p2p.Msg, int, error) {
	if len(src) > 0 && src[0] != byte(kindNote) && src[0] != byte(kindBulk) {
		return nil, 0, errKind
	}
	if len(src) < head {
		return nil, 0, nil
	}
	n := head + int(binary.BigEndian.Uint32(src[1:]))
	switch {
	case len(src) < n:
		return nil, 0, nil
	case src[0] == byte(kindNote):
		return &note{string(src[head:n])}, n, nil
	}
	return &bulk{p2p.View(src[head:n])}, n, nil
}

// An event is what a puppet heard.
type event struct {
	from p2p.Peer
	what string
}

// A puppet does what its test wants, and tells it what it hears.
type puppet struct {
	t     *testing.T
	l     *loop.Loop
	env   p2p.Env
	addr  p2p.Addr
	disk  *disk.Folder
	heard chan event
	act   func(from p2p.Peer, m p2p.Msg) // if set, is called too
	do    func(op p2p.Op, done func(p2p.Result))
	err   chan error // what Run returned
}

func (p *puppet) Start(env p2p.Env) { p.env = env }

func (p *puppet) Handle(from p2p.Peer, m p2p.Msg) {
	if p.act != nil {
		p.act(from, m)
	}
	p.heard <- event{from, describe(m)}
}

func describe(m p2p.Msg) string {
	switch m := m.(type) {
	case *note:
		return m.Text
	case *bulk:
		return fmt.Sprintf("bulk %d", m.Data.Len)
	case p2p.Tick:
		return fmt.Sprintf("tick %d", m)
	case *p2p.Up:
		return fmt.Sprintf("up inbound=%v", m.Inbound)
	case *p2p.Down:
		if m.Err == nil {
			return "down"
		}
		return fmt.Sprintf("down %v", p2p.Sentinel(m.Err))
	case *p2p.Resolved:
		return fmt.Sprintf("resolved %s %v %v", m.Name, m.Addrs, m.Err)
	case *p2p.Written:
		return fmt.Sprintf("written %s %d+%d %v", m.Blob, m.Off, m.Len, m.Err)
	}
	return fmt.Sprintf("%T", m)
}

func (p *puppet) Do(op p2p.Op, done func(p2p.Result)) { p.do(op, done) }
func (p *puppet) Inspect() p2p.State                  { return p2p.State{Self: p.addr, ID: "puppet"} }

// puppetry is the protocol of p.
func puppetry(p *puppet) *p2p.Protocol {
	return &p2p.Protocol{
		Name: "puppet", Config: struct{}{},
		New: func(any, *p2p.State) p2p.Node { return p },
		Kinds: []p2p.KindInfo{
			{Name: "note", Class: p2p.Lookup, Blank: (*note)(nil)},
			{Name: "bulk", Class: p2p.Transfer, Blank: (*bulk)(nil)},
		},
		Datagrams: func() p2p.Codec { return puppets{} },
		Accept: func(first []byte) (p2p.Codec, error) {
			switch {
			case len(first) == 0:
				return nil, nil
			case first[0] == '!':
				return nil, errKind
			}
			return puppets{}, nil
		},
	}
}

var lastIP atomic.Uint32

// newPuppet starts a puppet on a loopback address of its own. Its streams give
// up after silence.
func newPuppet(t *testing.T, silence time.Duration, change ...func(*p2p.Protocol)) *puppet {
	t.Helper()
	ip := uint32(127<<24|91<<16) + lastIP.Add(1)
	p := &puppet{t: t, heard: make(chan event, 1<<16), err: make(chan error, 1)}
	proto := puppetry(p)
	for _, c := range change {
		c(proto)
	}
	socket, err := link.Listen(p2p.MakeAddr(ip, 0), silence)
	if err != nil {
		t.Fatal(err)
	}
	p.addr = socket.Addr
	if p.disk, err = disk.Open(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	p.l = loop.New(loop.Config{Protocol: proto, Settings: proto.Config, Seed: 7, Socket: socket,
		Folder: p.disk, Hosts: map[string]uint32{"introducer": 127<<24 | 1}})
	go func() { p.err <- p.l.Run() }()
	if err := p.l.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.l.Stop()
		<-p.l.Ended()
	})
	return p
}

// on runs f in the puppet's loop.
func (p *puppet) on(f func(env p2p.Env)) {
	p.t.Helper()
	if err := p.l.Call(func() { f(p.env) }); err != nil {
		p.t.Fatal(err)
	}
}

// want waits for the next thing that the puppet hears.
func (p *puppet) want(what string) p2p.Peer {
	p.t.Helper()
	select {
	case e := <-p.heard:
		if e.what != what {
			p.t.Fatalf("%v heard %q from %v, want %q", p.addr, e.what, e.from, what)
		}
		return e.from
	case <-time.After(patience):
		p.t.Fatalf("%v heard nothing, want %q", p.addr, what)
	}
	panic("unreachable")
}

// quiet asserts that the puppet has heard nothing more, once its loop has run
// through.
func (p *puppet) quiet() {
	p.t.Helper()
	p.on(func(p2p.Env) {})
	select {
	case e := <-p.heard:
		p.t.Fatalf("%v heard %q from %v, want nothing", p.addr, e.what, e.from)
	default:
	}
}

// dial opens a stream from p to q and returns both ends.
func (p *puppet) dial(q *puppet) (there, here p2p.Peer) {
	p.t.Helper()
	var s p2p.Peer
	p.on(func(env p2p.Env) {
		s = env.Dial(q.addr, puppets{}, p)
		p2p.Send(env, s, note{"hello"})
	})
	p.want("up inbound=false")
	end := q.want("up inbound=true")
	q.want("hello")
	return s, end
}

func (p *puppet) send(to p2p.Peer, text string) {
	p.t.Helper()
	p.on(func(env p2p.Env) { p2p.Send(env, to, note{text}) })
}
