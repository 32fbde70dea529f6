package p2ptest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"peerbed/protocols/p2p"
)

// Packets are a protocol's golden messages: bytes that somebody wrote down by
// hand from the table of its wire format, in hex, with blanks for the reader.
// The messages of class Transfer go in streams, all others are datagrams, and
// the first byte is the message's number.
type Packets struct {
	Protocol *p2p.Protocol
	Opening  string            // how a stream begins, so that Accept knows it
	Golden   map[string]string // by the names of Protocol.Kinds, of which they are the first
}

// Bytes returns what hex digits and blanks stand for.
func Bytes(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Streams returns the codec of a new stream.
func (p Packets) Streams() p2p.Codec {
	c, _ := p.Protocol.Accept([]byte(p.Opening))
	return c
}

// RoundTrip reads each message from its golden bytes and writes it as them
// again, and has it refused on the other kind of link.
func (p Packets) RoundTrip(t *testing.T) {
	for i, k := range p.Protocol.Kinds[:len(p.Golden)] {
		codec, other := p.Protocol.Datagrams, p.Streams
		if k.Class == p2p.Transfer {
			codec, other = other, codec
		}
		b := Bytes(t, p.Golden[k.Name])
		if len(b) == 0 || int(b[0]) != i {
			t.Fatalf("%s: golden bytes %x, want number %d", k.Name, b, i)
		}
		m, n, err := codec().Next(b, true)
		if err != nil || n != len(b) || m.Kind() != k.Blank.Kind() {
			t.Fatalf("%s: read %T from %d of %d bytes, %v", k.Name, m, n, len(b), err)
		}
		if got := Encode(t, codec(), m); string(got) != string(b) {
			t.Errorf("%s: %x is written as %x", k.Name, b, got)
		}
		RoundTrip(t, codec, m, k.Blank, m)
		if _, _, err := other().Next(b, true); !errors.Is(err, p2p.ErrMalformed) {
			t.Errorf("%s passes on the other kind of link: %v", k.Name, err)
		}
	}
}

// Meaning reads datagrams and holds them, as %+v prints them, against what they
// ought to say.
func (p Packets) Meaning(t *testing.T, want map[string]string) {
	for name, want := range want {
		m, _, err := p.Protocol.Datagrams().Next(Bytes(t, p.Golden[name]), true)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%+v", reflect.ValueOf(m).Elem()); got != want {
			t.Errorf("%s\n got %s\nwant %s", name, got, want)
		}
	}
}

// Malformed reads packets in hex, by what is wrong with them, and wants them
// refused.
func Malformed(t *testing.T, newCodec func() p2p.Codec, packets map[string]string) {
	t.Helper()
	for why, packet := range packets {
		m, _, err := newCodec().Next(Bytes(t, packet), true)
		if !errors.Is(err, p2p.ErrMalformed) {
			t.Errorf("%s: read %+v, %v", why, m, err)
		}
	}
}

// Accept says what beginnings of streams the protocol takes, leaves to others,
// and wants to see more of.
func (p Packets) Accept(t *testing.T, yes, no, more []string) {
	for want, list := range map[string][]string{"yes": yes, "no": no, "more": more} {
		for _, first := range list {
			c, err := p.Protocol.Accept([]byte(first))
			got := "yes"
			switch {
			case err != nil:
				got = "no"
			case c == nil:
				got = "more"
			}
			if got != want {
				t.Errorf("a stream that begins with %q: %s, want %s", first, got, want)
			}
		}
	}
}

// FuzzDatagrams is FuzzCodec of the datagrams.
func (p Packets) FuzzDatagrams(f *testing.F) {
	FuzzCodec(f, p.Protocol.Datagrams, p.seeds(f, false)...)
}

// FuzzStreams is FuzzCodec of the streams; one seed is all their messages in a row.
func (p Packets) FuzzStreams(f *testing.F) {
	all := p.seeds(f, true)
	FuzzCodec(f, p.Streams, append(all, bytes.Join(all, nil))...)
}

func (p Packets) seeds(f *testing.F, stream bool) (list [][]byte) {
	for _, k := range p.Protocol.Kinds[:len(p.Golden)] {
		if stream == (k.Class == p2p.Transfer) {
			list = append(list, Bytes(f, p.Golden[k.Name]))
		}
	}
	return list
}
