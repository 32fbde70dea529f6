package wire_test

import (
	"encoding/binary"
	"errors"
	"testing"

	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

func TestReader(t *testing.T) {
	addr := p2p.MakeAddr(0xFFFFFFFF, 7000)
	b := wire.AppendAddr(wire.AppendString([]byte{1, 2, 3}, "name"), addr)
	r := wire.NewReader(b)
	if got := r.Uint8(); got != 1 {
		t.Errorf("Uint8: %d", got)
	}
	if got := r.Uint16(binary.LittleEndian); got != 0x0302 {
		t.Errorf("Uint16: %x", got)
	}
	if got := r.String(); got != "name" {
		t.Errorf("String: %q", got)
	}
	if got := r.Addr(); got != addr || r.End() != nil {
		t.Errorf("Addr: %v, %v", got, r.End())
	}
}

// A packet that is too short, too long, or claims more than it holds is
// malformed; after the first error every value is zero.
func TestReaderRefuses(t *testing.T) {
	for what, read := range map[string]func(r *wire.Reader){
		"short integer":   func(r *wire.Reader) { r.Take(2); r.Uint64(binary.BigEndian) },
		"string over end": func(r *wire.Reader) { _ = r.String() },
		"bytes left":      func(r *wire.Reader) { r.Uint8() },
		"negative length": func(r *wire.Reader) { r.Take(-1) },
	} {
		r := wire.NewReader([]byte{200, 1, 2, 3})
		read(r)
		if err := r.End(); !errors.Is(err, p2p.ErrMalformed) {
			t.Errorf("%s: %v, want malformed", what, err)
		}
		if got := r.Uint32(binary.BigEndian); got != 0 {
			t.Errorf("%s: %d read after an error", what, got)
		}
	}
}
