package fasttrack_test

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"strings"
	"testing"

	"peerbed/protocols/fasttrack"
	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
)

var addr = p2ptest.Addr

// unhex reads hex digits with spaces; what stands in quotes is text.
func unhex(t testing.TB, s string) string {
	t.Helper()
	var out []byte
	for i, part := range strings.Split(s, "'") {
		if i%2 == 1 {
			out = append(out, part...)
			continue
		}
		b, err := hex.DecodeString(strings.ReplaceAll(part, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b...)
	}
	return string(out)
}

const hashHex = "5d41402abc4b2a76b9719d911017c592 faffffff"

// hello is the file whose bytes are "hello".
func hello(t testing.TB) fasttrack.File {
	f := fasttrack.File{Sum: 0x0123, Size: 5, Tags: fasttrack.Tags{N: 1, Raw: unhex(t, "02 05 'a.mp3'")}}
	copy(f.Hash[:], unhex(t, hashHex))
	return f
}

// A golden is one message and its bytes, as the first frame of a session: type low,
// type high, length high, length low.
type golden struct {
	m        p2p.Msg
	acceptor bool // who reads it is the supernode
	wire     string
}

func goldens(t testing.TB) []golden {
	at := addr(t, "100.64.0.2:1214")
	search := fasttrack.Search{Max: 100, ID: 7, Realm: 0xBF, Terms: []fasttrack.Term{{Cmp: 5, Text: "blue"}, {Cmp: 0, Field: 3, Text: "xy"}}}
	result := fasttrack.Result{Addr: at, Bandwidth: 0x9b, User: "bob", Network: "KaZaA", File: hello(t)}
	results := fasttrack.Results{Supernode: addr(t, selfText), ID: 7, List: []fasttrack.Result{result, result}}
	const file = hashHex + " 8223 05 01 02 05 'a.mp3'"
	const found = "64400001 04be 0007 0002 64400002 04be 9b 'bob' 01 'KaZaA' 00 " + file + " 64400002 04be 9b 02 " + file
	push := fasttrack.Push{ID: 9, To: at}
	wanted := fasttrack.PushWanted{Push: push, Who: addr(t, "100.64.0.3:0"), Supernode: addr(t, selfText), User: "bob"}
	return []golden{
		{&fasttrack.Ping{}, true, "50"},
		{&fasttrack.Pong{}, false, "52"},
		{&fasttrack.Supernodes{List: []fasttrack.Supernode{{Addr: at, Seen: 3, Load: 50}}}, false, "4b 00 00 00 08 64400002 04be 03 32"},
		{&fasttrack.Login{Addr: at, Bandwidth: 0x9b, User: "bob"}, true, "4b 02 00 00 0b 64400002 04be 9b 00 'bob'"},
		{&fasttrack.Wanted{}, false, "4b 03 00 00 00"},
		{&fasttrack.Share{Media: 1, File: hello(t)}, true, "4b 22 00 00 23 00 01 00 00 " + file},
		{&fasttrack.Unshare{File: hello(t)}, true, "4b 05 00 00 1f " + file},
		{&search, true, "4b 06 00 00 15 0001 0064 0007 01 bf 02 05 00 04 'blue' 00 03 02 'xy'"},
		{&results, false, "4b 07 00 00 61 " + found},
		{&fasttrack.End{ID: 7}, false, "4b 08 00 00 02 0007"},
		{&push, false, "4b 0d 00 00 0a 00000009 64400002 04be"},
		{&wanted, true, "4b 0d 00 00 19 00000009 64400002 04be 64400003 0000 64400001 04be 'bob'"},
		{&fasttrack.External{IP: at.IP()}, false, "4b 2c 00 00 04 64400002"},
		{&fasttrack.Other{Type: 0x09, Payload: "stats"}, false, "4b 09 00 00 05 'stats'"},
		{&fasttrack.Other{Type: 0x1234, Payload: ""}, true, "4b 34 12 00 00"},
		// Our own, between supernodes.
		{&fasttrack.Link{Addr: at, Reputation: 500, Load: 7}, true, "4b 01 80 00 09 64400002 04be 01f4 07"},
		{&fasttrack.Standing{Reputation: 10, Addr: at}, true, "4b 02 80 00 08 000a 64400002 04be"},
		{&fasttrack.Promote{}, false, "4b 03 80 00 00"},
		{&fasttrack.Query{Flood: 0x0102030405060708, TTL: 6, Hops: 1, Search: search}, true,
			"4b 06 c0 00 1f 0102030405060708 06 01 0001 0064 0007 01 bf 02 05 00 04 'blue' 00 03 02 'xy'"},
		{&fasttrack.Hits{Flood: 0x0102030405060708, Hops: 2, Results: results}, true, "4b 07 80 00 6a 0102030405060708 02 " + found},
	}
}

// Every message has these bytes, and comes back from them.
func TestGoldenBytes(t *testing.T) {
	for _, g := range goldens(t) {
		want := unhex(t, g.wire)
		if got := string(p2ptest.Encode(t, fasttrack.NewClear(!g.acceptor)(), g.m)); got != want {
			t.Errorf("%T%+v is written\n%x, want\n%x", g.m, g.m, got, want)
		}
		got, n, err := fasttrack.NewClear(g.acceptor)().Next([]byte(want), false)
		if err != nil || n != len(want) || !p2ptest.Same(got, g.m) {
			t.Errorf("%x is read as %T%+v, %d bytes, %v", want, got, got, n, err)
		}
	}
}

// All messages one after the other, so that the order of the bytes in the frames'
// heads changes.
func TestRoundTrip(t *testing.T) {
	for _, acceptor := range []bool{false, true} {
		var all []p2p.Msg
		for range 4 {
			for _, g := range goldens(t) {
				if g.acceptor == acceptor {
					all = append(all, g.m)
				}
			}
		}
		p2ptest.RoundTrip(t, fasttrack.NewClear(acceptor), all...)
	}
	p2ptest.RoundTrip(t, fasttrack.NewTransfer,
		&fasttrack.Give{ID: 12345}, &fasttrack.Get{Hash: hello(t).Hash, Host: addr(t, selfText), Network: "KaZaA", User: "bob", Range: "bytes=0-4", Keep: true},
		&fasttrack.Response{Code: 206, Off: 1, Length: 4, Total: 5, User: "eve", Keep: true}, &fasttrack.Body{Data: p2p.Content{Len: 4}},
		&fasttrack.Response{Code: 503, Retry: 9})
	for _, m := range []p2p.Msg{&fasttrack.Probe{Cipher: 0x29, Network: "KaZaA"}, &fasttrack.Probed{Supernode: true, Cipher: 0x29, Load: 40, Network: "KaZaA"},
		&fasttrack.PushOn{PushWanted: fasttrack.PushWanted{Push: fasttrack.Push{ID: 9, To: 1}, User: "bob"}}} {
		p2ptest.RoundTrip(t, fasttrack.NewDatagrams, m)
	}
}

// What datagrams are made of: a ping and its answer, of a supernode and of another.
func TestGoldenDatagrams(t *testing.T) {
	for want, m := range map[string]p2p.Msg{
		"27 00000029 80 'KaZaA' 00":                                    &fasttrack.Probe{Cipher: 0x29, Network: "KaZaA"},
		"28 00000029 00 000000 28 00 'KaZaA' 00":                       &fasttrack.Probed{Supernode: true, Cipher: 0x29, Load: 40, Network: "KaZaA"},
		"29 00000029 00 000000 00 00 'KaZaA' 00":                       &fasttrack.Probed{Cipher: 0x29, Network: "KaZaA"},
		"8d 00000009 000000000001 000000000000" + "000000000000 'bob'": &fasttrack.PushOn{PushWanted: fasttrack.PushWanted{Push: fasttrack.Push{ID: 9, To: 1}, User: "bob"}},
	} {
		if got := string(p2ptest.Encode(t, fasttrack.NewDatagrams(), m)); got != unhex(t, want) {
			t.Errorf("%T is %x, want %s", m, got, want)
		}
	}
}

// A stranger's lengths are checked.
func TestFramesRefused(t *testing.T) {
	for what, wire := range map[string]string{
		"no such mark":              "51",
		"results beyond the frame":  "4b 07 00 00 0a 64400001 04be 0007 ffff",
		"terms without end":         "4b 06 00 00 09 0001 0064 0007 01 bf ff",
		"a tag beyond the frame":    "4b 22 00 00 1b 00 01 00 00 " + hashHex + " 01 05 01",
		"a packed number too long":  "4b 22 00 00 1d 00 01 00 00 " + hashHex + " ffffffffff",
		"a user without end":        "4b 02 00 01 10 64400002 04be 9b 00" + strings.Repeat("41", 0x108),
		"bytes after the last":      "4b 2c 00 00 05 6440000200",
		"a result's user, no end":   "4b 07 00 00 2c 64400001 04be 0007 0001 64400002 04be 9b" + strings.Repeat("41", 27),
		"same user as before first": "4b 07 00 00 29 64400001 04be 0007 0001 64400002 04be 9b 02 00" + hashHex + "010500",
	} {
		m, _, err := fasttrack.NewClear(true)().Next([]byte(unhex(t, wire)), false)
		if strings.HasPrefix(what, "same user") { // is a user whose name is the byte 2
			continue
		}
		if err == nil {
			t.Errorf("%s: read as %T%+v", what, m, m)
		}
	}
}

// naive is UUHash as its description reads, bit by bit.
func naive(b []byte) string {
	size := len(b)
	head := md5.Sum(b[:min(size, 307200)])
	crc := uint32(0xFFFFFFFF)
	feed := func(part []byte) {
		for _, c := range part {
			crc ^= uint32(c)
			for range 8 {
				if crc&1 != 0 {
					crc = crc>>1 ^ 0xEDB88320
				} else {
					crc >>= 1
				}
			}
		}
	}
	end := min(size, 307200)
	for off := 1 << 20; off+614400 < size; off *= 2 {
		feed(b[off : off+307200])
		end = off + 307200
	}
	feed(b[max(end, size-307200):])
	return string(binary.LittleEndian.AppendUint32(head[:], crc^uint32(size)))
}

// The hash is what its description says, however the bytes come; and it does not
// see what lies between its samples.
func TestUUHash(t *testing.T) {
	const mib = 1 << 20
	whole := make([]byte, 3*mib+100)
	for i := range whole {
		whole[i] = byte(i * i >> 7)
	}
	for _, size := range []int{0, 5, 307_200, 307_201, 600_000, 614_401, mib + 614_400, mib + 614_401, 2 * mib, 3*mib + 100} {
		for _, piece := range []int{1000, 300_001, len(whole)} {
			h := fasttrack.NewUUHash(int64(size))()
			for b := whole[:size]; len(b) > 0; b = b[min(piece, len(b)):] {
				h.Write(b[:min(piece, len(b))])
			}
			if got := string(h.Sum(nil)); got != naive(whole[:size]) {
				t.Errorf("%d bytes in pieces of %d: %x, want %x", size, piece, got, naive(whole[:size]))
			}
		}
	}
	polluted := bytes.Clone(whole)
	polluted[400_000]++ // between the first 300 KiB and the first MiB
	if naive(polluted) != naive(whole) {
		t.Error("the hash sees all")
	}
	polluted[mib+1]++
	if naive(polluted) == naive(whole) {
		t.Error("the hash does not see its samples")
	}
	if crc32.ChecksumIEEE([]byte("123456789")) != 0xCBF43926 { // the polynomial above
		t.Error("another CRC-32")
	}
}

// The checksum is CRC-16 of polynomial 1021 and no initial value: of "123456789" it
// would be 31c3; here, of 20 bytes, its lower 14 bits.
func TestChecksum(t *testing.T) {
	var h fasttrack.Hash
	copy(h[11:], "123456789") // zeros before do not change it
	if got := fasttrack.Checksum(h); got != 0x31c3 {
		t.Errorf("%04x, want 31c3", got)
	}
}

func FuzzSession(f *testing.F) {
	var seeds [][]byte
	for _, g := range goldens(f) {
		seeds = append(seeds, []byte(unhex(f, g.wire)))
	}
	all := bytes.Join(seeds, nil)
	p2ptest.FuzzCodec(f, fasttrack.NewClear(true), append(seeds, all)...)
}

func FuzzChild(f *testing.F) {
	var seeds [][]byte
	for _, g := range goldens(f) {
		seeds = append(seeds, []byte(unhex(f, g.wire)))
	}
	p2ptest.FuzzCodec(f, fasttrack.NewClear(false), seeds...)
}

func FuzzHandshake(f *testing.F) {
	p2ptest.FuzzCodec(f, fasttrack.NewAcceptor, []byte(unhex(f, "fa00b62b facb1238 3209d232 00")))
}

func FuzzTransfer(f *testing.F) {
	p2ptest.FuzzCodec(f, fasttrack.NewTransfer,
		[]byte("GET /.hash=5d41402abc4b2a76b9719d911017c592faffffff HTTP/1.0\r\nX-Kazaa-Network: KaZaA\r\nRange: bytes=0-4\r\n\r\n"),
		[]byte("GIVE 12345\r\n\r\nHTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/5\r\n\r\nhelloHTTP/1.0 503 X\r\nRetry-After: 9\r\n\r\n"))
}

func FuzzDatagrams(f *testing.F) {
	p2ptest.FuzzCodec(f, fasttrack.NewDatagrams, []byte(unhex(f, "27 00000029 80 'KaZaA' 00")),
		[]byte(unhex(f, "28 00000029 00 000000 28 00 'KaZaA' 00")), []byte(unhex(f, "8d 00000009 000000000001 000000000000 000000000000 'bob'")))
}
