package kelips

import (
	"crypto/sha1"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

// A file is one whose home this node is: published here, or (with Paper) brought
// here.
type file struct {
	Name string
	blob string // on the disk: the name, or another if it was brought here
	item
	due time.Duration // when its tuple is to be refreshed
}

// what returns the file without its name; nothing of no file.
func (f *file) what() item {
	if f == nil {
		return item{}
	}
	return f.item
}

// hosted begins the names of the blobs that were brought here, apart from the
// user's own, and of the records of all files.
const hosted = "kelips-"

func digest(text string) string {
	h := sha1.Sum([]byte(text))
	return hosted + hex.EncodeToString(h[:])
}

// record is the name under which a blob is noted on the disk as a file whose home
// this node is: with the SHA-1 of its bytes, and its name.
func record(blob string) string { return digest("blob " + blob) }

// keep makes this node the home of a file.
func (c *Kelips) keep(f file) {
	c.env.Disk().Save(record(f.blob), append(f.Sum[:len(f.Sum):len(f.Sum)], f.Name...))
	c.list(f)
}

func (c *Kelips) list(f file) {
	i, found := c.fileAt(f.Name)
	if c.mark++; !found {
		c.files = slices.Insert(c.files, i, f)
		return
	}
	if c.files[i].blob != f.blob {
		c.discard(&c.files[i])
	}
	c.files[i] = f
}

func (c *Kelips) fileAt(name string) (int, bool) {
	return slices.BinarySearchFunc(c.files, name, func(f file, n string) int { return strings.Compare(f.Name, n) })
}

// file returns the file of that name whose home this node is; nil: it is none's.
func (c *Kelips) file(name string) *file {
	if i, found := c.fileAt(name); found {
		return &c.files[i]
	}
	return nil
}

// forget ends this node's being the home of a file; what its user had published
// stays on the disk.
func (c *Kelips) forget(name string) {
	if i, found := c.fileAt(name); found {
		c.discard(&c.files[i])
		c.files = slices.Delete(c.files, i, i+1)
		c.mark++
	}
	c.unnote(name, c.me)
}

func (c *Kelips) discard(f *file) {
	c.env.Disk().Save(record(f.blob), nil)
	if f.blob != f.Name {
		c.env.Disk().Remove(f.blob)
	}
}

// evict forgets a file that was brought here. One that this node's own user
// published nobody else can remove.
func (c *Kelips) evict(name string) bool {
	f := c.file(name)
	if f == nil || f.blob == f.Name {
		return false
	}
	c.forget(name)
	return true
}

// restore lists again what lies on the disk from before a crash. What had not
// arrived whole goes.
func (c *Kelips) restore() {
	disk := c.env.Disk()
	for _, b := range disk.Blobs() {
		r := wire.NewReader(disk.Load(record(b.Name)))
		f := file{blob: b.Name, item: item{Bytes: b.Len}}
		copy(f.Sum[:], r.Take(len(f.Sum)))
		f.Name = string(r.Take(r.Len()))
		switch {
		case r.Err() == nil && f.Name != "":
			c.list(f)
		case strings.HasPrefix(b.Name, hosted):
			disk.Remove(b.Name)
		}
	}
}

// A removing is a user's wish that a file be forgotten: here, if it lies here,
// and otherwise (with Paper) at its home.
func (c *Kelips) remove(name string, done func(p2p.Result)) {
	if c.file(name) != nil {
		c.forget(name)
		done(p2p.Result{Found: []p2p.Addr{c.me}, Path: []p2p.Hop{{Addr: c.me}}})
		return
	}
	c.find(name, (*finding).remove, done)
}

func (f *finding) remove(*held) {
	p2p.Ask(&f.c.calls, f.homes[0].Peer(), remove{Name: f.name}, f, (*finding).removed)
}

func (f *finding) removed(r *removed) {
	switch {
	case r == nil:
		f.fail(p2p.ErrTimeout)
	case !r.Found:
		f.fail(p2p.ErrNotFound)
	default:
		f.report(nil)
	}
}
