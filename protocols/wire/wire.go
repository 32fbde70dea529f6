// Package wire holds what the codecs of several protocols need: reading and
// writing of integers, strings and addresses with every length checked; whole
// formats of numbered messages, for protocols whose papers name none ([Format]
// and [Fields]); and the small HTTP/1.x text format that the systems of the era
// share.
package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"peerbed/protocols/p2p"
)

// A Reader takes values off the front of a packet. After the first value that
// the packet is too short for, every further one is zero and Err says so: a
// decoder reads all fields and asks once.
type Reader struct {
	b          []byte
	err        error
	short      bool // it ended within a value,
	want, left int  // of so many bytes, which has so many
}

// NewReader returns a Reader of b, whose slices it shares.
func NewReader(b []byte) *Reader { return &Reader{b: b} }

// Take returns the next n bytes, which lie in the packet; nil if there are
// fewer.
func (r *Reader) Take(n int) []byte {
	if uint(n) > uint(len(r.b)) {
		r.lack(n)
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

// lack notes that n bytes are not there. The error is made when it is asked for:
// a stream that only has not come yet makes none.
func (r *Reader) lack(n int) {
	if !r.failed() {
		r.short, r.want, r.left = true, n, len(r.b)
		r.b = nil
	}
}

func (r *Reader) failed() bool { return r.short || r.err != nil }

// Fail sets the error, unless there is one already. It wraps p2p.ErrMalformed.
func (r *Reader) Fail(format string, args ...any) {
	if !r.failed() {
		r.err = fmt.Errorf("%w: %s", p2p.ErrMalformed, fmt.Sprintf(format, args...))
		r.b = nil
	}
}

// Short reports whether what is wrong with the packet is only that it ended too
// early: of a stream, more may come.
func (r *Reader) Short() bool { return r.short }

// Len counts the bytes that are left.
func (r *Reader) Len() int { return len(r.b) }

// Err returns the first error, or nil.
func (r *Reader) Err() error {
	if r.short && r.err == nil {
		r.err = fmt.Errorf("%w: %d bytes wanted, %d left", p2p.ErrMalformed, r.want, r.left)
	}
	return r.err
}

// End returns the first error; it is one if bytes are left.
func (r *Reader) End() error {
	if len(r.b) > 0 {
		r.Fail("%d bytes too many", len(r.b))
	}
	return r.Err()
}

// Uint8 reads one byte.
func (r *Reader) Uint8() uint8 {
	if b := r.Take(1); b != nil {
		return b[0]
	}
	return 0
}

// Uint16, Uint32 and Uint64 read an integer in the given order.
func (r *Reader) Uint16(o binary.ByteOrder) uint16 {
	if b := r.Take(2); b != nil {
		return o.Uint16(b)
	}
	return 0
}

func (r *Reader) Uint32(o binary.ByteOrder) uint32 {
	if b := r.Take(4); b != nil {
		return o.Uint32(b)
	}
	return 0
}

func (r *Reader) Uint64(o binary.ByteOrder) uint64 {
	if b := r.Take(8); b != nil {
		return o.Uint64(b)
	}
	return 0
}

// Addr reads an address of 6 bytes, IP and port, first octet first: what
// AppendAddr wrote.
func (r *Reader) Addr() p2p.Addr {
	ip := r.Uint32(binary.BigEndian)
	return p2p.MakeAddr(ip, r.Uint16(binary.BigEndian))
}

// String reads a string that AppendString wrote: its length in one byte.
func (r *Reader) String() string { return string(r.Take(int(r.Uint8()))) }

// CString reads a string that ends in a NUL, which is not part of it.
func (r *Reader) CString() string {
	n := bytes.IndexByte(r.b, 0)
	if n < 0 {
		r.Fail("no NUL in %d bytes", len(r.b))
		return ""
	}
	s := string(r.Take(n))
	r.Take(1)
	return s
}

// AppendAddr writes an address in 6 bytes, IP and port, first octet first.
func AppendAddr(dst []byte, a p2p.Addr) []byte {
	dst = binary.BigEndian.AppendUint32(dst, a.IP())
	return binary.BigEndian.AppendUint16(dst, a.Port())
}

// AppendString writes a string of at most 255 bytes after its length. A longer
// one is a broken invariant of the caller.
func AppendString(dst []byte, s string) []byte {
	if len(s) > 255 {
		panic(fmt.Sprintf("wire: string of %d bytes in a field of 255", len(s)))
	}
	return append(append(dst, byte(len(s))), s...)
}
