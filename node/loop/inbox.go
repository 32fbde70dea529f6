package loop

import (
	"fmt"
	"unsafe"

	"peerbed/protocols/p2p"
)

// The sizes of receive buffers, in bytes. An idle stream holds the least;
// one that fills its buffer gets twice as much, up to fast. Only a message
// that needs it gets more, up to most: MaxContent and what is around it.
const (
	least = 4 << 10
	fast  = 128 << 10
	most  = 512 << 10
)

// maxLent is how many full buffers of one stream may be on loan before it stops
// reading.
const maxLent = 4

// A buffer holds received bytes. Content lent to the disk keeps it from being
// used again.
type buffer struct {
	b     []byte
	loans int
}

// An inbox is the bytes that a stream has received and not yet decoded.
type inbox struct {
	buf      *buffer
	from, to int    // the bytes lie in buf.b[from:to]
	space    int    // how much the last read could have brought,
	brought  int    // and how much it brought
	lent     int    // former buffers on loan
	returned func() // called when one of them is back
}

func (in *inbox) len() int { return in.to - in.from }

func (in *inbox) bytes() []byte { return in.buf.b[in.from:in.to:in.to] }

func (in *inbox) skip(n int) {
	if n < 0 || n > in.len() {
		panic(fmt.Sprintf("loop: a codec took %d bytes of %d", n, in.len()))
	}
	in.from += n
}

func (in *inbox) add(n int) {
	in.to += n
	in.brought = n
}

// room returns memory to read into, behind the bytes that are there; nil if too
// much is on loan: returned will be called.
func (in *inbox) room(p *pool) ([]byte, error) {
	if in.buf == nil {
		in.buf = p.get(least)
	}
	size := in.size()
	if size > most {
		return nil, fmt.Errorf("%w: a message of more than %d bytes", p2p.ErrMalformed, most)
	}
	if in.buf.loans == 0 && in.from > 0 {
		in.to = copy(in.buf.b, in.bytes())
		in.from = 0
	}
	free := len(in.buf.b) - in.to
	if size != len(in.buf.b) || free == 0 || free < size/4 && in.buf.loans > 0 {
		if in.buf.loans > 0 && in.lent == maxLent {
			return nil, nil
		}
		in.change(p, size)
	}
	space := in.buf.b[in.to:]
	in.space = len(space)
	return space, nil
}

// size is how large the buffer ought to be.
func (in *inbox) size() int {
	n := len(in.buf.b)
	switch {
	case in.len() == n:
		return 2 * n
	case in.brought == in.space && in.brought > 0 && n < fast:
		return 2 * n
	case n > least && in.len() == 0 && in.brought < least/2:
		return least
	case in.len() > n*3/4 && n < most:
		return 2 * n
	}
	return n
}

// change moves the bytes to another buffer.
func (in *inbox) change(p *pool, size int) {
	old := in.buf
	rest := in.bytes()
	in.buf = p.get(size)
	in.to = copy(in.buf.b, rest)
	in.from = 0
	if old.loans > 0 {
		in.lent++
	} else {
		p.put(old)
	}
}

// end gives the buffer back, if nobody needs it.
func (in *inbox) end(p *pool) {
	if in.buf != nil && in.buf.loans == 0 {
		p.put(in.buf)
		in.buf = nil
	}
}

// borrow lends b to the disk until release: without a copy if it lies in the
// receive buffer of the stream whose message is being handled.
func (l *Loop) borrow(b []byte) (kept []byte, release func()) {
	in := l.reading
	if in == nil || !inside(in.buf.b, b) {
		return append([]byte(nil), b...), func() {}
	}
	buf := in.buf
	buf.loans++
	return b, func() {
		if buf.loans--; buf.loans == 0 && in.buf != buf {
			in.lent--
			l.buffers.put(buf)
			in.returned()
		}
	}
}

// inside reports whether part lies in the memory of whole.
func inside(whole, part []byte) bool {
	first := uintptr(unsafe.Pointer(unsafe.SliceData(whole)))
	at := uintptr(unsafe.Pointer(unsafe.SliceData(part)))
	return at >= first && at+uintptr(len(part)) <= first+uintptr(len(whole))
}

// A pool keeps buffers that are free, by size.
type pool struct{ free [8][]*buffer }

// kept is how much of one size is kept, in bytes.
const kept = 1 << 20

func (p *pool) get(size int) *buffer {
	list := &p.free[class(size)]
	if n := len(*list); n > 0 {
		b := (*list)[n-1]
		*list = (*list)[:n-1]
		return b
	}
	return &buffer{b: make([]byte, size)}
}

func (p *pool) put(b *buffer) {
	list := &p.free[class(len(b.b))]
	if len(*list)*len(b.b) < kept {
		*list = append(*list, b)
	}
}

// class numbers the sizes: least is 0, twice that 1.
func class(size int) int {
	c := 0
	for least<<c < size {
		c++
	}
	return c
}
