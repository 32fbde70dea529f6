package bittorrent_test

import (
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"peerbed/harness/sim"
	"peerbed/protocols/bittorrent"
	"peerbed/protocols/p2p"
)

// A liar is a peer that sends other bytes than it was asked for: those of the
// first piece, whatever piece it is.
type liar struct {
	p2p.Node
	p2p.Env
}

func (l *liar) Start(env p2p.Env) {
	l.Env = env
	l.Node.Start(l)
}

func (l *liar) Post(to p2p.Peer, m p2p.Msg) {
	if m, ok := m.(*bittorrent.Piece); ok && m.Index > 0 {
		m.Data.Off = int64(m.Begin)
	}
	l.Env.Post(to, m)
}

// lying is BitTorrent whose nodes are liars once they have all.
var lying = func() *p2p.Protocol {
	p := *bittorrent.Protocol
	p.New = func(cfg any, state *p2p.State) p2p.Node { return &liar{Node: bittorrent.Protocol.New(cfg, state)} }
	return &p
}()

// "Peers that lie in pieces: the download completes from the honest ones", also
// where pieces are brought by both, and the liars are known after one piece each.
func TestLiars(t *testing.T) {
	const size, liars = 4 << 20, 3
	s := lay(t, strict, 2, func(int) []string { return []string{"piece=65536", "rechoke=1s"} })
	s.publish(size)
	for i := range liars {
		a := s.spawn(lying, 3+i)
		s.must(a, p2p.Fetch{Name: iso})
	}
	s.Run(time.Minute)
	s.fetchAll(s.nodes[2:3], size)
	d := s.detail(s.nodes[2]).Torrents[0]
	if wasted := d.Received - size; wasted == 0 || wasted > 40*65536 {
		t.Errorf("%d bytes came in vain from %d liars; want some, and at most a few pieces of each", wasted, liars)
	}
	for _, p := range d.Peers {
		if p.Addr != s.nodes[1] && p.Addr != s.nodes[0] {
			t.Errorf("%v lies, and is still a neighbour", p.Addr)
		}
	}
}

// A tracker that never answers is passed over for the next tier (BEP 12), and
// a link or torrent that makes no sense ends with an error.
func TestSilentTracker(t *testing.T) {
	const size = 1 << 20
	dead, live := sim.Addr(77).String(), sim.Addr(0).String()
	for _, urls := range []string{"http://" + dead + "/announce,http://" + live + "/announce", "udp://" + dead + ",udp://" + live, "gopher://x,http://" + live + "/announce"} {
		s := lay(t, strict, 2, func(int) []string { return []string{"tracker=" + urls} })
		s.publish(size)
		s.Run(30 * time.Second)
		if out := s.must(s.nodes[2], p2p.Fetch{Name: s.detail(s.nodes[1]).Link(iso)}); out.Blob.Len != size {
			t.Errorf("%s: fetched %+v", urls, out.Blob)
		}
	}
	s := lay(t, strict, 1, nil)
	for _, name := range []string{"magnet:?xt=urn:btih:123", "magnet:?", "data:application/x-bittorrent;base64,!!!",
		"data:application/x-bittorrent;base64," + base64.StdEncoding.EncodeToString([]byte("d4:infod6:lengthi5e4:name2:..ee"))} {
		if out := s.do(s.nodes[1], p2p.Fetch{Name: name}); out.Err == nil {
			t.Errorf("fetch %q: no error", name)
		}
	}
}

// A torrent of several files, whose pieces and blocks lie across them: by its
// name, and by its metainfo where all of it lies here already.
func TestSeveralFiles(t *testing.T) {
	s := lay(t, strict, 3, func(int) []string { return []string{"piece=32768"} })
	files := map[string]p2p.Publish{}
	for i, size := range []int64{100_000, 17, 300_000, 20_000} {
		p := p2p.Publish{Name: "dir%2F" + string(rune('a'+i)), Size: size, Seed: uint64(i)}
		files[p.Name] = p
		s.must(s.nodes[1], p)
	}
	s.must(s.nodes[1], p2p.Publish{Name: "dir"})
	for _, a := range s.nodes[2:] {
		if out := s.must(a, p2p.Fetch{Name: "dir"}); out.Blob != (p2p.Blob{Name: "dir", Len: 420_017}) {
			t.Errorf("fetched %+v", out.Blob)
		}
		for _, p := range files {
			if !s.Holds(a, p.Name, p.Size, p.Seed) {
				t.Errorf("%s at %v is not what was published", p.Name, a)
			}
		}
	}
	link := s.detail(s.nodes[1]).Link("dir")
	s.must(s.nodes[2], p2p.Remove{Name: "dir"})
	before := s.detail(s.nodes[3]).Torrents[0].Sent + s.detail(s.nodes[1]).Torrents[4].Sent
	s.must(s.nodes[2], p2p.Fetch{Name: link})
	if after := s.detail(s.nodes[3]).Torrents[0].Sent + s.detail(s.nodes[1]).Torrents[4].Sent; after != before {
		t.Errorf("%d bytes were sent to a node that had all", after-before)
	}
}

// A lone leecher gives up in the end, and says why.
func TestNobodyHasIt(t *testing.T) {
	s := lay(t, strict, 2, func(int) []string { return []string{"give-up=10s"} })
	s.publish(1 << 20)
	s.Crash(s.nodes[1])
	if out := s.do(s.nodes[2], p2p.Fetch{Name: iso}); !errors.Is(out.Err, p2p.ErrTimeout) || out.Took > 30*time.Second {
		t.Errorf("%v after %v", out.Err, out.Took)
	}
}
