package wire

import (
	"encoding/binary"
	"slices"

	"peerbed/protocols/p2p"
)

// A Fields is a message on its way into bytes or out of them. The message shows
// it all its fields in their order, and so says once, for both directions, what
// it consists of:
//
//	func (m *step) Fields(f *wire.Fields) {
//		f.Uint32(&m.ID)
//		f.Addrs(&m.Nodes, maxNodes)
//		wire.List(f, &m.Path, maxHops, sizeStage, (*stage).fields)
//	}
//
// Writing, it appends their values. Reading, it sets them all, since the message
// may have carried another before; what they are once there is an error means
// nothing. Only what is read is checked. Integers are big-endian.
type Fields struct {
	reads   bool
	in      Reader
	out     []byte
	content *p2p.Content // written: what follows out
}

// SizeAddr is how many bytes Addr takes.
const SizeAddr = 6

// Writing returns a Fields that appends to dst.
func Writing(dst []byte) Fields { return Fields{out: dst} }

// Reading returns a Fields that reads src, whose bytes Content shares.
func Reading(src []byte) Fields { return Fields{reads: true, in: Reader{b: src}} }

// Reads reports whether the message is read: what is written must stay as it is.
func (f *Fields) Reads() bool { return f.reads }

// Bytes returns dst and what was appended to it, without Content.
func (f *Fields) Bytes() []byte { return f.out }

// Len counts the bytes that are left to read.
func (f *Fields) Len() int { return f.in.Len() }

// Err returns what is wrong with what was read, or nil; see [Reader.Err].
func (f *Fields) Err() error { return f.in.Err() }

// Fail refuses what was read, for a reason of the message's own; see [Reader.Fail].
func (f *Fields) Fail(format string, args ...any) { f.in.Fail(format, args...) }

// Uint8 is one byte. Read, it is at most most.
func (f *Fields) Uint8(v *uint8, most uint8) {
	if !f.reads {
		f.out = append(f.out, *v)
		return
	}
	if *v = f.in.Uint8(); *v > most {
		f.Fail("%d where at most %d is allowed", *v, most)
		*v = 0
	}
}

// Bool is one byte, 0 or 1.
func (f *Fields) Bool(v *bool) {
	var b uint8
	if *v {
		b = 1
	}
	f.Uint8(&b, 1)
	*v = b == 1
}

// Uint16, Uint32 and Uint64 are integers of two, four and eight bytes.
func (f *Fields) Uint16(v *uint16) {
	if !f.reads {
		f.out = binary.BigEndian.AppendUint16(f.out, *v)
		return
	}
	*v = f.in.Uint16(binary.BigEndian)
}

func (f *Fields) Uint32(v *uint32) {
	if !f.reads {
		f.out = binary.BigEndian.AppendUint32(f.out, *v)
		return
	}
	*v = f.in.Uint32(binary.BigEndian)
}

func (f *Fields) Uint64(v *uint64) {
	if !f.reads {
		f.out = binary.BigEndian.AppendUint64(f.out, *v)
		return
	}
	*v = f.in.Uint64(binary.BigEndian)
}

// Length is the length of something in bytes, in eight bytes. Read, it is at
// most most.
func (f *Fields) Length(v *int64, most int64) {
	n := uint64(*v)
	f.Uint64(&n)
	if f.reads && n > uint64(most) {
		f.Fail("a length of %d where at most %d is allowed", n, most)
		n = 0
	}
	*v = int64(n)
}

// Array is bytes whose number both sides know: a hash.
func (f *Fields) Array(v []byte) {
	if !f.reads {
		f.out = append(f.out, v...)
		return
	}
	copy(v, f.in.Take(len(v)))
}

// Constant is a text that is always the same: a magic number.
func (f *Fields) Constant(text string) {
	if !f.reads {
		f.out = append(f.out, text...)
		return
	}
	if b := f.in.Take(len(text)); b != nil && string(b) != text {
		f.Fail("%q where %q always stands", b, text)
	}
}

// String is a text of at most 255 bytes after its length in one byte. A longer
// one that is written is a broken invariant of the caller.
func (f *Fields) String(v *string) {
	if !f.reads {
		f.out = AppendString(f.out, *v)
		return
	}
	*v = f.in.String()
}

// Addr is an address in SizeAddr bytes, IP and port: place 0 of its node.
func (f *Fields) Addr(v *p2p.Addr) {
	if !f.reads {
		f.out = AppendAddr(f.out, *v)
		return
	}
	*v = f.in.Addr()
}

// Content is bulk data after its length in four bytes. It is the last field of a
// message, and a message has at most one.
func (f *Fields) Content(v *p2p.Content) {
	n := uint32(v.Len)
	f.Uint32(&n)
	if !f.reads {
		f.content = v
		return
	}
	if n > p2p.MaxContent {
		f.Fail("%d bytes of content", n)
		n = 0
	}
	*v = p2p.View(f.in.Take(int(n)))
}

// Addrs is a List of addresses as Addr has them.
func (f *Fields) Addrs(v *[]p2p.Addr, most uint8) {
	List(f, v, most, SizeAddr, func(a *p2p.Addr, f *Fields) { f.Addr(a) })
}

// List is a list of at most most items after its length in one byte. Each item
// is shown by fields, and takes size bytes or more: that is checked before
// memory is taken.
func List[T any](f *Fields, v *[]T, most uint8, size int, fields func(*T, *Fields)) {
	n := uint8(len(*v))
	f.Uint8(&n, most)
	if f.reads {
		if int(n)*size > f.Len() {
			f.in.lack(int(n) * size)
			n = 0
		}
		*v = slices.Grow((*v)[:0], int(n))[:n]
	}
	for i := range *v {
		fields(&(*v)[i], f)
	}
}
