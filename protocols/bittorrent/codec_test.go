package bittorrent_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"peerbed/protocols/bittorrent"
	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
)

var (
	hash  = bittorrent.Hash([]byte("\x12\x34\x56\x78\x9a\xbc\xde\xf1#Eg\x89\xab\xcd\xef\x12#Eg\x89"))
	id    = bittorrent.ID([]byte("-PB0001-abcdefghijkl"))
	addrs = []p2p.Addr{p2p.MakeAddr(10<<24|1, 6881), p2p.MakeAddr(100<<24|64<<16|2, 51413)}
	block = bittorrent.Block{Piece: 3, Begin: 16384, Len: 16384}
)

// frames are one of each message between peers, after a handshake.
func frames() []p2p.Msg {
	return []p2p.Msg{
		&bittorrent.KeepAlive{}, &bittorrent.Choke{}, &bittorrent.Unchoke{}, &bittorrent.Interested{}, &bittorrent.NotInterested{},
		&bittorrent.Have{Piece: 7}, &bittorrent.Bitfield{Bits: []byte{0xa0, 1}}, &bittorrent.Request{Block: block},
		&bittorrent.Piece{Index: 3, Begin: 16384, Len: 5, Data: p2p.Content{Blob: "x", Len: 5}}, &bittorrent.Cancel{Block: block},
		&bittorrent.Suggest{Piece: 1}, &bittorrent.HaveAll{}, &bittorrent.HaveNone{}, &bittorrent.Reject{Block: block}, &bittorrent.AllowedFast{Piece: 2},
		&bittorrent.Extended{Metadata: 2, Pex: 1, InfoLen: 90, Port: 7000, Version: "peerbed/1"},
		&bittorrent.Metadata{To: 2, Type: 1, Piece: 0, Total: 3, Data: []byte("abc")}, &bittorrent.Metadata{To: 2, Piece: 4},
		&bittorrent.Pex{To: 1, Added: addrs, Dropped: addrs[:1]},
	}
}

func handshake() *bittorrent.Handshake {
	return &bittorrent.Handshake{Reserved: [8]byte{5: 0x10, 7: 4}, Hash: hash, ID: id}
}

func texts() []p2p.Msg {
	return []p2p.Msg{
		&bittorrent.Announce{Hash: hash, ID: id, Port: 7000, Uploaded: 1, Downloaded: 2, Left: 3, Event: bittorrent.Started, Want: 50, Host: "10.0.0.1:7000", Path: "/announce"},
		&bittorrent.Announce{Hash: hash, ID: id, Port: 7000, Want: -1, Host: "x:1", Path: "/announce"},
		&bittorrent.Announced{Interval: 30 * time.Second, Complete: 1, Incomplete: 2, Peers: addrs}, &bittorrent.Announced{Failure: "no"},
		&bittorrent.Wanted{Name: "a b+&%.iso"}, &bittorrent.Wanted{Name: "ü", Meta: true}, &bittorrent.Offer{Name: "x", Meta: []byte("d4:infode")},
		&bittorrent.Given{Hash: hash, Meta: []byte("de"), Seeds: addrs}, &bittorrent.Refused{Code: 404},
	}
}

func packets() []p2p.Msg {
	tag := p2p.Tag{ID: 0x01020304}
	return []p2p.Msg{
		&bittorrent.UDPConnect{Tag: tag}, &bittorrent.UDPConnected{Tag: tag, Conn: 1<<63 | 5},
		&bittorrent.UDPAnnounce{Tag: tag, Conn: 1<<63 | 5, Hash: hash, ID: id, Downloaded: 1, Left: 2, Uploaded: 3, Event: bittorrent.Completed, Key: 9, Want: -1, Port: 7000},
		&bittorrent.UDPAnnounced{Tag: tag, Interval: 1800, Leechers: 1, Seeds: 2, Peers: addrs},
		&bittorrent.UDPScrape{Tag: tag, Conn: 1<<63 | 5, Hashes: []bittorrent.Hash{hash}},
		&bittorrent.UDPScraped{Tag: tag, Counts: [][3]uint32{{1, 2, 3}}}, &bittorrent.UDPError{Tag: tag, Text: "no"},
	}
}

func TestRoundTrip(t *testing.T) {
	p2ptest.RoundTrip(t, bittorrent.NewFrames, append([]p2p.Msg{handshake()}, frames()...)...)
	p2ptest.RoundTrip(t, bittorrent.NewTracking, texts()...)
	p2ptest.RoundTrip(t, bittorrent.NewPackets, packets()...)
}

// The bytes are those of the BEPs, worked out by hand.
func TestGoldenBytes(t *testing.T) {
	for i, want := range []string{
		"00000000", "0000000100", "0000000101", "0000000102", "0000000103", "000000050400000007", "0000000305a001",
		"0000000d06000000030000400000004000", "0000000e0700000003000040000007" + "0e151c", "0000000d08000000030000400000004000",
		"000000050d00000001", "000000010e", "000000010f", "0000000d10000000030000400000004000", "000000051100000002",
		"000000501400" + hex.EncodeToString([]byte("d1:md11:ut_metadatai2e6:ut_pexi1ee13:metadata_sizei90e1:pi7000e1:v9:peerbed/1e")),
	} {
		m := frames()[i]
		if got := hex.EncodeToString(p2ptest.Encode(t, bittorrent.NewFrames(), m)); got != want {
			t.Errorf("%T is written as %s, want %s", m, got, want)
		}
	}
	want := "13426974546f7272656e742070726f746f636f6c0000000000100004" + hash.String() + hex.EncodeToString(id[:])
	if got := hex.EncodeToString(p2ptest.Encode(t, bittorrent.NewFrames(), handshake())); got != want {
		t.Errorf("the handshake is %s, want %s", got, want)
	}
	for i, want := range map[int]string{
		0: "00000417271019800000000001020304",
		1: "00000000010203048000000000000005",
		2: "8000000000000005" + "00000001" + "01020304" + hash.String() + hex.EncodeToString(id[:]) +
			"000000000000000100000000000000020000000000000003" + "00000001" + "00000000" + "00000009" + "ffffffff" + "1b58",
		3: "0000000101020304" + "00000708" + "00000001" + "00000002" + "0a0000011ae1" + "64400002c8d5",
	} {
		if got := hex.EncodeToString(p2ptest.Encode(t, bittorrent.NewPackets(), packets()[i])); got != want {
			t.Errorf("%T is written as %s, want %s", packets()[i], got, want)
		}
	}
	text := string(p2ptest.Encode(t, bittorrent.NewTracking(), texts()[0]))
	line := "GET /announce?info_hash=%124Vx%9A%BC%DE%F1%23Eg%89%AB%CD%EF%12%23Eg%89&peer_id=-PB0001-abcdefghijkl" +
		"&port=7000&uploaded=1&downloaded=2&left=3&compact=1&numwant=50&event=started HTTP/1.1\r\n"
	if !strings.HasPrefix(text, line) { // the hash is the example of the specification's wiki
		t.Errorf("announce is %q, want %q", text, line)
	}
}

// A tracker of others answers in its own way.
func TestForeignAnswers(t *testing.T) {
	for text, want := range map[string]string{
		"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nd8:intervali1800e5:peersld2:ip8:10.0.0.17:peer id20:aaaaaaaaaaaaaaaaaaaa4:porti6881eeee": "[10.0.0.1:6881] 30m0s",
		"HTTP/1.1 200 OK\r\nContent-Length: 56\r\n\r\nd8:completei1e10:incompletei0e8:intervali60e5:peers0:e--":                                      "",
		"HTTP/1.1 200 OK\r\n\r\nd14:failure reason7:unknown8:intervali60ee":                                                                          "unknown",
	} {
		m, _, err := bittorrent.NewTracking().Next([]byte(text), true)
		got := ""
		if a, ok := m.(*bittorrent.Announced); ok && a.Failure != "" {
			got = a.Failure
		} else if ok && len(a.Peers) > 0 {
			got = fmt.Sprint(a.Peers, " ", a.Interval)
		}
		if got != want || err != nil && want != "" {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
	if m, _, err := bittorrent.NewPackets().Next([]byte{0, 0, 0, 1, 0, 0, 0, 9}, true); m != nil || err == nil {
		t.Errorf("an announce answer of 8 bytes, as opentracker sends: %v, %v", m, err)
	}
}

func TestAccept(t *testing.T) {
	for first, known := range map[string]bool{"\x13BitTorr": true, "GET /ann": true, "PUT /tor": true, "\x13BitTorX": false,
		"A\x02xxxxxx": false, "POST /a ": false} {
		c, err := bittorrent.Accept([]byte(first))
		if (c != nil) != known || (err == nil) != known {
			t.Errorf("%q: %v, %v", first, c, err)
		}
		if c, err := bittorrent.Accept([]byte(first[:1])); known && (c != nil || err != nil) {
			t.Errorf("%q: %v, %v; want more asked for", first[:1], c, err)
		}
	}
}

func torrent(files string) []byte {
	return []byte("d8:announce19:http://x:1/announce4:infod" + files + "12:piece lengthi32768e6:pieces20:aaaaaaaaaaaaaaaaaaaaee")
}

// What comes from a metainfo file cannot leave the folder, nor claim lengths
// that there are no hashes for.
func TestHostileMetainfo(t *testing.T) {
	good := string(torrent("5:filesld6:lengthi5e4:pathl1:a1:beee4:name3:dir"))
	m, err := bittorrent.ParseMetainfo([]byte(good))
	if err != nil || m.Len != 5 || len(m.Files) != 1 || m.Files[0].Path != "dir/a/b" || m.Pieces() != 1 {
		t.Fatalf("%+v, %v", m, err)
	}
	if again, err := bittorrent.ParseMetainfo(m.Bytes()); err != nil || again.Hash != m.Hash {
		t.Errorf("written and read again: %v, %v", again, err)
	}
	for what, files := range map[string]string{
		"up":        "5:filesld6:lengthi5e4:pathl2:..1:beee4:name3:dir",
		"slash":     "5:filesld6:lengthi5e4:pathl4:a/../eee4:name3:dir",
		"absolute":  "6:lengthi5e4:name4:/etc",
		"name up":   "6:lengthi5e4:name2:..",
		"state":     "6:lengthi5e4:name6:.state",
		"nul":       "6:lengthi5e4:name3:a\x00b",
		"no path":   "5:filesld6:lengthi5e4:pathleee4:name3:dir",
		"negative":  "6:lengthi-5e4:name1:a",
		"too long":  "6:lengthi32769e4:name1:a",
		"huge":      "6:lengthi9223372036854775807e4:name1:a",
		"overflow":  "5:filesld6:lengthi9223372036854775807e4:pathl1:aeed6:lengthi9223372036854775807e4:pathl1:beee4:name3:dir",
		"no length": "4:name1:a",
	} {
		if m, err := bittorrent.ParseMetainfo(torrent(files)); !errors.Is(err, p2p.ErrMalformed) {
			t.Errorf("%s: %+v, %v", what, m, err)
		}
	}
}

func encoded(t testing.TB, c p2p.Codec, msgs ...p2p.Msg) (each [][]byte, all []byte) {
	for _, m := range msgs {
		b := p2ptest.Encode(t, c, m)
		each = append(each, b)
		all = append(all, b...)
	}
	return each, all
}

// FuzzPeer reads a stream between peers.
func FuzzPeer(f *testing.F) {
	_, all := encoded(f, bittorrent.NewFrames(), append([]p2p.Msg{handshake()}, frames()...)...)
	p2ptest.FuzzCodec(f, bittorrent.NewFrames, all, all[:68], append(all[:68:68], 0xff, 0xff, 0xff, 0xff))
}

// FuzzTracker reads HTTP of peers and trackers.
func FuzzTracker(f *testing.F) {
	each, all := encoded(f, bittorrent.NewTracking(), texts()...)
	p2ptest.FuzzCodec(f, bittorrent.NewTracking, append(each, all)...)
}

// FuzzDatagram reads the packets of UDP trackers.
func FuzzDatagram(f *testing.F) {
	each, _ := encoded(f, bittorrent.NewPackets(), packets()...)
	p2ptest.FuzzCodec(f, bittorrent.NewPackets, each...)
}

// FuzzBencode reads values.
func FuzzBencode(f *testing.F) {
	for _, s := range []string{"i-3e", "4:spam", "l4:spami7ee", "d1:ai1e1:bd1:cleee", strings.Repeat("l", 100)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) { bittorrent.CheckValue(b) })
}

// FuzzMetainfo reads torrents: what is taken keeps its bounds, and survives
// being written, and no more memory is taken than a codec might.
func FuzzMetainfo(f *testing.F) {
	f.Add(torrent("5:filesld6:lengthi5e4:pathl1:a1:beee4:name3:dir"))
	f.Add(torrent("6:lengthi5e4:name1:a"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m, err := bittorrent.ParseMetainfo(b)
		runtime.ReadMemStats(&after)
		if took, most := after.TotalAlloc-before.TotalAlloc, 64<<10+p2ptest.Allowance(len(b)); took > most {
			t.Fatalf("%d bytes of metainfo took %d of memory", len(b), took)
		}
		if err != nil {
			return
		}
		total := int64(0)
		for _, file := range m.Files {
			if file.Len < 0 || file.Off != total || strings.Contains("/"+file.Path+"/", "/../") || strings.HasPrefix(file.Path, "/") {
				t.Fatalf("%+v", m)
			}
			total += file.Len
		}
		if again, err := bittorrent.ParseMetainfo(m.Bytes()); total != m.Len || err == nil && (again.Hash != m.Hash || !bytes.Equal(again.Info, m.Info)) {
			t.Fatalf("%+v became %+v, %v", m, again, err)
		}
	})
}
