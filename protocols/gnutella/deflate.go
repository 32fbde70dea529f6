package gnutella

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"fmt"
	"io"

	"peerbed/protocols/p2p"
)

// A link whose sender has said Content-Encoding: deflate is one zlib stream
// from its first descriptor on.

// A deflater packs what is sent, in half a megabyte of memory or more. Each message is flushed, so that the other
// side can read it at once.
type deflater struct {
	out bytes.Buffer
	z   *zlib.Writer
}

func newDeflater() *deflater {
	d := &deflater{}
	d.z = zlib.NewWriter(&d.out)
	return d
}

func (d *deflater) append(dst, plain []byte) []byte {
	d.z.Write(plain) // writing to a Buffer does not fail
	d.z.Flush()
	dst = append(dst, d.out.Bytes()...)
	d.out.Reset()
	return dst
}

// What is inflated at once: from one flush of the sender to the next. Real
// servents flush after a few kilobytes.
const (
	maxPacked = 64 << 10 // bytes of it as they come
	maxPlain  = 128 << 10
	maxWithin = 64       // that look like a flush and are none
	window    = 32 << 10 // how far back a distance in deflate reaches
)

// flush ends what a sender has flushed: an empty stored block, from which a
// whole number of bytes is left. last is an empty block that ends a stream.
var (
	flush = []byte{0, 0, 0xff, 0xff}
	last  = []byte{1, 0, 0, 0xff, 0xff}
)

// An inflater unpacks what arrives, from one flush to the next. The standard
// library reads a stream only as a whole, waiting for bytes; but a flush ends
// with a block and at a byte, so what lies between two is such a whole, if it
// knows the window before it. Who sends without a flush for too long is
// refused, and so is who sends little that becomes much.
type inflater struct {
	began  bool
	packed []byte // come, and not yet inflated
	from   int    // where in it the next flush may begin
	within int    // how many that looked like one were none
	z      io.ReadCloser
	window []byte // the last plain bytes
	plain  []byte // not yet taken
	chunk  [4 << 10]byte
}

// more inflates what has come up to the next flush; false: that has not come.
// At the end of the stream the rest is all there is.
func (f *inflater) more(eof bool) (bool, error) {
	if !f.began {
		if len(f.packed) < 2 {
			return false, nil
		}
		if h := f.packed; h[0]&15 != 8 || h[0]>>4 > 7 || h[1]&32 != 0 || (uint(h[0])<<8|uint(h[1]))%31 != 0 {
			return false, fmt.Errorf("%w: % x does not begin a zlib stream", p2p.ErrMalformed, h[:2])
		}
		f.began, f.packed = true, f.packed[2:]
	}
	for {
		i := bytes.Index(f.packed[f.from:], flush)
		if i < 0 {
			break
		}
		f.from += i + len(flush)
		if whole, err := f.inflate(f.packed[:f.from]); whole || err != nil {
			f.packed, f.from, f.within = f.packed[f.from:], 0, 0
			return true, err
		}
		if f.within++; f.within > maxWithin {
			return false, fmt.Errorf("%w: too much in a deflated stream looks like a flush", p2p.ErrMalformed)
		}
	}
	f.from = max(f.from, len(f.packed)-len(flush)+1)
	if len(f.packed) > maxPacked {
		return false, fmt.Errorf("%w: no flush in %d bytes of a deflated stream", p2p.ErrMalformed, len(f.packed))
	}
	if !eof || len(f.packed) == 0 {
		return false, nil
	}
	rest := f.packed
	f.packed, f.from = nil, 0
	return f.inflate(rest)
}

// inflate unpacks src, if it is a whole number of blocks: the bytes of a flush
// may also lie within one.
func (f *inflater) inflate(src []byte) (whole bool, err error) {
	r := bytes.NewReader(append(src[:len(src):len(src)], last...))
	if f.z == nil {
		f.z = flate.NewReader(r)
	} else if err := f.z.(flate.Resetter).Reset(r, f.window); err != nil {
		return false, err
	}
	plain := append(make([]byte, 0, len(f.plain)+2*len(src)), f.plain...)
	for {
		n, err := f.z.Read(f.chunk[:])
		plain = append(plain, f.chunk[:n]...)
		switch size := len(plain) - len(f.plain); {
		case size > maxPlain:
			return false, fmt.Errorf("%w: %d bytes of a deflated stream become over %d", p2p.ErrMalformed, len(src), maxPlain)
		case err == io.EOF:
			if r.Len() > 0 {
				return false, nil
			}
			f.remember(plain[len(f.plain):])
			f.plain = plain
			return true, nil
		case err != nil:
			return false, nil
		}
	}
}

func (f *inflater) remember(plain []byte) {
	f.window = append(f.window, plain[max(0, len(plain)-window):]...)
	if n := len(f.window) - window; n > 0 {
		f.window = append(f.window[:0], f.window[n:]...)
	}
}
