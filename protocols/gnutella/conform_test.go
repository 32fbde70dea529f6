package gnutella_test

import (
	"fmt"
	"strings"
	"testing"

	"peerbed/protocols/gnutella"
	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
)

func TestConform(t *testing.T) { p2ptest.Conform(t, gnutella.Protocol) }

// A network of ultrapeers and leaves conforms too, with every variant that can
// be switched on.
func TestConformUltrapeers(t *testing.T) {
	p := *gnutella.Protocol
	p.Cast = gnutella.Ultrapeers(4)
	p2ptest.Conform(t, &p)
}

func TestConformVariants(t *testing.T) {
	for _, changes := range [][]string{{"deflate=true", "pings=cache", "hit-cache=10"}, {"pings=multiplex", "search=dynamic", "redirect=0.8"}} {
		t.Run(strings.Join(changes, " "), func(t *testing.T) {
			p := *gnutella.Protocol
			p.Config = config(t, changes...)
			p2ptest.Conform(t, &p)
		})
	}
}

// The texts of a handshake, and all golden packets in a row behind them.
func FuzzOverlay(f *testing.F) {
	texts := "GNUTELLA CONNECT/0.6\r\nNode: 10.0.0.1:7000\r\nX-Ultrapeer: True\r\nX-Degree: 32\r\nAccept-Encoding: deflate\r\nX-Try: 10.0.0.3:1,10.0.0.4:2\r\n\r\nGNUTELLA/0.6 200 OK\r\n\r\n"
	seeds := [][]byte{[]byte(texts), []byte("GNUTELLA CONNECT/0.4\n\n"), []byte("GNUTELLA OK\n\n")}
	all := []byte(texts)
	for _, g := range descriptors(f) {
		all = append(all, unhex(f, g.wire)...)
	}
	packed := append([]byte("GNUTELLA CONNECT/0.6\r\n\r\n"+deflates), deflated(f, 1, all[len(texts):])...)
	p2ptest.FuzzCodec(f, overlayCodec(f), append(seeds, all, packed)...)
}

// overlayCodec makes the codec of an acceptor.
func overlayCodec(t testing.TB) func() p2p.Codec {
	return func() p2p.Codec {
		c, err := gnutella.Accept([]byte("GNUTELLA"))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

// FuzzDescriptors reads descriptors at once.
func FuzzDescriptors(f *testing.F) {
	var seeds [][]byte
	for _, g := range descriptors(f) {
		seeds = append(seeds, unhex(f, g.wire))
	}
	p2ptest.FuzzCodec(f, func() p2p.Codec { return ready(f) }, seeds...)
}

// The language of transfers.
func FuzzTransfer(f *testing.F) {
	p2ptest.FuzzCodec(f, gnutella.NewTransfer,
		[]byte("GET /get/7/a%20b%25%C3%A9.bin HTTP/1.1\r\nUser-Agent: peerbed/1\r\nRange: bytes=2-\r\nConnection: close\r\n\r\n"),
		[]byte("HEAD /uri-res/N2R?urn:sha1:X HTTP/1.1\r\n\r\nGET /get/2468/Foobar.mp3/ HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"),
		[]byte("GIV 5:b000000000000000000000000000000f/file\n\nRELAY b000000000000000000000000000000f\n\n"),
		[]byte("HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\nContent-Range: bytes 2-4/5\r\n\r\ncdeHTTP 200 OK\nContent-length: 4\n\nabcd"))
}

// show writes what matters of a message in a play.
func show(m p2p.Msg) string {
	switch m := m.(type) {
	case *gnutella.Answer:
		return fmt.Sprint(m.Code)
	case *gnutella.Ping:
		return fmt.Sprintf("TTL %d hops %d", m.TTL, m.Hops)
	case *gnutella.Pong:
		return fmt.Sprintf("TTL %d hops %d of %v", m.TTL, m.Hops, m.Addr)
	case *gnutella.Query:
		return fmt.Sprintf("TTL %d hops %d %q", m.TTL, m.Hops, m.Text)
	case *gnutella.Hit:
		return fmt.Sprintf("TTL %d hops %d %q at %v", m.TTL, m.Hops, m.Files[0].Name, m.Addr)
	case *gnutella.Push:
		return fmt.Sprintf("TTL %d hops %d: dial %v", m.TTL, m.Hops, m.Addr)
	case *gnutella.Giv:
		return fmt.Sprintf("%d/%s", m.Index, m.Name)
	case *gnutella.RoutePatch:
		return fmt.Sprintf("%d of %d", m.Seq, m.Of)
	case *gnutella.Get:
		return fmt.Sprintf("%d/%s %s", m.Index, m.Name, m.Range)
	case *gnutella.Response:
		return fmt.Sprintf("%d, %d bytes from %d", m.Code, m.Length, m.Off)
	case *gnutella.Body:
		return fmt.Sprintf("%d bytes", m.Data.Len)
	}
	return ""
}

func TestPlays(t *testing.T) {
	neighbours := func(s p2p.State) string { return fmt.Sprintf("neighbours %v, shares %v", s.Neighbours, s.Stored) }
	p2ptest.Plays(t, p2ptest.Stage{Protocol: gnutella.Protocol, Settled: gnutella.Connected, Show: show, State: neighbours})
}
