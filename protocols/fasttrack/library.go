package fasttrack

import (
	"encoding/hex"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"peerbed/protocols/p2p"
)

const (
	maxName  = maxText // bytes of a file's name, or of a query
	savedAs  = "shares"
	maxSaved = 64 << 10 // what Disk.Save takes
)

// library is what a node shares, in the order in which it was published.
type library struct {
	hidden bool // a freeloader's: nobody is told of it, or served
	files  []shared
	listed directory // the same, as searches see it
}

// A shared is one file of the library.
type shared struct {
	name string
	size int64
	hash Hash
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

// wanted returns the file of that hash that others may get, or nil.
func (b *library) wanted(h Hash) *shared {
	for i := range b.files {
		if b.files[i].hash == h && !b.hidden {
			return &b.files[i]
		}
	}
	return nil
}

// add shares a file, or shares it with its new content.
func (b *library) add(disk p2p.Disk, f shared) {
	b.remove(disk, f.name)
	b.files = append(b.files, f)
	b.listed.add(f.media(), f.file())
	b.save(disk)
}

func (b *library) remove(disk p2p.Disk, name string) {
	if f := b.find(name); f != nil {
		b.listed.remove(f.hash, name)
		b.files = slices.DeleteFunc(b.files, func(f shared) bool { return f.name == name })
		b.save(disk)
	}
}

// save writes a line per file, the oldest left out where there is no room.
func (b *library) save(disk p2p.Disk) {
	var lines []byte
	for i := range b.files {
		f := &b.files[len(b.files)-1-i]
		line := fmt.Sprintf("%d %x %q\n", f.size, f.hash[:], f.name)
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
		n, _ := fmt.Sscanf(line, "%d %s %q", &f.size, &sum, &f.name)
		raw, err := hex.DecodeString(sum)
		if n != 3 || err != nil || len(raw) != len(f.hash) || !slices.Contains(blobs, p2p.Blob{Name: f.name, Len: f.size}) {
			continue
		}
		copy(f.hash[:], raw)
		b.files = append([]shared{f}, b.files...)
	}
	for i := range b.files {
		b.listed.add(b.files[i].media(), b.files[i].file())
	}
}

// file is what the network is told of f.
func (f *shared) file() File {
	return File{Hash: f.hash, Sum: f.hash.checksum(), Size: uint32(f.size), Tags: Tags{}.with(tagFilename, f.name)}
}

// media tells the kind of a file by its name.
func (f *shared) media() uint8 {
	kinds := [][]string{1: {".mp3", ".ogg", ".wav", ".wma"}, 2: {".avi", ".mpg", ".mpeg", ".wmv"}, 3: {".jpg", ".gif", ".png"},
		4: {".txt", ".pdf", ".doc"}, 5: {".exe", ".zip"}}
	return uint8(max(0, slices.IndexFunc(kinds, func(k []string) bool { return slices.Contains(k, strings.ToLower(path.Ext(f.name))) })))
}

// publish shares a blob of the Disk once its hash is known.
func (n *node) publish(name string, done func(p2p.Result)) {
	blobs := n.env.Disk().Blobs()
	i := slices.IndexFunc(blobs, func(b p2p.Blob) bool { return b.Name == name })
	switch {
	case n.gone:
		done(p2p.Result{Err: p2p.ErrGone})
	case i < 0:
		done(p2p.Result{Err: fmt.Errorf("fasttrack: no file %q in the folder: %w", name, p2p.ErrNotFound)})
	case strings.TrimSpace(name) == "" || len(name) > maxName || blobs[i].Len > math.MaxUint32:
		done(p2p.Result{Err: fmt.Errorf("fasttrack: %q of %d bytes cannot be shared, a name has at most %d bytes and a file less than 4 GiB: %w",
			name, blobs[i].Len, maxName, p2p.ErrUnsupported)})
	default:
		sumOf(n.env, blobs[i], &publishing{n, blobs[i], done})
	}
}

// publishing waits for the hash of a blob.
type publishing struct {
	n    *node
	blob p2p.Blob
	done func(p2p.Result)
}

func (p *publishing) Handle(_ p2p.Peer, m p2p.Msg) {
	sum, ok := m.(*p2p.Summed)
	switch {
	case !ok:
	case sum.Err != nil:
		p.done(p2p.Result{Err: fmt.Errorf("fasttrack: hash of %q: %w: %w", p.blob.Name, p2p.ErrDisk, sum.Err)})
	case p.n.gone:
		p.done(p2p.Result{Err: p2p.ErrGone})
	default:
		p.n.share(shared{p.blob.Name, p.blob.Len, Hash(sum.Sum)})
		p.n.confirm(func() { p.done(p2p.Result{Blob: p.blob}) })
	}
}

// share adds a file and tells the parent.
func (n *node) share(f shared) {
	n.unshare(f.name)
	n.library.add(n.env.Disk(), f)
	if n.parent != nil && !n.library.hidden {
		p2p.Send(n.env, n.parent.peer, Share{f.media(), f.file()})
	}
}

// shareAll tells a new parent of all.
func (n *node) shareAll() {
	for i := range n.library.files {
		if f := &n.library.files[i]; n.parent != nil && !n.library.hidden {
			p2p.Send(n.env, n.parent.peer, Share{f.media(), f.file()})
		}
	}
}

// unshare takes a file off, and the parent's list.
func (n *node) unshare(name string) {
	f := n.library.find(name)
	if f == nil {
		return
	}
	if n.parent != nil && !n.library.hidden {
		p2p.Send(n.env, n.parent.peer, Unshare{f.file()})
	}
	n.library.remove(n.env.Disk(), name)
}

func (n *node) remove(name string, done func(p2p.Result)) {
	if n.library.find(name) == nil {
		done(p2p.Result{Err: fmt.Errorf("fasttrack: %q is not shared: %w", name, p2p.ErrNotFound)})
		return
	}
	n.unshare(name)
	n.confirm(func() { done(p2p.Result{}) })
}
