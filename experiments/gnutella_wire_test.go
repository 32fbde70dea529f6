package experiments

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/protocols/gnutella"
	"peerbed/protocols/p2p"
)

// TestGnutellaGN1Header writes random descriptors of the five types and reads their
// heads as the specification lays them out, apart from the codec (claim GN1: "header
// of 23 bytes; all fields little-endian except IP; TTL(0) = TTL(i) + Hops(i)"). Read
// big-endian, as a thesis in circulation has it, no length is right: the negative
// control. Then a query goes along a line of servents, each of which must see it with
// as many hops as there are servents before it, and the eighth not at all.
func TestGnutellaGN1Header(t *testing.T) {
	harness.Repeat(t, 3, func(t *harness.T) {
		const descriptors = 2000
		r := rand.New(rand.NewPCG(t.Seed(), 1))
		codec := linkCodec(t)
		wrong, big := 0.0, 0.0
		for k := range descriptors {
			m, typ := randomDescriptor(r, k)
			b, _, err := codec.Append(nil, m)
			h := headOf(m)
			if err != nil || len(b) != m.Size() || gnutella.GUID(b[:16]) != h.ID || b[16] != typ || b[17] != h.TTL || b[18] != h.Hops ||
				int(binary.LittleEndian.Uint32(b[19:])) != len(b)-23 {
				wrong++
			}
			if len(b) > 23 && int(binary.BigEndian.Uint32(b[19:])) == len(b)-23 {
				big++
			}
		}
		t.Want("heads that read otherwise than they were written", wrong, harness.Exactly(0))
		t.Want("lengths that are right big-endian too", big, harness.Exactly(0))

		const nodes, ttl = 12, 7
		c := servents(t, linked(line), nodes, "degree=0", "ping=10m", "patience=1s")
		c.Advance(5 * time.Second)
		out, off, saw := c.Find(0, "nobody has this"), 0.0, 0.0
		for i, s := range c.States() {
			for _, q := range s.Detail.(gnutella.Detail).Seen {
				if q.ID.String() == out.ID && i > 0 {
					saw++
					if int(q.Hops) != i-1 {
						off++
					}
				}
			}
		}
		t.Want("servents of a line that a query with a TTL of 7 reaches", saw, harness.Exactly(ttl))
		t.Want("of them, those with another TTL or hops than the way is long", off, harness.Exactly(0))
	})
}

// line links each of n nodes to the next.
func line(n int) (edges [][2]int) {
	for i := range n - 1 {
		edges = append(edges, [2]int{i, i + 1})
	}
	return edges
}

// TestGnutellaGN2Descriptors writes random descriptors and reads their payloads byte
// by byte (claim GN2: "Query: min speed + criteria; QueryHit: #hits, port, ip, speed,
// (index, size, name)*, servent id; Pong: port, ip, files, KB; Push: servent id, file
// index, ip, port; Ping: empty"). What was written must also read back as the same.
func TestGnutellaGN2Descriptors(t *testing.T) {
	harness.Repeat(t, 3, func(t *harness.T) {
		const descriptors = 2000
		r := rand.New(rand.NewPCG(t.Seed(), 2))
		codec := linkCodec(t)
		wrong, lost := map[byte]float64{}, 0.0
		for k := range descriptors {
			m, typ := randomDescriptor(r, k)
			b, _, err := codec.Append(nil, m)
			if err != nil || string(b[23:]) != payload(m) {
				wrong[typ]++
			}
			if back, n, err := codec.Next(b, false); err != nil || n != len(b) || !reflect.DeepEqual(back, m) {
				lost++
			}
		}
		for _, typ := range types {
			t.Want(fmt.Sprintf("payloads of type %#02x that are laid out otherwise", typ), wrong[typ], harness.Exactly(0))
		}
		t.Want("descriptors that read back as others", lost, harness.Exactly(0))
	})
}

// linkCodec is the codec of a link of version 0.4 after its handshake.
func linkCodec(t *harness.T) p2p.Codec {
	t.Helper()
	const hello = "GNUTELLA CONNECT/0.4\n\n"
	c, err := gnutella.Protocol.Accept([]byte(hello))
	if err != nil {
		t.Fatal(err)
	}
	if _, n, err := c.Next([]byte(hello), false); n != len(hello) || err != nil {
		t.Fatalf("the handshake took %d bytes: %v", n, err)
	}
	return c
}

// types are those of the lecture's five descriptors: Ping, Pong, Push, Query,
// QueryHit.
var types = [5]byte{0x00, 0x01, 0x40, 0x80, 0x81}

// randomDescriptor draws the k-th: the types in turn.
func randomDescriptor(r *rand.Rand, k int) (m p2p.Msg, typ byte) {
	guid := func() (g gnutella.GUID) {
		for i := range g {
			g[i] = byte(r.Uint32())
		}
		return g
	}
	text := func(least int) string {
		b := make([]byte, least+r.IntN(40))
		for i := range b {
			b[i] = byte(1 + r.IntN(255)) // but for NUL
		}
		return string(b)
	}
	h := gnutella.Head{ID: guid(), TTL: byte(r.Uint32()), Hops: byte(r.Uint32())}
	addr := p2p.MakeAddr(r.Uint32(), uint16(r.Uint32()))
	switch typ = types[k%len(types)]; typ {
	case 0x00:
		return &gnutella.Ping{Head: h}, typ
	case 0x01:
		return &gnutella.Pong{Head: h, Addr: addr, Files: r.Uint32(), KiB: r.Uint32()}, typ
	case 0x40:
		return &gnutella.Push{Head: h, Servent: guid(), Index: r.Uint32(), Addr: addr}, typ
	case 0x80:
		return &gnutella.Query{Head: h, Flags: uint16(r.Uint32()), Text: text(0)}, typ
	}
	hit := &gnutella.Hit{Head: h, Addr: addr, Speed: r.Uint32(), Servent: guid()}
	for range 1 + r.IntN(5) {
		hit.Files = append(hit.Files, gnutella.File{Index: r.Uint32(), Size: r.Uint32(), Name: text(1)})
	}
	return hit, typ
}

func headOf(m p2p.Msg) gnutella.Head {
	return reflect.ValueOf(m).Elem().FieldByName("Head").Interface().(gnutella.Head)
}

// payload writes what follows the head, from the tables of the specification.
func payload(m p2p.Msg) string {
	var b []byte
	u16 := func(v uint16) { b = append(b, byte(v), byte(v>>8)) }
	u32 := func(v uint32) { b = append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24)) }
	ip := func(a p2p.Addr) { b = append(b, byte(a.IP()>>24), byte(a.IP()>>16), byte(a.IP()>>8), byte(a.IP())) }
	switch m := m.(type) {
	case *gnutella.Pong:
		u16(m.Addr.Port())
		ip(m.Addr)
		u32(m.Files)
		u32(m.KiB)
	case *gnutella.Push:
		b = append(b, m.Servent[:]...)
		u32(m.Index)
		ip(m.Addr)
		u16(m.Addr.Port())
	case *gnutella.Query:
		b = append(b, byte(m.Flags>>8), byte(m.Flags)) // as flags; a minimal speed is low byte first
		b = append(b, m.Text+"\x00"...)
	case *gnutella.Hit:
		b = append(b, byte(len(m.Files)))
		u16(m.Addr.Port())
		ip(m.Addr)
		u32(m.Speed)
		for _, f := range m.Files {
			u32(f.Index)
			u32(f.Size)
			b = append(b, f.Name+"\x00\x00"...) // the second ends extensions, of which there are none
		}
		b = append(b, m.Servent[:]...)
	}
	return string(b)
}
