package loop_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"peerbed/node/control"
	"peerbed/node/link"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// short is a silence that a test can wait for. (The kernel's own probes count
// whole seconds and do not matter here: the gate is the node's.)
const short = 400 * time.Millisecond

func (p *puppet) setNet(n control.Net) {
	p.t.Helper()
	if err := p.l.SetNet(n); err != nil {
		p.t.Fatal(err)
	}
}

func notTo(q *puppet) control.Net { return control.Net{NotTo: []p2p.Addr{q.addr}} }

// "If so, hold back: exactly one Room will follow once it has drained." (The
// gate holds the writer, for the kernel takes more than the queue does.)
func TestFullAndRoom(t *testing.T) {
	p, q := newPuppet(t, p2p.Silence), newPuppet(t, p2p.Silence)
	s, _ := p.dial(q)
	p.setNet(notTo(q))
	sent := 0
	p.on(func(env p2p.Env) {
		for ; !env.Full(s); sent++ {
			p2p.Send(env, s, note{strings.Repeat("z", 32<<10)})
		}
		for range 3 {
			if !env.Full(s) {
				t.Error("a stream drained that cannot send")
			}
		}
	})
	if want := link.High/(32<<10+head) + 1; sent != want {
		t.Errorf("full after %d messages of 32 KiB, want %d", sent, want)
	}
	p.quiet()
	p.setNet(control.Net{})
	for range sent {
		q.want(strings.Repeat("z", 32<<10))
	}
	p.want("*p2p.Room")
	p.on(func(env p2p.Env) {
		if env.Full(s) {
			t.Error("full after Room, with nothing sent since")
		}
	})
	p.quiet()
}

func TestOverrun(t *testing.T) {
	p := newPuppet(t, p2p.Silence)
	raw := dialRaw(t, p.addr)
	raw.Write([]byte{byte(kindNote), 0, 0, 0, 1, 'x'})
	s := p.want("up inbound=true")
	p.want("x")
	p.on(func(env p2p.Env) {
		text := strings.Repeat("z", 1<<20)
		for range link.Most>>20 + 8 { // the kernel takes some of it
			p2p.Send(env, s, note{text})
		}
	})
	p.want("down queue overrun")
}

// "A cut stalls a stream; it resumes after heal."
func TestGateStallsAndResumes(t *testing.T) {
	p, q := newPuppet(t, p2p.Silence), newPuppet(t, p2p.Silence)
	s, end := p.dial(q)
	p.setNet(notTo(q))
	p.send(s, "held back")
	q.send(end, "not read")
	p.send(q.addr.Peer(), "lost")
	q.quiet()
	p.quiet()
	if n := p.streams(); n != 1 {
		t.Fatalf("%d streams while cut, want 1", n)
	}
	p.setNet(control.Net{})
	q.want("held back")
	p.want("not read")
	q.quiet()
}

func (p *puppet) streams() int {
	s, err := p.l.Snapshot()
	if err != nil {
		p.t.Fatal(err)
	}
	return s.Streams
}

// One direction is enough to stall a stream, and NotFrom drops datagrams.
func TestGateNotFrom(t *testing.T) {
	p, q := newPuppet(t, p2p.Silence), newPuppet(t, p2p.Silence)
	s, _ := p.dial(q)
	q.setNet(control.Net{NotFrom: []p2p.Addr{p.addr}})
	p.send(s, "kept")
	p.send(p2p.Peer{Addr: q.addr}, "lost")
	q.send(p.addr.Peer(), "the other way")
	p.want("the other way")
	q.quiet()
	q.setNet(control.Net{})
	q.want("kept")
}

// "... and after a stated silence it is Down": within a factor of two.
func TestGateSilence(t *testing.T) {
	p, q := newPuppet(t, short), newPuppet(t, p2p.Silence)
	p.dial(q)
	began := time.Now()
	p.setNet(notTo(q))
	p.want("down silent")
	if took := time.Since(began); took < short || took > 2*short {
		t.Errorf("down after %v, want %v to %v", took, short, 2*short)
	}
	q.want("down reset")
}

func TestDialIntoACut(t *testing.T) {
	p, q := newPuppet(t, short), newPuppet(t, p2p.Silence)
	p.setNet(notTo(q))
	p.on(func(env p2p.Env) { env.Dial(q.addr, puppets{}, p) })
	p.want("down silent")
	q.quiet()

	p.on(func(env p2p.Env) { p2p.Send(env, env.Dial(q.addr, puppets{}, p), note{"at last"}) })
	p.quiet()
	p.setNet(control.Net{})
	p.want("up inbound=false")
	q.want("up inbound=true")
	q.want("at last")
}

// A stream that was closed while it was cut still delivers when the cut heals.
func TestCloseInACut(t *testing.T) {
	p, q := newPuppet(t, p2p.Silence), newPuppet(t, p2p.Silence)
	s, _ := p.dial(q)
	p.setNet(notTo(q))
	p.on(func(env p2p.Env) {
		p2p.Send(env, s, note{"last words"})
		env.Close(s)
	})
	q.quiet()
	p.setNet(control.Net{})
	q.want("last words")
	q.want("down")
	p.quiet()
}

func TestModelKeepsStreamsInOrder(t *testing.T) {
	p, q := newPuppet(t, p2p.Silence), newPuppet(t, p2p.Silence)
	s, end := p.dial(q)
	slow := linkmodel.Link{Delay: 5 * time.Millisecond, Jitter: 20 * time.Millisecond}
	p.setNet(control.Net{Links: linkmodel.Model{Default: slow}})
	began := time.Now()
	p.on(func(env p2p.Env) {
		for i := range 50 {
			p2p.Send(env, s, note{fmt.Sprint(i)})
		}
	})
	for i := range 25 {
		q.want(fmt.Sprint(i))
	}
	if took := time.Since(began); took < 5*time.Millisecond {
		t.Errorf("the first half came after %v, delay is 5 ms", took)
	}
	p.setNet(control.Net{}) // perfect again: what is on its way stays ahead
	p.on(func(env p2p.Env) {
		p2p.Send(env, s, note{"after"})
		env.Close(s)
	})
	for i := range 25 {
		q.want(fmt.Sprint(25 + i))
	}
	q.want("after")
	if from := q.want("down"); from != end {
		t.Errorf("down from %v, want %v", from, end)
	}
}

func TestModelLosesDatagrams(t *testing.T) {
	p, q := newPuppet(t, p2p.Silence), newPuppet(t, p2p.Silence)
	p.setNet(control.Net{Links: linkmodel.Model{Default: linkmodel.Link{Loss: 1}}})
	p.send(q.addr.Peer(), "lost")
	p.setNet(control.Net{})
	p.send(q.addr.Peer(), "found")
	q.want("found")
}

func TestModelOfADial(t *testing.T) {
	p, q := newPuppet(t, p2p.Silence), newPuppet(t, p2p.Silence)
	p.setNet(control.Net{Links: linkmodel.Model{Default: linkmodel.Link{Delay: 25 * time.Millisecond}}})
	began := time.Now()
	p.dial(q)
	if took := time.Since(began); took < 75*time.Millisecond {
		t.Errorf("a handshake and one message took %v, want three times 25 ms", took)
	}
}

func TestSetNetRefusesNonsense(t *testing.T) {
	p := newPuppet(t, p2p.Silence)
	err := p.l.SetNet(control.Net{Links: linkmodel.Model{Default: linkmodel.Link{Loss: 2}}})
	if err == nil || !strings.Contains(err.Error(), "loss 2: want 0 to 1") {
		t.Errorf("loss 2 gave %v", err)
	}
}

// Content goes from the disk of one node to that of the other, lent from the
// receive buffers and written in order.
func TestContent(t *testing.T) {
	p, q := newPuppet(t, p2p.Silence), newPuppet(t, p2p.Silence)
	p.do = func(_ p2p.Op, done func(p2p.Result)) { done(p2p.Result{}) }
	const size = 3 << 20
	p.l.Do(t.Context(), p2p.Publish{Name: "b", Size: size, Seed: 1})
	var at int64
	q.act = func(_ p2p.Peer, m p2p.Msg) {
		if b, ok := m.(*bulk); ok {
			q.env.Disk().Write("copy", at, b.Data, q)
			at += int64(b.Data.Len)
		}
	}
	s, _ := p.dial(q)
	lens := []int{1, 100, 16 << 10, 64 << 10, p2p.MaxContent, 0, 5000}
	p.on(func(env p2p.Env) {
		off := int64(0)
		for i := 0; off < size; i++ {
			n := min(int64(lens[i%len(lens)]), size-off)
			p2p.Send(env, s, bulk{p2p.Content{Blob: "b", Off: off, Len: int(n)}})
			off += n
		}
		env.Close(s)
	})
	for written := 0; written < size; {
		select {
		case e := <-q.heard:
			var off, n int
			if _, err := fmt.Sscanf(e.what, "written copy %d+%d <nil>", &off, &n); err != nil {
				continue // a bulk, or down
			}
			if off != written {
				t.Fatalf("%s after %d bytes: out of order", e.what, written)
			}
			written += n
		case <-time.After(patience):
			t.Fatal("the copy does not arrive")
		}
	}
	if !slices.Equal(contents(t, p, "b"), contents(t, q, "copy")) {
		t.Error("the copy differs")
	}
}

func contents(t *testing.T, p *puppet, blob string) []byte {
	t.Helper()
	f, err := p.disk.Blob(blob)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A blob that has less than was promised cannot be made up for.
func TestContentThatIsMissing(t *testing.T) {
	p, q := newPuppet(t, p2p.Silence), newPuppet(t, p2p.Silence)
	s, _ := p.dial(q)
	p.on(func(env p2p.Env) { p2p.Send(env, s, bulk{p2p.Content{Blob: "nothing", Len: 10}}) })
	p.want("down disk failed")
	q.want("down reset")
}
