package p2ptest

import (
	"math"
	"reflect"
	"runtime"
	"testing"

	"peerbed/protocols/p2p"
)

// RoundTrip encodes the messages, in this order, with one codec and decodes
// them with another. Each must come back as it was, from exactly the bytes that
// its Size says; with fewer bytes the codec must ask for more, or find the
// message shorter, but never take more than there is. Content becomes bytes of
// its length, which must come out again.
func RoundTrip(t *testing.T, newCodec func() p2p.Codec, msgs ...p2p.Msg) {
	t.Helper()
	from, to := newCodec(), newCodec()
	for _, m := range msgs {
		b := Encode(t, from, m)
		for n := range min(len(b), 200) { // on codecs of their own: these may keep a state
			takesNoMore(t, newCodec(), b[:n:n])
		}
		got, n, err := to.Next(b, false)
		if got == nil && n == 0 && err == nil {
			got, n, err = to.Next(b, true)
		}
		switch {
		case err != nil:
			t.Fatalf("%T%+v is written as %q, and then read with error %v", m, m, b, err)
		case n != len(b):
			t.Fatalf("%T%+v is written in %d bytes, and read from %d", m, m, len(b), n)
		case !Same(m, got):
			t.Fatalf("written %T%+v\n   read %T%+v", m, m, got, got)
		}
	}
}

// Encode returns all bytes of m as they go over the wire, some pattern in place
// of Content, and holds their number against Size.
func Encode(t testing.TB, c p2p.Codec, m p2p.Msg) []byte {
	t.Helper()
	b, content, err := c.Append(nil, m)
	if err != nil {
		t.Fatalf("%T%+v cannot be written: %v", m, m, err)
	}
	for i := range content.Len {
		b = append(b, byte(i*7))
	}
	if m.Size() != len(b) {
		t.Fatalf("%T%+v says its Size is %d, but it is written in %d bytes", m, m, m.Size(), len(b))
	}
	return b
}

func takesNoMore(t *testing.T, c p2p.Codec, part []byte) {
	t.Helper()
	if _, n, _ := c.Next(part, false); n < 0 || n > len(part) {
		t.Fatalf("Next takes %d bytes of the %d of %q", n, len(part), part)
	}
}

// Same reports whether two messages are equal. An empty slice is as good as
// none, and of Content only the length counts.
func Same(a, b p2p.Msg) bool {
	if reflect.TypeOf(a) != reflect.TypeOf(b) {
		return false
	}
	return same(reflect.ValueOf(a), reflect.ValueOf(b))
}

func same(a, b reflect.Value) bool {
	if a.Type() == reflect.TypeFor[p2p.Content]() {
		return a.FieldByName("Len").Equal(b.FieldByName("Len"))
	}
	switch a.Kind() {
	case reflect.Pointer:
		return a.IsNil() == b.IsNil() && (a.IsNil() || same(a.Elem(), b.Elem()))
	case reflect.Struct:
		for i := range a.NumField() {
			if !same(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Slice, reflect.Array:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !same(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	}
	return a.Equal(b)
}

// Allowance is how much a codec may allocate while it reads n bytes: a length
// in a packet is checked before memory is taken.
func Allowance(n int) uint64 { return 4<<10 + 8*uint64(n) }

// FuzzCodec feeds strangers' bytes to codecs, beginning with the seeds: golden
// packets, and streams of several. Next must not panic, must not take more
// bytes than there are, nor allocate more than the Allowance, and comes to an
// end.
func FuzzCodec(f *testing.F, newCodec func() p2p.Codec, seeds ...[]byte) {
	for _, s := range seeds {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, data []byte, eof bool) {
		if wrong := digest(newCodec(), data, eof); wrong != "" {
			t.Fatal(wrong)
		}
		if took, most := appetite(newCodec, data, eof); took > most {
			t.Fatalf("%d bytes make the codec allocate %d; at most %d are allowed", len(data), took, most)
		}
	})
}

// appetite measures how many bytes a codec allocates to read data, and how many
// it may. Others may allocate meanwhile, but not each of five times.
func appetite(newCodec func() p2p.Codec, data []byte, eof bool) (took, most uint64) {
	took = math.MaxUint64
	for range 5 {
		c := newCodec()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		digest(c, data, eof)
		runtime.ReadMemStats(&after)
		if most = Allowance(len(data)); packed(c) {
			most += 512<<10 + 2*deflated*uint64(len(data)) // all that was ever taken, not what is held at a time
		}
		if took = min(took, after.TotalAlloc-before.TotalAlloc); took <= most {
			break
		}
	}
	return took, most
}

// deflated is the most that one byte of a compressed stream becomes: deflate
// has codes of two bits for 258 bytes.
const deflated = 1032

// packed reports whether what c reads is compressed; see p2p.Packer.
func packed(c p2p.Codec) bool {
	p, ok := c.(p2p.Packer)
	if !ok {
		return false
	}
	_, in := p.Packed()
	return in
}

// digest reads all of data, as a link does, and says what is wrong with how
// the codec does it.
func digest(c p2p.Codec, data []byte, eof bool) (wrong string) {
	most := 8 // messages in a row that take no bytes, such as the end of a body
	inflates := deflated * len(data)
	for idle := 0; len(data) > 0 || eof; idle++ {
		if packed(c) {
			most = max(most, inflates)
		}
		m, n, err := c.Next(data, eof)
		switch {
		case n < 0 || n > len(data):
			return "Next takes more bytes than there are"
		case err != nil || m == nil && n == 0:
			return ""
		case n > 0:
			idle = 0
		case idle == most:
			return "Next makes messages of nothing, without end"
		}
		data = data[n:]
	}
	return ""
}
