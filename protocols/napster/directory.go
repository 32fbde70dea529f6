package napster

import (
	"slices"
	"unsafe"
)

// A directory is what a server knows of files: who has which. It holds names,
// no files.
//
// Each word of the tree has a posting list: the entries whose names have it. A
// search takes the shortest list of its words and looks which of the entries
// there have the others too.
type directory struct {
	words    tree
	postings []posting
	entries  []entry // some are free
	free     []int32
	files    int
	bytes    int64

	// What searches cost: words looked up, letters compared in the tree, and
	// entries looked at.
	lookups, compared, looked uint64
}

// A posting lists the entries with a word, in the order in which they came.
// Those that are dead are swept out when half of them are.
type posting struct {
	entries []int32
	dead    int
}

// An entry is one file of one user.
type entry struct {
	File
	owner *session // nil: dead
	words []int32  // each once
	refs  int32    // posting lists that still name it
}

// maxWords is how many words of a name count.
const maxWords = 32

// add enters a file; -1: its name has no word.
func (d *directory) add(owner *session, f File) int32 {
	var numbers []int32
	for _, w := range words(base(f.Name)) {
		n := int32(d.words.insert(w))
		if len(numbers) < maxWords && !slices.Contains(numbers, n) {
			numbers = append(numbers, n)
		}
	}
	if len(numbers) == 0 {
		return -1
	}
	at := d.place()
	d.entries[at] = entry{f, owner, numbers, int32(len(numbers))}
	for _, n := range numbers {
		for int(n) >= len(d.postings) {
			d.postings = append(d.postings, posting{})
		}
		d.postings[n].entries = append(d.postings[n].entries, at)
	}
	d.files++
	d.bytes += f.Bytes
	return at
}

func (d *directory) place() int32 {
	if n := len(d.free); n > 0 {
		at := d.free[n-1]
		d.free = d.free[:n-1]
		return at
	}
	d.entries = append(d.entries, entry{})
	return int32(len(d.entries) - 1)
}

// remove takes an entry out. Its place is used again once no list names it.
func (d *directory) remove(at int32) {
	e := &d.entries[at]
	d.files--
	d.bytes -= e.Bytes
	e.owner, e.File = nil, File{}
	for _, n := range e.words {
		p := &d.postings[n]
		if p.dead++; 2*p.dead >= len(p.entries) {
			d.sweep(p)
		}
	}
}

func (d *directory) sweep(p *posting) {
	p.dead = 0
	p.entries = slices.DeleteFunc(p.entries, func(at int32) bool {
		e := &d.entries[at]
		if e.owner != nil {
			return false
		}
		if e.refs--; e.refs == 0 {
			*e = entry{}
			d.free = append(d.free, at)
		}
		return true
	})
}

// maxLook is how many entries one search looks at: two words that half of all
// names have, and no name both, must not hold up everybody else.
const maxLook = 200_000

// search calls found for entries with all words of the query and within its
// bounds, up to most.
func (d *directory) search(q *Search, most int, found func(e *entry)) {
	var wanted []int32
	for _, w := range append(words(q.Contains), words(q.And)...) {
		n, compared := d.words.find(w)
		d.lookups++
		d.compared += uint64(compared)
		if n < 0 {
			return
		}
		if len(wanted) < maxWords && !slices.Contains(wanted, int32(n)) {
			wanted = append(wanted, int32(n))
		}
	}
	if len(wanted) == 0 {
		return
	}
	rarest := slices.MinFunc(wanted, func(a, b int32) int { return len(d.postings[a].entries) - len(d.postings[b].entries) })
	for i, at := range d.postings[rarest].entries {
		if most == 0 || i == maxLook {
			return
		}
		d.looked++
		if e := &d.entries[at]; e.fits(q, wanted, rarest) {
			found(e)
			most--
		}
	}
}

func (e *entry) fits(q *Search, wanted []int32, known int32) bool {
	if e.owner == nil || !q.Kbps.holds(e.Kbps) || !q.Freq.holds(e.Hz) || !q.Speed.holds(uint32(e.owner.user.line)) {
		return false
	}
	for _, n := range wanted {
		if n != known && !slices.Contains(e.words, n) {
			return false
		}
	}
	return true
}

// held is how many bytes of memory the directory takes: of the tree, the lists,
// the entries and what they point to.
func (d *directory) held() int64 {
	n := len(d.words.nodes)*int(unsafe.Sizeof(treeNode{})) + len(d.postings)*int(unsafe.Sizeof(posting{})) +
		len(d.entries)*int(unsafe.Sizeof(entry{}))
	for i := range d.postings {
		n += 4 * len(d.postings[i].entries)
	}
	for i := range d.entries {
		e := &d.entries[i]
		n += len(e.Name) + len(e.MD5) + 4*len(e.words)
	}
	return int64(n)
}
