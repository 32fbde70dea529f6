package gnutella_test

import (
	"errors"
	"reflect"
	"testing"

	"peerbed/protocols/gnutella"
	"peerbed/protocols/p2p"
)

// GN6: "GET line with /get/<idx>/<name>/, Range, HTTP 200 OK" as this servent
// writes them, with the codec counting the body that follows.
func TestGN6Transfer(t *testing.T) {
	a, b := gnutella.NewTransfer(), gnutella.NewTransfer()
	exchange(t, a, b, &gnutella.Get{Index: 7, Name: "a b%é.bin", Range: "bytes=2-"}, []byte(
		"GET /get/7/a%20b%25%C3%A9.bin HTTP/1.1\r\nUser-Agent: peerbed/1\r\nRange: bytes=2-\r\nConnection: close\r\n\r\n"))
	exchange(t, b, a, &gnutella.Response{Code: 206, Length: 3, Off: 2, Total: 5, URN: "urn:sha1:X"}, []byte(
		"HTTP/1.1 206 Partial Content\r\nServer: peerbed/1\r\nContent-Type: application/binary\r\nContent-Length: 3\r\n"+
			"Content-Range: bytes 2-4/5\r\nX-Gnutella-Content-URN: urn:sha1:X\r\nConnection: close\r\n\r\n"))
	pieces(t, a, "cde", "cde")

	exchange(t, a, b, &gnutella.Get{Head: true, URN: "urn:sha1:X", Keep: true}, []byte(
		"HEAD /uri-res/N2R?urn:sha1:X HTTP/1.1\r\nUser-Agent: peerbed/1\r\nConnection: Keep-Alive\r\n\r\n"))
	exchange(t, b, a, &gnutella.Response{Code: 200, Length: 5, Keep: true}, []byte(
		"HTTP/1.1 200 OK\r\nServer: peerbed/1\r\nContent-Type: application/binary\r\nContent-Length: 5\r\nConnection: Keep-Alive\r\n\r\n"))
	exchange(t, b, a, &gnutella.Response{Code: 404, Keep: true}, []byte( // HEAD has no body, so a head comes next
		"HTTP/1.1 404 Not Found\r\nServer: peerbed/1\r\nContent-Type: application/binary\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n"))

	g := gnutella.GUID{0xb0, 15: 0x0f}
	guid := "b000000000000000000000000000000f"
	exchange(t, a, b, &gnutella.Giv{Index: 5, Servent: g, Name: "a b"}, []byte("GIV 5:"+guid+"/a b\n\n"))
	exchange(t, a, b, &gnutella.Relay{Servent: g}, []byte("RELAY "+guid+"\n\n"))

	body := p2p.Content{Blob: "a", Off: 2, Len: 3}
	got, content, err := b.Append(nil, &gnutella.Body{Data: body})
	if len(got) != 0 || !reflect.DeepEqual(content, body) || err != nil {
		t.Errorf("a body is written as %q and %+v, %v; want its content alone", got, content, err)
	}
}

// pieces reads bodies from src until they are used up.
func pieces(t *testing.T, c p2p.Codec, src, want string) {
	t.Helper()
	var got []byte
	for len(got) < len(want) {
		m, n, err := c.Next([]byte(src), false)
		b, ok := m.(*gnutella.Body)
		if !ok || err != nil || n != b.Data.Len {
			t.Fatalf("after %q: %#v, %d, %v; want a body", got, m, n, err)
		}
		got = append(got, b.Data.Bytes()...)
		src = src[n:]
	}
	if string(got) != want {
		t.Errorf("the body is %q, want %q", got, want)
	}
}

// Requests and answers as other servents write them: with raw spaces, a slash
// behind the name, bare line feeds, and the status line of version 0.4.
func TestGN6ForeignTransfers(t *testing.T) {
	for _, c := range []struct {
		text string
		want p2p.Msg
	}{
		{"GET /get/7/stub payload demo.bin HTTP/1.1\r\nHost: Host: 10.0.0.1:7000\r\n\r\n",
			&gnutella.Get{Index: 7, Name: "stub payload demo.bin", Keep: true}},
		{"GET /get/2468/Foobar.mp3/ HTTP/1.0\r\nConnection: Keep-Alive\r\nRange: bytes=0-\r\nUser-Agent: Gnutella\r\n\r\n",
			&gnutella.Get{Index: 2468, Name: "Foobar.mp3", Range: "bytes=0-", Keep: true}},
		{"GET /get/1/100%.txt HTTP/1.0\n\n", &gnutella.Get{Index: 1, Name: "100%.txt"}},
		{"GET /uri-res/N2R?urn:sha1:Y HTTP/1.1\r\nX-Queue: 0.1\r\nConnection: close\r\n\r\n", &gnutella.Get{URN: "urn:sha1:Y"}},
		{"HTTP 200 OK\r\nServer: Gnutella\r\nContent-type: application/binary\r\nContent-length: 4356789\r\n\r\n",
			&gnutella.Response{Code: 200, Length: 4356789}},
		{"HTTP/1.1 206 OK\nContent-Length: 2\nContent-Range: bytes=1-2/9\n\n",
			&gnutella.Response{Code: 206, Length: 2, Off: 1, Total: 9, Keep: true}},
		{"HTTP/1.0 503 Busy\r\n\r\n", &gnutella.Response{Code: 503}},
	} {
		m, n, err := gnutella.NewTransfer().Next([]byte(c.text), false)
		if err != nil || n != len(c.text) || !reflect.DeepEqual(m, c.want) {
			t.Errorf("%q is read as %#v, %d, %v; want %#v", c.text, m, n, err, c.want)
		}
	}
}

func TestMalformedTransfers(t *testing.T) {
	for _, text := range []string{
		"GET /get/7 HTTP/1.1\r\n\r\n", "GET /get/-1/a HTTP/1.1\r\n\r\n", "GET /get/4294967296/a HTTP/1.1\r\n\r\n",
		"GET /etc/passwd HTTP/1.1\r\n\r\n", "PUT /get/1/a HTTP/1.1\r\n\r\n", "GET /uri-res/N2R? HTTP/1.1\r\n\r\n",
		"GIV 5:b0/a\n\n", "GIV x:b000000000000000000000000000000f/a\n\n", "GIV 5:b000000000000000000000000000000f\n\n", "RELAY b0\n\n",
		"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 206 OK\r\nContent-Length: 5\r\nContent-Range: bytes 0-2/9\r\n\r\n", "HTTP/1.1 206 OK\r\nContent-Length: 5\r\n\r\n",
	} {
		if m, _, err := gnutella.NewTransfer().Next([]byte(text), false); !errors.Is(err, p2p.ErrMalformed) {
			t.Errorf("%q: %#v, %v; want malformed", text, m, err)
		}
	}
}
