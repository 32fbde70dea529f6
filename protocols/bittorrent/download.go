package bittorrent

import (
	"bytes"
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// A part is a piece that is under way.
type part struct {
	t      *torrent
	i      int
	blocks []progress
	left   int // blocks that have not come
	next   int // all before it have been asked for
	writes int // writes and hashes under way
	from   []*peer
	wrong  error // a write failed
	only   *peer // who alone may bring it; see wrongSum
	alone  bool
}

// progress is how far a block is.
type progress struct {
	askers uint8 // how many neighbours owe it
	came   bool
}

func (t *torrent) blocks(i int) int { return int((t.meta.pieceLen(i) + blockLen - 1) / blockLen) }

// block returns the k-th block of the part.
func (a *part) block(k int) Block {
	begin := int64(k) * blockLen
	return Block{uint32(a.i), uint32(begin), uint32(min(blockLen, a.t.meta.pieceLen(a.i)-begin))}
}

// begin begins a piece.
func (t *torrent) begin(i int) *part {
	n := t.blocks(i)
	a := &part{t: t, i: i, blocks: make([]progress, n), left: n, alone: slices.Contains(t.only, i)}
	t.parts = append(t.parts, a)
	t.started.set(i)
	return a
}

// part returns the piece under way with this number, or nil.
func (t *torrent) part(i uint32) *part {
	for _, a := range t.parts {
		if a.i == int(i) {
			return a
		}
	}
	return nil
}

// ask asks for as many blocks as may be on their way.
func (p *peer) ask() {
	t := p.t
	if p.choked || !p.interesting || t.over || t.checking || p.snubbed && len(p.asked) > 0 {
		return
	}
	now := t.c.env.Now()
	for len(p.asked) < min(p.depth, t.c.cfg.Pipeline) && t.c.down.open(t.c) {
		b, ok := t.choose(p)
		if !ok {
			return
		}
		t.c.down.take(t.c, int64(b.Len))
		if len(p.asked) == 0 {
			p.block = now
		}
		p.asked = append(p.asked, b)
		t.part(b.Piece).blocks[b.Begin/blockLen].askers++
		p.spoke = now
		p2p.Send(t.c.env, p.link, Request{b})
	}
}

// choose returns the block that p should be asked for next: of the piece that
// it is bringing already; of one that has been begun, before any other that is
// liked no better (strict priority); of another; or, when all that is missing
// has been asked for, one that somebody else owes too (end game).
//
// That a better liked piece comes before one that has been begun differs from
// Cohen's strict priority: a seed would be asked for the rest of pieces that
// leechers have too, and send half of the file twice before the whole once.
func (t *torrent) choose(p *peer) (Block, bool) {
	if p.bringing != nil {
		if b, ok := p.bringing.free(p); ok {
			return b, true
		}
	}
	p.bringing = nil
	like := pickers[t.c.cfg.Pick]
	best := 0
	for _, a := range t.parts {
		if k := like(t, a.i); (p.bringing == nil || k < best) && a.has(p) {
			p.bringing, best = a, k
		}
	}
	if i := t.pick(p); i >= 0 && (p.bringing == nil || like(t, i) < best) {
		p.bringing = t.begin(i)
	}
	if p.bringing != nil {
		return p.bringing.free(p)
	}
	if !t.c.cfg.EndGame || t.have.count+len(t.parts) < t.have.n {
		return Block{}, false
	}
	for _, a := range t.parts {
		if b, ok := a.owed(p); ok {
			return b, true
		}
	}
	return Block{}, false
}

// has reports whether p can be asked for a block that nobody owes.
func (a *part) has(p *peer) bool {
	if !a.serves(p) {
		return false
	}
	for a.next < len(a.blocks) && (a.blocks[a.next].came || a.blocks[a.next].askers > 0) {
		a.next++
	}
	return a.next < len(a.blocks)
}

// serves reports whether p may bring blocks of the part.
func (a *part) serves(p *peer) bool {
	if !p.have.has(a.i) {
		return false
	}
	if a.alone && a.only == nil {
		a.only = p
	}
	return a.only == nil || a.only == p
}

// free returns the first block that nobody owes.
func (a *part) free(p *peer) (Block, bool) {
	if !a.has(p) {
		return Block{}, false
	}
	a.next++
	return a.block(a.next - 1), true
}

// owed returns a block that has not come, and that p does not owe, of those
// that the fewest owe.
func (a *part) owed(p *peer) (found Block, ok bool) {
	if !a.serves(p) {
		return Block{}, false
	}
	fewest := uint8(200)
	for k := range a.blocks {
		if b := &a.blocks[k]; !b.came && b.askers < fewest && !slices.Contains(p.asked, a.block(k)) {
			found, ok, fewest = a.block(k), true, b.askers
		}
	}
	return found, ok
}

// unask notes that one neighbour less owes a block.
func (t *torrent) unask(b Block) {
	a := t.part(b.Piece)
	if a == nil {
		return
	}
	k := int(b.Begin / blockLen)
	if a.blocks[k].askers > 0 {
		a.blocks[k].askers--
	}
	if a.blocks[k].askers == 0 && !a.blocks[k].came {
		a.next = min(a.next, k)
	}
}

// release gives up all that p owes.
func (p *peer) release() {
	asked := p.asked
	p.asked = nil
	for _, b := range asked {
		p.t.unask(b)
		if a := p.t.part(b.Piece); a != nil && a.only == p {
			a.only = nil
		}
	}
	p.late = append(p.late[max(0, len(p.late)+len(asked)-maxQueue):], asked...)
}

// chokes gives up what p owes: it will not come, or what is on its way still
// may.
func (p *peer) chokes() {
	p.choked = true
	if p.fast {
		return // it rejects what it does not answer
	}
	p.release()
	p.t.refill()
}

// rejected notes that a block will not come.
func (p *peer) rejected(b Block) {
	i := slices.Index(p.asked, b)
	if i < 0 {
		return
	}
	p.asked = slices.Delete(p.asked, i, i+1)
	p.t.unask(b)
	if a := p.t.part(b.Piece); a != nil && a.only == p {
		a.only = nil
	}
	p.t.refill()
}

// A rest is what is still to come of a block in parts.
type rest struct {
	off  int64 // in the torrent
	left uint32
	part *part // nil: it is not wanted
}

// brings takes a block that was asked for.
func (p *peer) brings(m *Piece) {
	t := p.t
	b := Block{m.Index, m.Begin, m.Len}
	p.in.add(m.Data.Len)
	p.rest = rest{left: m.Len}
	i := slices.Index(p.asked, b)
	switch k := slices.Index(p.late, b); {
	case i >= 0:
		p.asked = slices.Delete(p.asked, i, i+1)
		p.paced()
		t.unask(b)
	case k >= 0:
		p.late = slices.Delete(p.late, k, k+1)
	default:
		p.goesOn(&Rest{m.Data})
		return
	}
	now := t.c.env.Now()
	p.block, t.last, p.snubbed = now, now, false
	if a := t.part(m.Index); a != nil && !a.blocks[m.Begin/blockLen].came && (a.only == nil || a.only == p) {
		p.rest.off, p.rest.part = int64(m.Index)*t.meta.PieceLen+int64(m.Begin), a
		a.blocks[m.Begin/blockLen].came = true
		if !slices.Contains(a.from, p) {
			a.from = append(a.from, p)
		}
		t.recall(b, p)
	}
	p.goesOn(&Rest{m.Data})
	p.ask()
}

// paced makes the pipeline as deep as what comes in a second: deeper, and a
// block would be on its way from a slow neighbour that a faster one could bring,
// or has brought to others meanwhile.
func (p *peer) paced() {
	gap := p.t.c.env.Now() - p.block
	p.pace += (gap - p.pace) / 8
	p.depth = int(max(firstDepth, min(time.Second/max(p.pace, time.Microsecond), 1000)))
}

// recall takes back what others were asked for in the end game.
func (t *torrent) recall(b Block, from *peer) {
	for _, p := range t.peers {
		if i := slices.Index(p.asked, b); p != from && i >= 0 {
			p.asked = slices.Delete(p.asked, i, i+1)
			t.unask(b)
			p2p.Send(t.c.env, p.link, Cancel{b})
			p.ask()
		}
	}
}

// goesOn writes what has come of a block; with its end, and that of the piece,
// the piece is hashed.
func (p *peer) goesOn(m *Rest) {
	r := &p.rest
	if uint32(m.Data.Len) > r.left {
		p.close()
		return
	}
	r.left -= uint32(m.Data.Len)
	if r.part == nil {
		return
	}
	p.t.loaded += int64(m.Data.Len)
	r.part.write(r.off, m.Data)
	r.off += int64(m.Data.Len)
	if r.left > 0 {
		return
	}
	if r.part.left--; r.part.left == 0 {
		r.part.hash()
	}
}

func (a *part) write(off int64, c p2p.Content) {
	a.t.meta.each(off, int64(c.Len), func(blob string, at, from, n int64) {
		a.writes++
		a.t.c.env.Disk().Write(blob, at, slice(c, from, n), a)
	})
}

// slice returns a part of a Content. Where there are no bytes to see, a Content
// never spans two files: who sends it had to name one.
func slice(c p2p.Content, from, n int64) p2p.Content {
	if from == 0 && n == int64(c.Len) {
		return c
	}
	return p2p.View(c.Bytes()[from : from+n])
}

// hash has the piece hashed, after all its writes.
func (a *part) hash() {
	a.writes++
	a.t.meta.hash(a.t.c.env.Disk(), a.i, a)
}

// Handle hears of writes and the hash.
func (a *part) Handle(_ p2p.Peer, m p2p.Msg) {
	a.writes--
	if a.t.over {
		return
	}
	switch m := m.(type) {
	case *p2p.Written:
		if m.Err != nil {
			a.wrong = m.Err
		}
	case *p2p.Summed:
		t := a.t
		i := slices.Index(t.parts, a)
		if i < 0 {
			return // made whole in another way meanwhile
		}
		t.parts = slices.Delete(t.parts, i, i+1)
		if a.wrong == nil {
			a.wrong = m.Err
		}
		switch {
		case a.wrong != nil:
			t.end(a.wrong)
		case bytes.Equal(m.Sum, t.meta.sum(a.i)):
			t.got(a.i)
		default:
			t.wrongSum(a)
		}
	}
}

// got tells everybody of a piece.
func (t *torrent) got(i int) {
	if !t.have.set(i) {
		return
	}
	t.dirty = true
	t.only = slices.DeleteFunc(t.only, func(k int) bool { return k == i })
	for _, p := range t.peers {
		if !p.said {
			continue
		}
		if !p.have.full() {
			p2p.Send(t.c.env, p.link, Have{uint32(i)})
		}
		if p.interesting && !t.have.lacks(&p.have) {
			p.wants(false)
		}
	}
	if t.complete() {
		t.finish()
	} else if t.c.cfg.EndGame && t.have.count+len(t.parts) == t.have.n {
		t.refill()
	}
}

// finish is what the last piece brings about.
func (t *torrent) finish() {
	for _, f := range t.meta.Files {
		if f.Len == 0 {
			t.c.env.Disk().Write(blobName(f.Path), 0, p2p.View(nil), deaf{})
		}
	}
	t.save()
	t.announce(Completed)
	t.completed()
}

// wrongSum is what a piece with another hash brings about. Whoever brought all
// of it has lied, and is a neighbour no more; if they were several, the piece
// is fetched again, all of it from one, so that it is known the next time.
func (t *torrent) wrongSum(a *part) {
	t.started.clear(a.i)
	if len(a.from) == 1 {
		t.ban(a.from[0])
	} else if !slices.Contains(t.only, a.i) {
		t.only = append(t.only, a.i)
	}
	t.refill()
}
