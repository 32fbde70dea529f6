package loop_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"peerbed/protocols/p2p"
)

func TestDatagrams(t *testing.T) {
	p, q := newPuppet(t, p2p.Silence), newPuppet(t, p2p.Silence)
	p.send(q.addr.Peer(), "ping")
	from := q.want("ping")
	if from != p.addr.Peer() {
		t.Errorf("a datagram came from %v, want the address that its sender listens on, %v", from, p.addr)
	}
	q.send(from, "pong")
	p.want("pong")
	got, err := p.l.Counters()
	if err != nil {
		t.Fatal(err)
	}
	want := p2p.Traffic{Kind: "note", Class: p2p.Lookup, Sent: 1, SentBytes: 9, Received: 1, ReceivedBytes: 9}
	if !slices.Equal(got.Traffic, []p2p.Traffic{want}) {
		t.Errorf("counted %+v, want %+v", got.Traffic, want)
	}
}

// "In every world a longer one is dropped."
func TestLongDatagramIsDropped(t *testing.T) {
	p, q := newPuppet(t, p2p.Silence), newPuppet(t, p2p.Silence)
	p.send(q.addr.Peer(), strings.Repeat("x", p2p.MaxDatagram-head+1))
	longest := strings.Repeat("y", p2p.MaxDatagram-head)
	p.send(q.addr.Peer(), longest)
	q.want(longest)
}

// "A malformed packet costs its sender the link and nothing else."
func TestMalformed(t *testing.T) {
	p, q := newPuppet(t, p2p.Silence), newPuppet(t, p2p.Silence)
	good, _ := p.dial(q)

	raw := dialRaw(t, q.addr)
	raw.Write([]byte{byte(kindNote), 0, 0, 0, 2, 'o', 'k', 0xff})
	q.want("up inbound=true")
	q.want("ok")
	q.want("down malformed")
	if _, err := raw.Read(make([]byte, 1)); err == nil {
		t.Error("the sender of a malformed message still has its link")
	}

	udp, err := net.Dial("udp", q.addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	udp.Write([]byte{0xff, 1, 2})
	udp.Write([]byte{byte(kindNote), 0, 0, 0, 1, 'a', 'b'}) // one byte too many
	udp.Write([]byte{byte(kindNote), 0, 0, 0, 4, 'f', 'i', 'n', 'e'})
	q.want("fine")
	if s, _ := q.l.Snapshot(); s.Malformed != 2 {
		t.Errorf("%d malformed datagrams counted, want 2", s.Malformed)
	}

	p.send(good, "still here")
	q.want("still here")
}

func TestEndWithinMessage(t *testing.T) {
	q := newPuppet(t, p2p.Silence)
	raw := dialRaw(t, q.addr)
	raw.Write([]byte{byte(kindNote), 0, 0, 0, 9, 'h'})
	q.want("up inbound=true")
	raw.CloseWrite()
	q.want("down malformed")
}

func dialRaw(t *testing.T, to p2p.Addr) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

func TestStreamInOrder(t *testing.T) {
	p, q := newPuppet(t, p2p.Silence), newPuppet(t, p2p.Silence)
	s, end := p.dial(q)
	if end.Addr.IP() != p.addr.IP() {
		t.Errorf("a dial comes from %v, want the node's own IP, %v", end.Addr, p.addr)
	}
	p.on(func(env p2p.Env) {
		for i := range 1000 {
			p2p.Send(env, s, note{fmt.Sprint(i)})
		}
		env.Close(s)
		env.Close(s) // "closing twice ... is no error"
		p2p.Send(env, s, note{"too late"})
	})
	for i := range 1000 {
		q.want(fmt.Sprint(i))
	}
	q.want("down")
	q.send(end, "to nobody")
	q.quiet()
	p.quiet()
}

// "What is sent before Up waits for it", also if the stream is closed before.
func TestCloseBeforeUp(t *testing.T) {
	p, q := newPuppet(t, p2p.Silence), newPuppet(t, p2p.Silence)
	p.on(func(env p2p.Env) {
		s := env.Dial(q.addr, puppets{}, p)
		p2p.Send(env, s, note{"fire and forget"})
		env.Close(s)
	})
	q.want("up inbound=true")
	q.want("fire and forget")
	q.want("down")
	p.quiet()
}

func TestCrossingDials(t *testing.T) {
	p, q := newPuppet(t, p2p.Silence), newPuppet(t, p2p.Silence)
	cross := func(a, b *puppet) {
		a.on(func(env p2p.Env) {
			p2p.Send(env, env.Dial(b.addr, puppets{}, a), note{"from " + a.addr.String()})
		})
	}
	cross(p, q)
	cross(q, p)
	for _, x := range []*puppet{p, q} {
		var links []p2p.Link
		for range 3 { // up, up inbound, the message
			select {
			case e := <-x.heard:
				if !slices.Contains(links, e.from.Link) {
					links = append(links, e.from.Link)
				}
			case <-time.After(patience):
				t.Fatal("crossing dials: too little was heard")
			}
		}
		if len(links) != 2 {
			t.Errorf("crossing dials made links %v, want two streams that know nothing of each other", links)
		}
	}
}

func TestRefused(t *testing.T) {
	p, q := newPuppet(t, p2p.Silence), newPuppet(t, p2p.Silence)
	q.l.Stop()
	<-q.l.Ended()
	p.on(func(env p2p.Env) { env.Dial(q.addr, puppets{}, p) })
	p.want("down refused")
	p.quiet()
}

// A language that Accept does not know: the Node never hears of the stream.
func TestAcceptRefuses(t *testing.T) {
	q := newPuppet(t, p2p.Silence)
	raw := dialRaw(t, q.addr)
	raw.Write([]byte("!strange"))
	if _, err := raw.Read(make([]byte, 1)); err == nil {
		t.Error("a stream in a strange language was not ended")
	}
	q.quiet()
}

// "a language in which the acceptor speaks first ... takes the whole port"
func TestAcceptorSpeaksFirst(t *testing.T) {
	q := newPuppet(t, p2p.Silence, func(p *p2p.Protocol) {
		p.Accept = func([]byte) (p2p.Codec, error) { return puppets{}, nil }
	})
	raw := dialRaw(t, q.addr)
	s := q.want("up inbound=true")
	q.send(s, "welcome")
	b := make([]byte, head+7)
	if _, err := io.ReadFull(raw, b); err != nil || string(b[head:]) != "welcome" {
		t.Errorf("read %q, %v", b, err)
	}
}

func TestReset(t *testing.T) {
	q := newPuppet(t, p2p.Silence)
	raw := dialRaw(t, q.addr)
	raw.Write([]byte{byte(kindNote), 0, 0, 0, 1, 'x'})
	q.want("up inbound=true")
	q.want("x")
	raw.SetLinger(0)
	raw.Close()
	q.want("down reset")
}

func TestHand(t *testing.T) {
	p, q := newPuppet(t, p2p.Silence), newPuppet(t, p2p.Silence)
	other := &puppet{t: t, l: q.l, heard: make(chan event, 8)}
	s, end := p.dial(q)
	q.act = func(from p2p.Peer, m p2p.Msg) {
		if describe(m) == "hand over" {
			q.env.Hand(from, other)
		}
	}
	p.send(s, "hand over")
	p.send(s, "yours")
	q.want("hand over")
	if from := other.want("yours"); from != end {
		t.Errorf("heard from %v, want %v", from, end)
	}
	q.quiet()
}

func TestTimers(t *testing.T) {
	p := newPuppet(t, p2p.Silence)
	p.on(func(env p2p.Env) {
		env.After(30*time.Millisecond, p2p.Tick(3))
		never := env.After(5*time.Millisecond, p2p.Tick(9))
		env.After(10*time.Millisecond, p2p.Tick(1))
		env.After(10*time.Millisecond, p2p.Tick(2))
		env.Stop(never)
		env.Stop(never)
		env.Stop(p2p.Timer{})
	})
	p.want("tick 1")
	p.want("tick 2")
	p.want("tick 3")
	var last p2p.Timer
	p.on(func(env p2p.Env) { last = env.After(-time.Second, p2p.Tick(4)) })
	p.want("tick 4")
	p.on(func(env p2p.Env) { env.Stop(last) }) // "also long after t has fired"
	c, _ := p.l.Counters()
	if c.Lag <= 0 || c.Lag > patience {
		t.Errorf("timer lag %v: every timer is a little late", c.Lag)
	}
}

func TestResolve(t *testing.T) {
	p := newPuppet(t, p2p.Silence)
	p.on(func(env p2p.Env) {
		env.Resolve("introducer:7000", p)
		env.Resolve("10.1.2.3:4", p)
		env.Resolve("nonsense", p)
	})
	p.want("resolved introducer:7000 [127.0.0.1:7000] <nil>")
	p.want("resolved 10.1.2.3:4 [10.1.2.3:4] <nil>")
	p.want(`resolved nonsense [] "nonsense": want name:port`)
}

func TestSpareAndCounters(t *testing.T) {
	p, q := newPuppet(t, p2p.Silence), newPuppet(t, p2p.Silence)
	p.on(func(env p2p.Env) {
		if m := env.Spare(kindNote); m != nil {
			t.Errorf("a spare %v before anything was sent", m)
		}
		p2p.Send(env, q.addr.Peer(), note{"one"})
		if m := env.Spare(kindNote); m == nil {
			t.Error("a message that has been sent is not used again")
		}
	})
	q.want("one")
}

func TestPanicEndsTheLoop(t *testing.T) {
	p := newPuppet(t, p2p.Silence)
	p.act = func(p2p.Peer, p2p.Msg) { panic("a broken invariant: 42") }
	p.on(func(env p2p.Env) { env.After(0, p2p.Tick(0)) })
	select {
	case err := <-p.err:
		if err == nil || !strings.Contains(err.Error(), "puppet node at "+p.addr.String()+" panicked: a broken invariant: 42") {
			t.Errorf("Run returned %v", err)
		}
	case <-time.After(patience):
		t.Fatal("a node that panicked still runs")
	}
	if r, _ := p.l.Do(context.Background(), p2p.Find{Name: "x"}); !errors.Is(r.Err, p2p.ErrGone) {
		t.Errorf("a wish to a node that is gone: %v", r.Err)
	}
}

func TestDo(t *testing.T) {
	p := newPuppet(t, p2p.Silence)
	var blobs []p2p.Blob
	p.do = func(op p2p.Op, done func(p2p.Result)) {
		blobs = p.env.Disk().Blobs()
		done(p2p.Result{Hops: 3, Err: fmt.Errorf("%w: %v", p2p.ErrNotFound, op)})
	}
	r, _ := p.l.Do(context.Background(), p2p.Publish{Name: "song", Size: 100_000, Seed: 5})
	if r.Hops != 3 || !errors.Is(r.Err, p2p.ErrNotFound) {
		t.Errorf("result %+v", r)
	}
	if !slices.Equal(blobs, []p2p.Blob{{Name: "song", Len: 100_000}}) {
		t.Errorf("when Publish came, the disk had %v", blobs)
	}
	f, err := p.disk.Blob("song")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want, _ := io.ReadAll(p2p.Publish{Size: 100_000, Seed: 5}.Bytes())
	if got, _ := io.ReadAll(f); string(got) != string(want) {
		t.Error("the blob is not what its seed makes")
	}
	r, _ = p.l.Do(context.Background(), p2p.Publish{Name: "../x", Size: 1})
	if !errors.Is(r.Err, p2p.ErrDisk) {
		t.Errorf("a blob outside the folder: %v", r.Err)
	}
}

// "After done the world stops the Node."
func TestLeave(t *testing.T) {
	p, q := newPuppet(t, p2p.Silence), newPuppet(t, p2p.Silence)
	s, _ := p.dial(q)
	p.do = func(_ p2p.Op, done func(p2p.Result)) {
		p2p.Send(p.env, s, note{"good-bye"})
		p.env.After(0, p2p.Tick(1))
		done(p2p.Result{})
	}
	if r, _ := p.l.Do(context.Background(), p2p.Leave{}); r.Err != nil {
		t.Fatal(r.Err)
	}
	q.want("good-bye")
	q.want("down")
	select {
	case <-p.l.Ended():
	case <-time.After(patience):
		t.Fatal("a node that has left still runs")
	}
	if len(p.heard) > 0 {
		t.Errorf("after Leave was done the node heard %v", <-p.heard)
	}
}
