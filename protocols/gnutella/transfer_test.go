package gnutella_test

import (
	"crypto/sha1"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"peerbed/protocols/gnutella"
	"peerbed/protocols/p2p"
)

// GN6 at the server: GET by index and by hash, HEAD, Range, several requests
// on one stream.
func TestGN6Server(t *testing.T) {
	d := newDesk(t, "uploads=1")
	d.Publish("a b", "hello")
	urn := gnutella.FormatURN(sha1.Sum([]byte("hello")))
	response := func(status, length, more, connection string) string {
		return "HTTP/1.1 " + status + "\r\nServer: peerbed/1\r\nContent-Type: application/binary\r\nContent-Length: " + length +
			"\r\n" + more + "Connection: " + connection + "\r\n\r\n"
	}
	has := "X-Gnutella-Content-URN: " + urn + "\r\n"
	s := d.Call(strangerA, "GET /get/1/a b HTTP/1.1\r\n\r\n")
	s.Hears(response("200 OK", "5", has, "Keep-Alive") + "hello")
	s.Say("GET /get/1/a%20b/ HTTP/1.1\r\nRange: bytes=2-\r\n\r\n")
	s.Hears(response("206 Partial Content", "3", "Content-Range: bytes 2-4/5\r\n"+has, "Keep-Alive") + "llo")
	s.Say("HEAD /uri-res/N2R?" + urn + " HTTP/1.1\r\n\r\n")
	s.Hears(response("200 OK", "5", has, "Keep-Alive"))
	s.Say("GET /get/2/a%20b HTTP/1.1\r\n\r\n")
	s.Hears(response("404 Not Found", "0", "", "Keep-Alive"))
	s.Say("GET /get/1/a%20b HTTP/1.1\r\nRange: bytes=5-\r\n\r\n")
	s.Hears(response("416 Range Not Satisfiable", "0", "", "Keep-Alive"))

	busy := d.Call(strangerB, "GET /get/1/a%20b HTTP/1.1\r\n\r\n")
	busy.Hears(response("503 Busy", "0", "", "close"))

	s.Say("GET /uri-res/N2R?" + urn + " HTTP/1.0\r\nRange: bytes=-1\r\n\r\n")
	s.Hears(response("206 Partial Content", "1", "Content-Range: bytes 4-4/5\r\n"+has, "close") + "o")
	if !s.Over || !busy.Over {
		t.Error("the streams are kept")
	}
}

// A download in a scripted session: it takes the fastest responder, goes on at
// the next from where the first broke, and takes nothing that has the wrong
// hash.
func TestDownloadResumes(t *testing.T) {
	d := newDesk(t)
	link := d.linked(strangerA)
	urn := gnutella.FormatURN(sha1.Sum([]byte("0123456789")))
	var result *p2p.Result
	d.Node.Do(p2p.Fetch{Name: "a b"}, func(r p2p.Result) { result = &r })
	query := link.Said()
	if want := raw(t, "80 07 00 0b000000") + "\x80\x00a b\x00urn:\x00"; query[16:] != want {
		t.Fatalf("the query is %q, want %q", query[16:], want)
	}
	hit := func(host, speed byte, ext string) string {
		file := raw(t, "04000000 0a000000") + "a b\x00" + ext + "\x00"
		payload := "\x01\x58\x1b\x64\x40\x00" + string(host) + string(speed) + "\x00\x00\x00" + file + string(servent[:])
		return query[:16] + "\x81\x05\x00" + string(rune(len(payload))) + "\x00\x00\x00" + payload
	}
	link.Say(hit(7, 50, urn) + hit(8, 90, urn) + hit(9, 99, "no hash"))
	d.Pass(time.Second)

	head := "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 10\r\n\r\n"
	first := d.Last()
	if first.Peer.Addr != addr(t, "100.64.0.8:7000") {
		t.Fatalf("dials %v, want the faster one of those with a hash", first.Peer.Addr)
	}
	first.Hears("GET /get/4/a%20b HTTP/1.1\r\nUser-Agent: peerbed/1\r\nHost: 100.64.0.8:7000\r\nConnection: close\r\n\r\n")
	first.Say(head + "0123")
	first.Breaks()
	d.Pass(time.Second)

	second := d.Last()
	second.Hears("GET /get/4/a%20b HTTP/1.1\r\nUser-Agent: peerbed/1\r\nHost: 100.64.0.7:7000\r\nRange: bytes=4-\r\nConnection: close\r\n\r\n")
	second.Say("HTTP/1.1 206 OK\r\nContent-Length: 6\r\nContent-Range: bytes 4-9/10\r\n\r\n45678X")
	if result != nil {
		t.Fatalf("ended with %+v", result)
	}
	d.Pass(time.Second)

	third := d.Last() // who sent the last byte is not asked again
	if third.Peer.Addr != addr(t, "100.64.0.8:7000") {
		t.Fatalf("dials %v, want the one that is left", third.Peer.Addr)
	}
	third.Hears("GET /get/4/a%20b HTTP/1.1\r\nUser-Agent: peerbed/1\r\nHost: 100.64.0.8:7000\r\nConnection: close\r\n\r\n")
	third.Say(head + "0123456789")
	if result == nil || result.Err != nil || result.Blob != (p2p.Blob{Name: "a b", Len: 10}) || string(d.Files["a b"]) != "0123456789" {
		t.Fatalf("ended with %+v, %q on the disk", result, d.Files["a b"])
	}
	if want := []p2p.Addr{addr(t, "100.64.0.8:7000"), addr(t, "100.64.0.7:7000")}; !slices.Equal(result.Found, want) {
		t.Errorf("found %v, want %v", result.Found, want)
	}
}

// A responder that lies is found out even if others finish what it began: none
// of them is blamed for its bytes.
func TestDownloadFindsTheLiar(t *testing.T) {
	for seed := range 2 {
		d := newDesk(t)
		link := d.linked(strangerA)
		var result *p2p.Result
		d.Node.Do(p2p.Fetch{Name: "a"}, func(r p2p.Result) { result = &r })
		id := link.Said()[:16]
		for _, host := range []string{"07", "08"} {
			payload := raw(t, "01 581b 644000", host, "e8030000 01000000 0a000000 61 00") +
				gnutella.FormatURN(sha1.Sum([]byte("0123456789"))) + "\x00" + string(servent[:])
			link.Say(id + "\x81\x05\x00" + string(rune(len(payload))) + "\x00\x00\x00" + payload)
		}
		liar := addr(t, "100.64.0.7:7000") + p2p.Addr(seed)<<16
		known, liesTold := len(d.Streams), 0
		for i := 0; i < 100 && result == nil; i++ {
			d.Pass(time.Second)
			for ; known < len(d.Streams); known++ {
				s := d.Streams[known]
				from := 0
				if _, after, ok := strings.Cut(s.Said(), "bytes="); ok {
					from = int(after[0] - '0')
				}
				bytes, ends := "0123456789", 10
				if s.Peer.Addr == liar {
					bytes, ends = "xxxxxxxxxx", from+4 // and it vanishes
					liesTold++
				}
				head := fmt.Sprintf("HTTP/1.1 206 OK\r\nContent-Length: %d\r\nContent-Range: bytes %d-9/10\r\n\r\n", 10-from, from)
				s.Say(head + bytes[from:min(ends, 10)])
				if !s.Over {
					s.Breaks()
				}
			}
		}
		if result == nil || result.Err != nil || string(d.Files["a"]) != "0123456789" || result.Found[0] == liar {
			t.Errorf("liar %v, %d lies: %+v", liar, liesTold, result)
		}
	}
}

// A download gives up, with the reason, and leaves no part of the file.
func TestDownloadGivesUp(t *testing.T) {
	head := "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
	for what, c := range map[string]struct {
		says string
		want error
	}{
		"corrupt":      {head + "abX", p2p.ErrCorrupt},
		"broken":       {head, p2p.ErrReset},
		"busy":         {"HTTP/1.1 503 Busy\r\n\r\n", p2p.ErrRefused},
		"gone":         {"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", p2p.ErrNotFound},
		"other length": {"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd", p2p.ErrNotFound},
		"other range":  {"HTTP/1.1 206 OK\r\nContent-Length: 2\r\nContent-Range: bytes 1-2/3\r\n\r\nbc", p2p.ErrNotFound},
		"no HTTP":      {"hello\r\n\r\n", p2p.ErrMalformed},
		"a request":    {"GET /get/1/a HTTP/1.1\r\n\r\n", p2p.ErrMalformed},
		"silent":       {"", p2p.ErrTimeout},
	} {
		t.Run(what, func(t *testing.T) {
			d := newDesk(t)
			link := d.linked(strangerA)
			var results []p2p.Result
			for range 2 { // the same file twice is one download
				d.Node.Do(p2p.Fetch{Name: "a"}, func(r p2p.Result) { results = append(results, r) })
			}
			id := link.Said()[:16]
			payload := raw(t, "01 581b 64400008 e8030000 01000000 03000000 61 00") + gnutella.FormatURN(sha1.Sum([]byte("abc"))) + "\x00" + string(servent[:])
			link.Say(id + "\x81\x05\x00" + string(rune(len(payload))) + "\x00\x00\x00" + payload)
			known := len(d.Streams)
			for i := 0; len(results) == 0; i++ {
				if i > 200 {
					t.Fatal("it does not give up")
				}
				d.Pass(time.Second)
				if n := len(d.Streams); n > known {
					known = n
					s := d.Streams[n-1]
					s.Say(c.says)
					if what == "broken" {
						s.Breaks()
					}
				}
			}
			if len(results) != 2 || p2p.Sentinel(results[0].Err) != c.want {
				t.Errorf("%d results, %v; want 2, %v", len(results), results[0].Err, c.want)
			}
			if _, there := d.Files["a"]; there {
				t.Error("a part of the file is left")
			}
		})
	}
}
