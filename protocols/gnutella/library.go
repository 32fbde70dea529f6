package gnutella

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"

	"peerbed/protocols/p2p"
)

const (
	maxName    = 255 // bytes of a file's name, or of a query
	maxMatches = 64  // files in the answer to one query
	savedAs    = "shares"
	maxSaved   = 64 << 10 // what Disk.Save takes
)

// library is what a servent shares, in the order in which it was published.
type library struct {
	hidden  bool // a freeloader's: nobody is told of it, or served
	files   []shared
	last    uint32 // index given away
	changes int    // since the start, for those who are told of them
}

// A shared is one file of the library.
type shared struct {
	index uint32
	name  string
	size  int64
	sum   [sha1.Size]byte
	words []string
}

// words splits a name or a query at all that is neither letter nor digit.
func words(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// contains reports whether all wanted words are there.
func contains(there, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(w string) bool { return !slices.Contains(there, w) })
}

// match lists the files that a query wants, as a Hit tells them.
func (b *library) match(w *wants) []File {
	var files []File
	for i := range b.files {
		f := &b.files[i]
		if !b.hidden && len(files) < maxMatches && w.fit(f.words, f.sum) {
			files = append(files, File{f.index, uint32(f.size), f.name, formatURN(f.sum)})
		}
	}
	return files
}

// find returns a file by its exact name, or nil.
func (b *library) find(name string) *shared {
	for i := range b.files {
		if b.files[i].name == name {
			return &b.files[i]
		}
	}
	return nil
}

// at returns the file of that index, or nil.
func (b *library) at(index uint32) *shared {
	for i := range b.files {
		if b.files[i].index == index && !b.hidden {
			return &b.files[i]
		}
	}
	return nil
}

// wanted returns the file that m asks for, or nil.
func (b *library) wanted(m *Get) *shared {
	sum, byURN := parseURN(m.URN)
	for i := range b.files {
		f := &b.files[i]
		named := m.URN == "" && f.index == m.Index && f.name == m.Name
		if (byURN && f.sum == sum || named) && !b.hidden {
			return f
		}
	}
	return nil
}

// total counts what is shared, in files and bytes.
func (b *library) total() (files uint32, bytes int64) {
	if b.hidden {
		return 0, 0
	}
	for i := range b.files {
		bytes += b.files[i].size
	}
	return uint32(len(b.files)), bytes
}

// add shares a file, or shares it with its new content.
func (b *library) add(disk p2p.Disk, name string, size int64, sum [sha1.Size]byte) {
	b.remove(disk, name)
	b.last++
	b.files = append(b.files, shared{b.last, name, size, sum, words(name)})
	b.save(disk)
}

func (b *library) remove(disk p2p.Disk, name string) {
	b.files = slices.DeleteFunc(b.files, func(f shared) bool { return f.name == name })
	b.save(disk)
}

// save writes a line per file, the oldest left out where there is no room.
func (b *library) save(disk p2p.Disk) {
	b.changes++
	var lines []byte
	for i := range b.files {
		f := &b.files[len(b.files)-1-i]
		line := fmt.Sprintf("%d %d %x %q\n", f.index, f.size, f.sum, f.name)
		if len(lines)+len(line) > maxSaved {
			break
		}
		lines = append(lines, line...)
	}
	disk.Save(savedAs, lines)
}

// recall shares again what was shared before a crash and still lies there.
func (b *library) recall(disk p2p.Disk) {
	blobs := disk.Blobs()
	for line := range strings.Lines(string(disk.Load(savedAs))) {
		var f shared
		var sum string
		n, _ := fmt.Sscanf(line, "%d %d %s %q", &f.index, &f.size, &sum, &f.name)
		raw, err := hex.DecodeString(sum)
		if n != 4 || err != nil || len(raw) != len(f.sum) || !slices.Contains(blobs, p2p.Blob{Name: f.name, Len: f.size}) {
			continue
		}
		copy(f.sum[:], raw)
		f.words = words(f.name)
		b.files = append([]shared{f}, b.files...)
		b.last = max(b.last, f.index)
	}
}

// publish shares a blob of the Disk once its hash is known.
func (s *servent) publish(name string, done func(p2p.Result)) {
	blobs := s.env.Disk().Blobs()
	i := slices.IndexFunc(blobs, func(b p2p.Blob) bool { return b.Name == name })
	if i < 0 {
		done(p2p.Result{Err: fmt.Errorf("gnutella: no file %q in the folder: %w", name, p2p.ErrNotFound)})
		return
	}
	if err := shareable(blobs[i]); err != nil {
		done(p2p.Result{Err: err})
		return
	}
	s.env.Disk().Sum(name, 0, blobs[i].Len, sha1.New, &publishing{s, blobs[i], done})
}

// shareable says why no query would find b, or no hit could tell of it.
func shareable(b p2p.Blob) error {
	switch {
	case len(words(b.Name)) == 0 || len(b.Name) > maxName || strings.Contains(b.Name, "\x00"):
		return fmt.Errorf("gnutella: %q cannot be shared, a name needs a letter or digit and at most %d bytes: %w", b.Name, maxName, p2p.ErrUnsupported)
	case b.Len > math.MaxUint32:
		return fmt.Errorf("gnutella: %q cannot be shared, it has %d bytes and a hit tells at most %d: %w", b.Name, b.Len, uint32(math.MaxUint32), p2p.ErrUnsupported)
	}
	return nil
}

// publishing waits for the hash of a blob.
type publishing struct {
	s    *servent
	blob p2p.Blob
	done func(p2p.Result)
}

func (p *publishing) Handle(_ p2p.Peer, m p2p.Msg) {
	sum, ok := m.(*p2p.Summed)
	switch {
	case !ok:
	case sum.Err != nil:
		p.done(p2p.Result{Err: fmt.Errorf("gnutella: hash of %q: %w: %w", p.blob.Name, p2p.ErrDisk, sum.Err)})
	case p.s.gone:
		p.done(p2p.Result{Err: p2p.ErrGone})
	default:
		p.s.library.add(p.s.env.Disk(), p.blob.Name, p.blob.Len, [sha1.Size]byte(sum.Sum))
		p.s.changed()
		p.done(p2p.Result{Blob: p.blob})
	}
}

func (s *servent) remove(name string, done func(p2p.Result)) {
	if s.library.find(name) == nil {
		done(p2p.Result{Err: fmt.Errorf("gnutella: %q is not shared: %w", name, p2p.ErrNotFound)})
		return
	}
	s.library.remove(s.env.Disk(), name)
	s.changed()
	done(p2p.Result{})
}
