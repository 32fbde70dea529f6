package fasttrack_test

import (
	"bytes"
	"crypto/md5"
	"slices"
	"strings"
	"testing"
	"time"

	"peerbed/protocols/fasttrack"
	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
)

// Sessions with open clients: what giFT and mldonkey say, typed from what is known
// of their wire and not written by our codec, and what they insist on.

// A foreign is the other side of a session: a client's, or a supernode's. Its cipher
// is the one that TestCipherVectors holds against theirs; its frames are made here.
type foreign struct {
	*stream
	t                  testing.TB
	encipher, decipher func([]byte)
	out, in            uint32 // states of the frames' heads
	plain              []byte
}

const (
	clientHello   = "fa00b62b facb1238 3209d232" // that of giFT and of mldonkey: it asks for type 29
	ourHello      = "fa00b62b facb1238 3209d25b" // for type 40
	ourWelcome    = "00000000 48a00a73"
	clientSeed    = 0xfacb1238
	supernodeSeed = 0
)

// client is an open client that has dialled our supernode and knows its network.
func (d *desk) client(from string) *foreign {
	d.T.Helper()
	f := &foreign{t: d.T, stream: d.Call(from, unhex(d.T, clientHello)), out: 0x51, in: 0x51}
	said := f.stream.Said()
	if want := unhex(d.T, ourWelcome); !strings.HasPrefix(said, want) {
		d.T.Fatalf("the supernode says %x; want %x first", said, want)
	}
	f.encipher = fasttrack.Keystream(fasttrack.Plain, clientSeed^supernodeSeed)
	f.decipher = fasttrack.Keystream(fasttrack.Plain, supernodeSeed)
	f.take(said[8:])
	f.Hears("'KaZaA' 00")
	f.write("'KaZaA' 00")
	return f
}

// in is a client that has logged in, and has heard what it needs: a list with a
// supernode in it, that its shares are wanted, its address.
func (d *desk) in(from, name, port string) *foreign {
	d.T.Helper()
	f := d.client(from)
	ip := from[:strings.IndexByte(from, ':')]
	hex := map[string]string{"100.64.0.2": "64400002", "100.64.0.3": "64400003"}[ip]
	f.frame(0x02, hex+port+" 9b 00 '"+name+"'")
	if list := f.heard(0x00); !strings.HasPrefix(list, unhex(d.T, "64400001 04be")) || len(list)%8 != 0 {
		d.T.Fatalf("the list of supernodes is %x", list)
	}
	f.hearsFrame(0x03, "")
	f.hearsFrame(0x2c, hex)
	return f
}

// write says bytes, enciphered.
func (f *foreign) write(text string) {
	f.t.Helper()
	b := []byte(unhex(f.t, text))
	f.encipher(b)
	f.Say(string(b))
}

// frame says a frame.
func (f *foreign) frame(kind uint16, payload string) {
	f.t.Helper()
	b := unhex(f.t, payload)
	tl, th, ll, lh := byte(kind), byte(kind>>8), byte(len(b)), byte(len(b)>>8)
	head := map[uint32][]byte{0: {tl, th, lh, ll}, 1: {th, lh, tl, ll}, 2: {th, ll, lh, tl}}[f.out%3]
	f.out ^= ^(uint32(kind) + uint32(len(b)))
	whole := append(append([]byte{0x4b}, head...), b...)
	f.encipher(whole)
	f.Say(string(whole))
}

// take deciphers what the node has said.
func (f *foreign) take(said string) {
	b := []byte(said)
	f.decipher(b)
	f.plain = append(f.plain, b...)
}

// Hears checks the next bytes.
func (f *foreign) Hears(text string) {
	f.t.Helper()
	f.take(f.stream.Said())
	want := unhex(f.t, text)
	if !bytes.HasPrefix(f.plain, []byte(want)) {
		f.t.Fatalf("heard %x, want %x", f.plain, want)
	}
	f.plain = f.plain[len(want):]
}

// silent checks that nothing has been said.
func (f *foreign) silent() {
	f.t.Helper()
	if f.take(f.stream.Said()); len(f.plain) > 0 {
		f.t.Fatalf("heard %x, want nothing", f.plain)
	}
}

// heard returns the payload of the next frame, which must be of that type.
func (f *foreign) heard(kind uint16) string {
	f.t.Helper()
	f.take(f.stream.Said())
	if len(f.plain) < 5 || f.plain[0] != 0x4b {
		f.t.Fatalf("heard %x, want a frame of type %02x", f.plain, kind)
	}
	h := f.plain[1:5]
	var tl, th, ll, lh byte
	switch f.in % 3 {
	case 0:
		tl, th, lh, ll = h[0], h[1], h[2], h[3]
	case 1:
		th, lh, tl, ll = h[0], h[1], h[2], h[3]
	case 2:
		th, ll, lh, tl = h[0], h[1], h[2], h[3]
	}
	got, n := uint16(th)<<8|uint16(tl), int(lh)<<8|int(ll)
	if got != kind || len(f.plain) < 5+n {
		f.t.Fatalf("heard a frame of type %02x and %d bytes in %x, want type %02x", got, n, f.plain, kind)
	}
	f.in ^= ^(uint32(got) + uint32(n))
	payload := string(f.plain[5 : 5+n])
	f.plain = f.plain[5+n:]
	return payload
}

func (f *foreign) hearsFrame(kind uint16, payload string) {
	f.t.Helper()
	if got, want := f.heard(kind), unhex(f.t, payload); got != want {
		f.t.Fatalf("the frame of type %02x is\n%x, want\n%x", kind, got, want)
	}
}

const (
	songShare  = "00 01 0000 " + songFile
	songFile   = hashHex + " 8123 05 01 02 0d 'Blue Song.mp3'"
	askForBlue = "0001 0064 0007 01 3f 01 05 00 09 'song BLUE'" // with the realm of mldonkey
	songFound  = "64400001 04be 0007 0001 64400002 04be 9b 'alice' 01 'KaZaA' 00 " + songFile
)

// Login, share, search, its end, unshare, ping.
func TestSessionShareAndSearch(t *testing.T) {
	d := newDesk(t, "role=supernode")
	alice, bob := d.in("100.64.0.2:40000", "alice", "04be"), d.in("100.64.0.3:40000", "bob", "04bf")
	alice.frame(0x22, songShare)
	bob.frame(0x06, askForBlue)
	bob.hearsFrame(0x07, songFound)
	bob.silent()
	d.Pass(2 * time.Second)
	bob.hearsFrame(0x08, "0007")

	bob.frame(0x06, "0001 0064 0008 01 bf 01 00 03 14 "+hashHex) // by hash
	bob.hearsFrame(0x07, strings.Replace(songFound, "0007", "0008", 1))
	bob.frame(0x06, "0001 0064 0009 01 a2 01 05 00 04 'blue'")             // among videos
	bob.frame(0x06, "0001 0064 000a 01 bf 02 05 00 04 'blue' 04 21 01 06") // of 6 bytes and more
	alice.frame(0x06, strings.Replace(askForBlue, "0007", "000b", 1))      // her own are not for her
	alice.frame(0x05, songFile)
	bob.frame(0x06, strings.Replace(askForBlue, "0007", "000c", 1))
	d.Pass(2 * time.Second)
	for _, id := range []string{"0008", "0009", "000a", "000c"} {
		bob.hearsFrame(0x08, id)
	}
	alice.hearsFrame(0x08, "000b")
	alice.write("50")
	alice.Hears("52")
	alice.frame(0x09, "00000001") // statistics, which nobody wants
	alice.silent()
	if alice.Over || bob.Over {
		t.Error("a session has ended")
	}
}

// Our node searches, and fetches from an open client.
func TestSessionFetchFromClient(t *testing.T) {
	d := newDesk(t, "role=supernode")
	d.in("100.64.0.2:40000", "alice", "04be").frame(0x22, songShare)
	var got *p2p.Result
	d.Node.Do(p2p.Fetch{Name: "Blue Song.mp3"}, func(r p2p.Result) { got = &r })
	d.Pass(time.Second)
	s := d.Last()
	if s.Peer.Addr != addr(t, "100.64.0.2:1214") {
		t.Fatalf("it dials %v", s.Peer.Addr)
	}
	s.Hears("GET /.hash=5d41402abc4b2a76b9719d911017c592faffffff HTTP/1.1\r\nUser-Agent: peerbed/1\r\nHost: 100.64.0.2:1214\r\n" +
		"X-Kazaa-Network: KaZaA\r\nX-Kazaa-Username: " + selfUser + "\r\nRange: bytes=0-4\r\nConnection: Keep-Alive\r\n\r\n")
	s.Say("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/5\r\nContent-Length: 5\r\nServer: giFT-FastTrack\r\nX-Kazaa-IP: 100.64.0.2:1214\r\nX-KazaaTag: 4=Blue\r\n\r\nhello")
	if got == nil || got.Err != nil || string(d.Files["Blue Song.mp3"]) != "hello" || got.Found[0] != s.Peer.Addr {
		t.Errorf("fetched %q: %+v", d.Files["Blue Song.mp3"], got)
	}
}

// An open client without a port is asked by Push: it dials, says GIVE, and is asked.
func TestSessionFetchFromFirewalledClient(t *testing.T) {
	d := newDesk(t, "role=supernode")
	alice := d.in("100.64.0.2:40000", "alice", "0000")
	alice.frame(0x22, songShare)
	var got *p2p.Result
	d.Node.Do(p2p.Fetch{Name: "Blue Song.mp3"}, func(r p2p.Result) { got = &r })
	d.Pass(time.Second)
	push := alice.heard(0x0d)
	if len(push) != 10 || push[4:] != unhex(t, "64400001 04be") {
		t.Fatalf("the push is %x", push)
	}
	id := uint32(push[0])<<24 | uint32(push[1])<<16 | uint32(push[2])<<8 | uint32(push[3])
	s := d.Call("100.64.0.2:40001", "GIVE "+decimal(id)+"\r\n\r\n")
	if said := s.Said(); !strings.HasPrefix(said, "GET /.hash=5d41402abc4b2a76b9719d911017c592faffffff HTTP/1.1\r\n") {
		t.Fatalf("after GIVE it says %q", said)
	}
	s.Say("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello")
	if got == nil || got.Err != nil || string(d.Files["Blue Song.mp3"]) != "hello" {
		t.Errorf("fetched %q: %+v", d.Files["Blue Song.mp3"], got)
	}
	if s := d.Call("100.64.0.2:40002", "GIVE 4711\r\n"); !s.Over {
		t.Error("a GIVE that nobody waits for")
	}
}

func decimal(n uint32) string {
	var digits []byte
	for ; n > 0; n /= 10 {
		digits = append([]byte{byte('0' + n%10)}, digits...)
	}
	return string(digits)
}

// An open client finds what our node shares, gets it, a part of it too, and has a
// push done.
func TestSessionClientFetches(t *testing.T) {
	d := newDesk(t, "role=supernode")
	d.Publish("Red Song.mp3", "hello")
	bob := d.in("100.64.0.3:40000", "bob", "04bf")
	bob.frame(0x06, "0001 0064 0007 01 bf 01 05 00 03 'red'")
	bob.hearsFrame(0x07, "64400001 04be 0007 0001 64400001 04be c7 '"+selfUser+"' 01 'KaZaA' 00 "+hashHex+
		checksumOf(t, "hello")+" 05 01 02 0c 'Red Song.mp3'")

	s := d.Call("100.64.0.3:40001", "GET /.hash=5D41402ABC4B2A76B9719D911017C592FAFFFFFF HTTP/1.0\r\nUserAgent: giFT-FastTrack\r\nX-Kazaa-Network: KaZaA\r\nX-Kazaa-Username: bob\r\nRange: bytes=1-3\r\n\r\n")
	s.Hears("HTTP/1.1 206 Partial Content\r\nServer: peerbed/1\r\nContent-Length: 3\r\nContent-Range: bytes 1-3/5\r\nX-Kazaa-Username: " + selfUser + "\r\nConnection: close\r\n\r\nell")
	if !s.Over {
		t.Error("the stream of HTTP/1.0 stays")
	}
	s = d.Call("100.64.0.3:40001", "GET /.hash=00000000000000000000000000000000ffffffff HTTP/1.0\r\n\r\n")
	if said := s.Said(); !strings.HasPrefix(said, "HTTP/1.1 404 Not Found\r\n") {
		t.Errorf("what it does not have is answered %q", said)
	}

	bob.frame(0x0d, "000004d2 64400003 04bf 64400001 04be 64400001 04be '"+selfUser+"'")
	s = d.Last()
	if s.Peer.Addr != addr(t, "100.64.0.3:1215") {
		t.Fatalf("a push to bob dials %v", s.Peer.Addr)
	}
	s.Hears("GIVE 1234\r\n")
	s.Say("GET /.hash=5d41402abc4b2a76b9719d911017c592faffffff HTTP/1.0\r\n\r\n")
	if said := s.Said(); !strings.HasSuffix(said, "\r\n\r\nhello") {
		t.Errorf("after GIVE it is asked, and says %q", said)
	}
}

// checksumOf is the checksum of a file's hash as a packed number in hex, worked out
// bit by bit.
func checksumOf(t testing.TB, content string) string {
	sum := md5.Sum([]byte(content))
	crc := uint32(0)
	for _, b := range append(sum[:], unhex(t, "faffffff")...) {
		for i := 7; i >= 0; i-- {
			top := crc>>15&1 ^ uint32(b)>>i&1
			crc = crc << 1 & 0xffff
			if top == 1 {
				crc ^= 0x1021
			}
		}
	}
	crc &= 0x3fff
	return strings.ToLower(" " + hexByte(byte(crc>>7)|0x80) + hexByte(byte(crc)&0x7f))
}

func hexByte(b byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[b>>4], digits[b&15]})
}

// A push that one client wants of another goes through the supernode; one to a child
// of another supernode goes there as a datagram of our own.
func TestSessionPushBetweenClients(t *testing.T) {
	d := newDesk(t, "role=supernode")
	alice, bob := d.in("100.64.0.2:40000", "alice", "0000"), d.in("100.64.0.3:40000", "bob", "04bf")
	bob.frame(0x0d, "000004d2 64400003 04bf 64400002 0000 64400001 04be 'alice'")
	alice.hearsFrame(0x0d, "000004d2 64400003 04bf")
	bob.frame(0x0d, "000004d3 64400003 04bf 64400009 0000 64400008 04be 'carol'")
	if len(d.Sent) != 1 || d.Sent[0] != (p2ptest.Datagram{To: addr(t, "100.64.0.8:1214"), Bytes: unhex(t, "8d 000004d3 64400003 04bf 64400009 0000 64400008 04be 'carol'")}) {
		t.Errorf("sent %+v", d.Sent)
	}
	d.Node.Handle(addr(t, "100.64.0.8:1214").Peer(), &fasttrack.PushOn{PushWanted: fasttrack.PushWanted{
		Push: fasttrack.Push{ID: 9, To: addr(t, "100.64.0.9:1")}, Who: addr(t, "100.64.0.2:0"), User: "alice"}})
	alice.hearsFrame(0x0d, "00000009 64400009 0001")
}

// Our node is the child of a supernode of others: it shares when it is asked to,
// searches, and fetches.
func TestSessionWithForeignSupernode(t *testing.T) {
	super := addr(t, "100.64.0.9:1214")
	d := newDeskOf(t, &p2p.State{Detail: fasttrack.Detail{Role: "ordinary", Parent: super}}, "role=ordinary")
	d.Publish("Red Song.mp3", "hello")
	s := d.Streams[0]
	s.Stands()
	s.Hears(unhex(t, ourHello))
	f := &foreign{t: t, stream: s, out: 0x51, in: 0x51}
	f.encipher = fasttrack.Keystream(fasttrack.Plain, 0x12345678)
	f.decipher = fasttrack.Keystream(fasttrack.Plain, clientSeed^0x12345678)
	s.Say(unhex(t, "12345678 0a560302")) // another seed, whose mask is known: type 40
	f.write("'KaZaA' 00")
	f.Hears("'KaZaA' 00")
	f.hearsFrame(0x02, "64400001 04be c7 00 '"+selfUser+"'")
	f.frame(0x09, strings.Repeat("00", 60))
	f.frame(0x00, "64400009 04be 00 10 64400008 04be 05 20")
	f.frame(0x03, "")
	f.hearsFrame(0x22, "00 01 0000 "+hashHex+checksumOf(t, "hello")+" 05 01 02 0c 'Red Song.mp3'")
	var got *p2p.Result
	d.Node.Do(p2p.Find{Name: "blue song.mp3"}, func(r p2p.Result) { got = &r })
	asked := f.heard(0x06)
	if asked[:4] != unhex(t, "0001 0064") || asked[6:] != unhex(t, "01 bf 01 05 00 0d 'blue song.mp3'") {
		t.Errorf("it asks %x", asked)
	}
	f.frame(0x07, "64400009 04be "+hexByte(asked[4])+hexByte(asked[5])+songFound[len("64400001 04be 0007"):])
	f.frame(0x08, hexByte(asked[4])+hexByte(asked[5]))
	if got == nil || got.Err != nil || len(got.Found) != 1 || got.Found[0] != addr(t, "100.64.0.2:1214") || got.Hops != 1 {
		t.Errorf("found %+v", got)
	}
	f.frame(0x0d, "000004d2 64400003 04bf")
	if push := d.Last(); push.Peer.Addr != addr(t, "100.64.0.3:1215") || push.Said() != "GIVE 1234\r\n" {
		t.Errorf("a push is obeyed by a stream to %v", push.Peer.Addr)
	}
	var removed *p2p.Result
	d.Node.Do(p2p.Remove{Name: "Red Song.mp3"}, func(r p2p.Result) { removed = &r })
	f.hearsFrame(0x05, hashHex+checksumOf(t, "hello")+" 05 01 02 0c 'Red Song.mp3'")
	f.Hears("50") // is that done?
	if removed != nil {
		t.Error("removed before the supernode has said so")
	}
	f.write("52")
	if removed == nil || removed.Err != nil {
		t.Errorf("removed: %+v", removed)
	}
	d.Pass(6 * time.Second)
	f.Hears("50")
	d.Pass(12 * time.Second) // and no answer: it turns to the other that it has heard of
	if !s.Over || !slices.ContainsFunc(d.Streams, func(s *stream) bool { return s.Peer.Addr == addr(t, "100.64.0.8:1214") }) {
		t.Error("after a silence of the supernode it does not dial the other")
	}
}

// A supernode that is full names others and closes.
func TestSessionFull(t *testing.T) {
	d := newDesk(t, "role=supernode", "children=1")
	d.in("100.64.0.2:40000", "alice", "04be")
	bob := d.client("100.64.0.3:40000")
	bob.frame(0x02, "64400003 04be 9b 00 'bob'")
	if list := bob.heard(0x00); list != "" || !bob.Over {
		t.Errorf("a full supernode says %x, closed %v", list, bob.Over)
	}
}

// Whoever uses the other cipher, whose type we know but do not choose, is understood.
func TestSessionTableCipher(t *testing.T) {
	super := addr(t, "100.64.0.9:1214")
	d := newDeskOf(t, &p2p.State{Detail: fasttrack.Detail{Role: "ordinary", Parent: super}}, "role=ordinary")
	s := d.Streams[0]
	s.Stands()
	s.Hears(unhex(t, ourHello))
	f := &foreign{t: t, stream: s, out: 0x51, in: 0x51}
	f.encipher = fasttrack.Keystream(fasttrack.Table, 1)
	f.decipher = fasttrack.Keystream(fasttrack.Table, clientSeed^1)
	s.Say(unhex(t, "00000001 0a2440c5"))
	f.write("'KaZaA' 00")
	f.Hears("'KaZaA' 00")
	s = d.Streams[0]
	if s.Over {
		t.Error("the session has ended")
	}
}

// An ordinary node is no supernode, and says so to those who ask.
func TestSessionOrdinary(t *testing.T) {
	d := newDeskOf(t, &p2p.State{}, "role=ordinary")
	if s := d.Call("100.64.0.2:40000", unhex(t, clientHello)); !s.Over || s.Said() != "" {
		t.Error("an ordinary node takes a session")
	}
	d.Node.Handle(addr(t, "100.64.0.2:1214").Peer(), &fasttrack.Probe{Cipher: 0x29, Network: "KaZaA"})
	if len(d.Sent) != 1 || d.Sent[0].Bytes != unhex(t, "29 00000029 00 000000 00 00 'KaZaA' 00") {
		t.Errorf("a probe is answered %+v", d.Sent)
	}
}
