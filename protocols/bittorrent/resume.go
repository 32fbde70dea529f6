package bittorrent

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"peerbed/protocols/p2p"
)

// saveEvery is how often a download notes how far it is. What came since is
// fetched again after a crash.
const saveEvery = 5 * time.Second

// A shelf is where a node saves its torrents: a list of hashes, and for each
// hash a record in leaves of at most leafLen bytes, for a Disk saves no more
// under one name.
type shelf struct {
	disk p2p.Disk
	name string
}

const leafLen = 60 << 10

func (s shelf) list() []string { return strings.Fields(string(s.disk.Load(s.name))) }

func (s shelf) leaf(hash string, i int) string { return fmt.Sprintf("%s-%s-%d", s.name, hash, i) }

// put saves a record and lists its hash.
func (s shelf) put(hash string, record []byte) {
	for i := 0; ; i++ {
		n := min(len(record), leafLen)
		s.disk.Save(s.leaf(hash, i), record[:n])
		record = record[n:]
		if n < leafLen {
			break
		}
	}
	if all := s.list(); !slices.Contains(all, hash) {
		s.disk.Save(s.name, []byte(strings.Join(append(all, hash), "\n")))
	}
}

func (s shelf) get(hash string) (record []byte) {
	for i := 0; i*leafLen <= maxMeta; i++ {
		b := s.disk.Load(s.leaf(hash, i))
		record = append(record, b...)
		if len(b) < leafLen {
			break
		}
	}
	return record
}

func (s shelf) drop(hash string) {
	all := slices.DeleteFunc(s.list(), func(h string) bool { return h == hash })
	s.disk.Save(s.name, []byte(strings.Join(all, "\n")))
}

func (c *client) shelf() shelf { return shelf{c.env.Disk(), "torrents"} }

// save notes the torrent, and which pieces are here. They were written before
// they were hashed, and hashed before they were counted.
func (t *torrent) save() {
	t.dirty, t.saved = false, t.c.env.Now()
	if t.hollow {
		return
	}
	hash := t.hash.String()
	if !t.shelved {
		t.shelved = true
		t.c.shelf().put(hash, t.meta.Bytes())
	}
	t.c.env.Disk().Save("haves-"+hash, t.have.bytes())
}

func (t *torrent) forgetSaved() { t.c.shelf().drop(t.hash.String()) }

// recall takes up the torrents of an earlier life: those that were complete are
// seeded again, the others go on where they were.
func (c *client) recall() {
	lens := map[string]int64{}
	for _, b := range c.env.Disk().Blobs() {
		lens[b.Name] = b.Len
	}
	for _, hash := range c.shelf().list() {
		meta, err := ParseMetainfo(c.shelf().get(hash))
		if err != nil {
			continue // damaged: it can be fetched again
		}
		t := c.add(meta)
		t.shelved = true
		have, ok := parseBits(c.env.Disk().Load("haves-"+hash), t.have.n)
		if ok && t.fits(&have, lens) {
			t.have = have
			continue
		}
		t.check()
	}
}

// fits reports whether the files are as long as the pieces say.
func (t *torrent) fits(have *bitset, lens map[string]int64) bool {
	fits := true
	for i := range have.n {
		if !have.has(i) {
			continue
		}
		t.meta.each(int64(i)*t.meta.PieceLen, t.meta.pieceLen(i), func(blob string, at, _, n int64) {
			fits = fits && lens[blob] >= at+n
		})
	}
	return fits
}

// A tracker saves what was offered to it.
func (k *tracker) shelf() shelf { return shelf{k.c.env.Disk(), "offers"} }

func (k *tracker) save(h Hash) { k.shelf().put(h.String(), k.swarms[h].meta) }

func (k *tracker) recall() {
	for _, hash := range k.shelf().list() {
		b := k.shelf().get(hash)
		if meta, err := ParseMetainfo(b); err == nil {
			k.take(meta.Name, b)
		}
	}
}
