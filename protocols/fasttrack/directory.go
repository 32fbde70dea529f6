package fasttrack

import (
	"slices"
	"strings"
)

// A directory is the files of one peer, as a supernode lists them.
type directory struct {
	list  []entry
	bytes int // about what they take
}

// maxListed is how many bytes the files of one child may take.
const maxListed = 1 << 20

type entry struct {
	media uint8
	File
	words string // of its tags, in lower case
}

// add lists a file, or lists it with its new tags.
func (d *directory) add(media uint8, f File) {
	d.remove(f.Hash, f.Tags.get(tagFilename))
	e := entry{media, f, f.Tags.words()}
	d.list = append(d.list, e)
	d.bytes += e.bytes()
}

// bytes is about what an entry takes.
func (e *entry) bytes() int { return 128 + len(e.Tags.Raw) + len(e.words) }

// remove takes the file of that hash and name off.
func (d *directory) remove(h Hash, name string) {
	d.list = slices.DeleteFunc(d.list, func(e entry) bool {
		gone := e.Hash == h && e.Tags.get(tagFilename) == name
		if gone {
			d.bytes -= e.bytes()
		}
		return gone
	})
}

// match calls f with every file that fits q until f returns false.
func (d *directory) match(q *query, f func(*File) bool) {
	for i := range d.list {
		if e := &d.list[i]; q.fits(e) && !f(&e.File) {
			return
		}
	}
}

// How a Term compares.
const (
	cmpEqual   = 0
	cmpAtMost  = 2
	cmpNearly  = 3
	cmpAtLeast = 4
	cmpPart    = 5
)

// The realms of a Search, of which open clients leave out the top bit.
const (
	realmMask = 0x3F
	realmFrom = 0x20 // and the medium: 1 audio, 2 video ...
	realmAll  = 0xBF
)

// A query is a Search made ready.
type query struct {
	media uint8 // 0: any
	terms []Term
	words [][]string // of those terms that ask for words
}

func (m *Search) compile() query {
	q := query{terms: m.Terms, words: make([][]string, len(m.Terms))}
	if r := m.Realm & realmMask; r > realmFrom && r < realmMask {
		q.media = r - realmFrom
	}
	for i, t := range m.Terms {
		if t.Cmp == cmpPart || t.Cmp == cmpNearly {
			q.words[i] = strings.Fields(strings.ToLower(t.Text))
		}
	}
	return q
}

// fits reports whether all terms hold of e.
func (q *query) fits(e *entry) bool {
	if q.media != 0 && e.media != q.media {
		return false
	}
	for i := range q.terms {
		if !q.holds(i, e) {
			return false
		}
	}
	return true
}

func (q *query) holds(i int, e *entry) bool {
	t := &q.terms[i]
	switch {
	case t.Field == tagHash:
		return t.Cmp == cmpEqual && t.Text == string(e.Hash[:])
	case t.Cmp == cmpAtMost:
		return e.number(t.Field) <= number(t.Text)
	case t.Cmp == cmpAtLeast:
		return e.number(t.Field) >= number(t.Text)
	}
	in := e.words
	if t.Field != tagAny {
		in = strings.ToLower(e.Tags.get(uint16(t.Field)))
	}
	if t.Cmp == cmpEqual {
		return in == strings.ToLower(t.Text)
	}
	return !slices.ContainsFunc(q.words[i], func(w string) bool { return !strings.Contains(in, w) })
}

// number reads a tag or a term that is a packed number.
func number(s string) (v uint64) {
	for i := range min(len(s), 5) {
		v = v<<7 | uint64(s[i]&0x7f)
	}
	return v
}

func (e *entry) number(field uint8) uint64 {
	if field == tagSize {
		return uint64(e.Size)
	}
	return number(e.Tags.get(uint16(field)))
}
