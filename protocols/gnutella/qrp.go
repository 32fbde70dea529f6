package gnutella

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"math/bits"
	"strings"

	"peerbed/protocols/p2p"
)

// QRP, the "Query Routing for the Gnutella Network" of Rohrs, version 0.1: a
// leaf tells its ultrapeers the hashes of all words that its shares have in
// their names, and so hears only queries that it may have an answer to.

// The table that this servent sends: what real servents send too.
const (
	routeEntries  = 1 << 14
	routeInfinity = 2
)

// The largest table that it takes, and what of a patch it keeps until its last
// part has come.
const (
	maxRouteEntries = 1 << 17
	maxRoutePatch   = 128 << 10
)

// routeHash is the place of a word, in lower case, in a table of 1<<b entries.
func routeHash(word string, b int) uint32 {
	var x uint32
	for i := range len(word) {
		x ^= uint32(word[i]) << (8 * (i & 3))
	}
	return x * 0x4F1BBCDC >> (32 - b)
}

// A routeTable is the words that a leaf has, as QRP tells them. Whether an
// entry is below infinity is all that matters one hop away, so it is one bit;
// of a difference the sign decides.
type routeTable struct {
	has   []uint64 // nil: no reset has come yet
	b     int      // it has 1<<b entries
	part  []byte   // of a patch under way
	parts uint8    // that have come
}

func newRouteTable(entries uint32) routeTable {
	return routeTable{has: make([]uint64, (entries+63)/64), b: bits.Len32(entries) - 1}
}

func (t *routeTable) set(i uint32, on bool) {
	if on {
		t.has[i/64] |= 1 << (i % 64)
	} else {
		t.has[i/64] &^= 1 << (i % 64)
	}
}

func (t *routeTable) is(i uint32) bool { return t.has[i/64]>>(i%64)&1 == 1 }

// matches reports whether all words are there, as far as one can know.
func (t *routeTable) matches(words []string) bool {
	for _, w := range words {
		if t.has == nil || !t.is(routeHash(w, t.b)) {
			return false
		}
	}
	return len(words) > 0
}

// reset begins anew.
func (t *routeTable) reset(m *RouteReset) error {
	if m.Entries < 2 || m.Entries > maxRouteEntries || m.Entries&(m.Entries-1) != 0 {
		return fmt.Errorf("%w: route table of %d entries; want a power of two from 2 to %d", p2p.ErrMalformed, m.Entries, maxRouteEntries)
	}
	*t = newRouteTable(m.Entries)
	return nil
}

// patch takes one part of a patch, and with the last one the whole.
func (t *routeTable) patch(m *RoutePatch) error {
	if t.has == nil || m.Seq != t.parts+1 || len(t.part)+len(m.Data) > maxRoutePatch {
		return fmt.Errorf("%w: part %d of %d of a route patch is out of turn or too long", p2p.ErrMalformed, m.Seq, m.Of)
	}
	t.part, t.parts = append(t.part, m.Data...), m.Seq
	if m.Seq < m.Of {
		return nil
	}
	data, err := unpack(t.part, m.Zlib, (1<<t.b)*int(m.Bits)/8)
	t.part, t.parts = nil, 0
	if err == nil {
		t.apply(data, m.Bits)
	}
	return err
}

// unpack returns the n bytes that a patch must have: never more are inflated.
func unpack(data []byte, packed bool, n int) ([]byte, error) {
	if packed {
		z, err := zlib.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("%w: route patch: %w", p2p.ErrMalformed, err)
		}
		data = make([]byte, n)
		if _, err := io.ReadFull(z, data); err != nil {
			return nil, fmt.Errorf("%w: route patch: %w", p2p.ErrMalformed, err)
		}
	}
	if len(data) != n {
		return nil, fmt.Errorf("%w: route patch of %d bytes, want %d", p2p.ErrMalformed, len(data), n)
	}
	return data, nil
}

func (t *routeTable) apply(data []byte, width uint8) {
	for i := range uint32(1) << t.b {
		d := int8(data[i*uint32(width)/8])
		if width == 4 && i%2 == 1 {
			d <<= 4
		}
		if width == 4 {
			d &= -16 // the other half is the next entry's
		}
		if d != 0 {
			t.set(i, d < 0)
		}
	}
}

// routed takes what a leaf tells of its table, and reports whether the link may
// go on.
func (l *link) routed(m p2p.Msg) bool {
	var err error
	switch m := m.(type) {
	case *RouteReset:
		err = l.table.reset(m)
	case *RoutePatch:
		err = l.table.patch(m)
	}
	return err == nil
}

// wants reports whether a leaf is to hear a query. One that does not speak QRP
// hears all, and all hear of a hash, which is no word.
func (l *link) wants(w *wants) bool {
	return !l.said.Routing || w.hashed || l.table.matches(w.words)
}

// changed tells the ultrapeers of a change of the library: at once, or with
// others that follow soon.
func (s *servent) changed() {
	if s.env.Now()-s.told >= tendEvery {
		s.tellRoutes()
	}
}

// tellRoutes tells the ultrapeers what has changed in the library since they
// were told last.
func (s *servent) tellRoutes() {
	for _, l := range s.links {
		if l.up && l.tie == above && l.said.Routing && l.told != s.library.changes+1 && s.takes(l) {
			s.tellRoute(l)
		}
	}
}

func (s *servent) tellRoute(l *link) {
	h := Head{TTL: 1}
	if l.table.has == nil {
		h.ID = s.newID()
		p2p.Send(s.env, l.peer, RouteReset{h, routeEntries, routeInfinity})
		l.table = newRouteTable(routeEntries)
	}
	now := newRouteTable(routeEntries)
	for _, f := range s.library.files {
		if s.library.hidden {
			break
		}
		for _, w := range f.words {
			now.set(routeHash(w, now.b), true)
		}
	}
	h.ID = s.newID()
	p2p.Send(s.env, l.peer, RoutePatch{h, 1, 1, true, 4, pack(l.table.difference(&now))})
	l.table, l.told = now, s.library.changes+1
	s.told = s.env.Now()
}

// difference is the patch of 4 bits an entry that makes t to now.
func (t *routeTable) difference(now *routeTable) []byte {
	data := make([]byte, 1<<t.b/2)
	for i := range uint32(1) << t.b {
		d := byte(0)
		switch was, is := t.is(i), now.is(i); {
		case is && !was:
			d = 16 - (routeInfinity - 1)
		case was && !is:
			d = routeInfinity - 1
		}
		data[i/2] |= d << (4 * (1 - i%2))
	}
	return data
}

func pack(data []byte) string {
	var b strings.Builder
	z := zlib.NewWriter(&b)
	z.Write(data)
	z.Close()
	return b.String()
}
