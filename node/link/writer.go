package link

import (
	"fmt"
	"io"
	"sync"

	"peerbed/protocols/p2p"
)

// bulk is the length of Content from which sendfile costs less than reading it
// and writing it together with what surrounds it.
const bulk = 64 << 10

// gathered is how much is written at once, in bytes.
const gathered = 128 << 10

var gathers = sync.Pool{New: func() any { return new([gathered]byte) }}

// A writer turns pieces into few writes. It gathers into a buffer that it holds
// only while there is something to gather.
type writer struct {
	c *Conn
	b []byte // gathered and not yet written
}

// all writes what one take of the queue gave.
func (w *writer) all(b []byte, pieces []piece) error {
	if len(pieces) == 1 && pieces[0].c.Len == 0 {
		return w.write(b)
	}
	buf := gathers.Get().(*[gathered]byte)
	defer gathers.Put(buf)
	w.b = buf[:0]
	for _, p := range pieces {
		if err := w.piece(b[:p.n], p.c); err != nil {
			return err
		}
		b = b[p.n:]
	}
	if w.c.q.idle() {
		w.c.blob.forget()
	}
	return w.flush()
}

func (w *writer) piece(b []byte, c p2p.Content) error {
	if err := w.bytes(b); err != nil {
		return err
	}
	switch {
	case c.Len == 0:
		return nil
	case c.Len >= bulk:
		return w.file(c)
	}
	return w.read(c)
}

func (w *writer) bytes(b []byte) error {
	for len(b) > 0 {
		if len(w.b) == cap(w.b) {
			if err := w.flush(); err != nil {
				return err
			}
		}
		n := min(len(b), cap(w.b)-len(w.b))
		w.b = append(w.b, b[:n]...)
		b = b[n:]
	}
	return nil
}

// read gathers a small Content.
func (w *writer) read(c p2p.Content) error {
	if len(w.b)+c.Len > cap(w.b) {
		if err := w.flush(); err != nil {
			return err
		}
	}
	f, err := w.c.blob.get(c.Blob)
	if err != nil {
		return err
	}
	n, err := f.ReadAt(w.b[len(w.b):len(w.b)+c.Len], c.Off)
	if n < c.Len {
		return missing(c, err)
	}
	w.b = w.b[:len(w.b)+c.Len]
	return nil
}

// file sends a large Content past this process.
func (w *writer) file(c p2p.Content) error {
	if err := w.flush(); err != nil {
		return err
	}
	f, err := w.c.blob.get(c.Blob)
	if err != nil {
		return err
	}
	if !w.c.q.ready() {
		return io.ErrClosedPipe
	}
	err = sendFile(w.c.tcp, f, c.Off, c.Len)
	if err == io.ErrUnexpectedEOF {
		return missing(c, err)
	}
	w.c.q.sent(c.Len)
	return err
}

// missing says that a blob has less than a message promised: the stream cannot
// be saved, because its length has been sent.
func missing(c p2p.Content, err error) error {
	return fmt.Errorf("%w: %q has no %d bytes at %d: %w", p2p.ErrDisk, c.Blob, c.Len, c.Off, err)
}

func (w *writer) flush() error {
	b := w.b
	w.b = w.b[:0]
	return w.write(b)
}

func (w *writer) write(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if !w.c.q.ready() {
		return io.ErrClosedPipe
	}
	_, err := w.c.tcp.Write(b)
	w.c.q.sent(len(b))
	return err
}
