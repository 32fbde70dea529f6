package loop

import (
	"bytes"
	"errors"
	"testing"

	"peerbed/protocols/p2p"
)

// fill lets a read bring n bytes of value v.
func fill(t *testing.T, in *inbox, p *pool, n int, v byte) {
	t.Helper()
	for n > 0 {
		room, err := in.room(p)
		if err != nil || room == nil {
			t.Fatalf("no room with %d bytes to come: %v", n, err)
		}
		k := min(n, len(room))
		copy(room, bytes.Repeat([]byte{v}, k))
		in.add(k)
		n -= k
	}
}

func TestInboxGrowsAndShrinks(t *testing.T) {
	in, p := &inbox{}, &pool{}
	fill(t, in, p, 10, 1)
	if n := len(in.buf.b); n != least {
		t.Errorf("an idle stream holds %d bytes, want %d", n, least)
	}
	in.skip(10)
	for range 200 {
		fill(t, in, p, least, 2)
		room, _ := in.room(p)
		in.add(len(room))
		in.skip(in.len())
	}
	if n := len(in.buf.b); n != fast {
		t.Errorf("a busy stream holds %d bytes, want %d", n, fast)
	}
	fill(t, in, p, 10, 3)
	in.skip(10)
	fill(t, in, p, 10, 3)
	if n := len(in.buf.b); n != least {
		t.Errorf("a stream that is quiet again holds %d bytes, want %d", n, least)
	}
}

func TestInboxOfALongMessage(t *testing.T) {
	in, p := &inbox{}, &pool{}
	fill(t, in, p, p2p.MaxContent+1000, 7)
	if got := in.bytes(); len(got) != p2p.MaxContent+1000 || bytes.Count(got, []byte{7}) != len(got) {
		t.Errorf("%d bytes, some of them wrong: the longest message must fit", len(got))
	}
	var err error
	for range most {
		var room []byte
		if room, err = in.room(p); err != nil {
			break
		}
		in.add(len(room))
	}
	if !errors.Is(err, p2p.ErrMalformed) {
		t.Errorf("a message without end: %v", err)
	}
}

// Bytes on loan stay as they are; a stream with too many of them waits for the
// last release.
func TestInboxLends(t *testing.T) {
	waiting := 0
	l := &Loop{}
	in := &inbox{returned: func() { waiting++ }}
	l.reading = in
	var views [][]byte
	var releases []func()
	for v := byte(1); ; v++ {
		room, err := in.room(&l.buffers)
		if err != nil {
			t.Fatal(err)
		}
		if room == nil {
			break
		}
		copy(room, bytes.Repeat([]byte{v}, len(room)))
		in.add(len(room))
		kept, release := l.borrow(in.bytes())
		if &kept[0] != &in.bytes()[0] {
			t.Fatal("bytes of the receive buffer were copied")
		}
		views, releases = append(views, kept), append(releases, release)
		in.skip(in.len())
	}
	if len(views) != maxLent+1 {
		t.Errorf("%d buffers lent before the stream waited, want %d", len(views), maxLent+1)
	}
	for i, v := range views {
		if bytes.Count(v, []byte{byte(i + 1)}) != len(v) {
			t.Errorf("loan %d has changed", i)
		}
	}
	releases[0]()
	if waiting != 1 {
		t.Errorf("after a release the stream was woken %d times, want 1", waiting)
	}
	if room, _ := in.room(&l.buffers); room == nil {
		t.Error("no room after a release")
	}
}

func TestBorrowCopiesWhatIsNotReceived(t *testing.T) {
	l := &Loop{}
	own := []byte("a protocol's own bytes")
	kept, release := l.borrow(own)
	own[0] = 'X'
	if string(kept) != "a protocol's own bytes" {
		t.Errorf("kept %q", kept)
	}
	release()
}

// The cost of a stall in memory: what comes back is used again.
func TestPool(t *testing.T) {
	var p pool
	b := p.get(fast)
	p.put(b)
	if p.get(fast) != b || p.get(fast) == b {
		t.Error("a free buffer is used again, once")
	}
	for range 100 {
		p.put(&buffer{b: make([]byte, most)})
	}
	if n := len(p.free[class(most)]); n*most > kept {
		t.Errorf("%d buffers of %d bytes are kept, at most %d bytes wanted", n, most, kept)
	}
}
