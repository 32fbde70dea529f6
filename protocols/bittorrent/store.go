package bittorrent

import (
	"crypto/sha1"
	"hash"
	"strings"

	"peerbed/protocols/p2p"
)

// blobName is what a file of a torrent is called on the Disk, whose names have
// no folders.
func blobName(path string) string { return strings.ReplaceAll(path, "/", "%2F") }

// each calls f for every file that bytes off to off+n of the torrent lie in:
// its blob, where in the blob, where in the bytes, and how many.
func (m *Metainfo) each(off, n int64, f func(blob string, at, from, n int64)) {
	for _, file := range m.Files {
		low, high := max(off, file.Off), min(off+n, file.Off+file.Len)
		if low < high {
			f(blobName(file.Path), low-file.Off, low-off, high-low)
		}
	}
}

// hash has piece i hashed. A piece in several files is hashed by one hash, file
// after file: the Disk does one after the other, and h hears of the last.
func (m *Metainfo) hash(disk p2p.Disk, i int, h p2p.Handler) {
	s := &summing{then: h}
	off, n := int64(i)*m.PieceLen, m.pieceLen(i)
	m.each(off, n, func(string, int64, int64, int64) { s.left++ })
	if s.left == 1 {
		m.each(off, n, func(blob string, at, _, n int64) { disk.Sum(blob, at, n, sha1.New, h) })
		return
	}
	one := sha1.New()
	m.each(off, n, func(blob string, at, _, n int64) {
		disk.Sum(blob, at, n, func() hash.Hash { return one }, s)
	})
}

// A summing waits for the files of one piece.
type summing struct {
	left int
	err  error
	then p2p.Handler
}

// Handle passes on the last answer, with the first error.
func (s *summing) Handle(from p2p.Peer, m p2p.Msg) {
	sum, ok := m.(*p2p.Summed)
	if !ok {
		return
	}
	if s.err == nil {
		s.err = sum.Err
	}
	if s.left--; s.left == 0 {
		s.then.Handle(from, &p2p.Summed{Sum: sum.Sum, Err: s.err})
	}
}

// A checking hashes what already lies on the disk, one piece after the other.
type checking struct {
	t *torrent
	i int
}

// check finds out what of the torrent is here already: by what was saved in an
// earlier life, or else by hashing what lies there. Nothing is asked of
// neighbours meanwhile.
func (t *torrent) check() {
	lens := map[string]int64{}
	for _, b := range t.c.env.Disk().Blobs() {
		lens[b.Name] = b.Len
	}
	found := false
	for _, f := range t.meta.Files {
		n, there := lens[blobName(f.Path)]
		if n > f.Len {
			t.c.env.Disk().Remove(blobName(f.Path)) // it is something else
			there = false
		}
		found = found || there
	}
	if t.have.n == 0 {
		t.finish()
		return
	}
	if !found {
		return
	}
	t.checking = true
	k := &checking{t: t}
	t.meta.hash(t.c.env.Disk(), 0, k)
}

// Handle takes the hash of a piece. That there is less on the disk is no
// error: the rest is fetched.
func (k *checking) Handle(_ p2p.Peer, m p2p.Msg) {
	sum, ok := m.(*p2p.Summed)
	t := k.t
	if !ok || t.over {
		return
	}
	if sum.Err == nil && string(sum.Sum) == string(t.meta.sum(k.i)) {
		t.have.set(k.i)
	}
	if k.i++; k.i < t.have.n {
		t.meta.hash(t.c.env.Disk(), k.i, k)
		return
	}
	t.checking = false
	t.dirty = true
	t.last = t.c.env.Now()
	if t.complete() {
		t.finish()
		return
	}
	t.connect()
}
