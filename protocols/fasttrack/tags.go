package fasttrack

import (
	"strings"

	"peerbed/protocols/wire"
)

// Tags that mean something here; the others (year, album, bit depth ...) are kept
// and searched as they are.
const (
	tagAny      = 0
	tagFilename = 2
	tagHash     = 3
	tagTitle    = 4
	tagArtist   = 6
	tagSize     = 0x21
	// tagHops is our own: on results from other supernodes' children it says how
	// far away that supernode is. Open clients skip tags that they do not know.
	tagHops = 0x70
)

// Tags describe a file: Raw is N times type, length and value. They stay encoded,
// so that a stranger's take no more memory than they came in.
type Tags struct {
	N   uint8
	Raw string
}

// each calls f with every tag until f returns false.
func (t Tags) each(f func(kind uint16, value string) bool) {
	r := wire.NewReader([]byte(t.Raw))
	for range t.N {
		kind := uint16(packed(r, 0xFFFF))
		if value := text(r); r.Err() != nil || !f(kind, value) {
			return
		}
	}
}

// get returns the first tag of that type, or "".
func (t Tags) get(kind uint16) (found string) {
	t.each(func(k uint16, v string) bool {
		if k == kind {
			found = v
		}
		return k != kind
	})
	return found
}

// with returns t and one more tag, if there is room.
func (t Tags) with(kind uint16, value string) Tags {
	if t.N == maxTags || len(value) > maxText {
		return t
	}
	return Tags{t.N + 1, t.Raw + string(appendText(appendPacked(nil, uint32(kind)), value))}
}

// words is all text of t in lower case, for searches.
func (t Tags) words() string {
	var b strings.Builder
	t.each(func(k uint16, v string) bool {
		if k == tagFilename || k == tagTitle || k == tagArtist {
			b.WriteString(strings.ToLower(v))
			b.WriteByte('\n')
		}
		return true
	})
	return b.String()
}
