package chord

import (
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"peerbed/protocols/wire"
)

// An entry is an object that the node stores for the network, or the note that
// one was removed: without it repair would bring back what a node kept that did
// not hear of the removal.
type entry struct {
	Name string
	item
	Gone  bool
	until time.Duration // Gone: when the note may be forgotten
}

// burial is how long a node remembers that an object was removed. Who was away
// for longer, and kept the object, brings it back.
const burial = time.Hour

// prefix begins the names of the blobs that hold such objects, apart from the
// user's own files and from those of other points of this node.
func (c *Chord) prefix() string {
	if i := c.me.Addr.Place(); i > 0 {
		return "chord" + strconv.Itoa(i) + "-"
	}
	return "chord-"
}

// blob is the name of an entry's blob. Another content under the same name is
// another blob, so that it cannot spoil this one while it arrives.
func (c *Chord) blob(e *entry) string {
	h := sha1.Sum(append([]byte(e.Name), e.Sum[:]...))
	return c.prefix() + hex.EncodeToString(h[:])
}

// A blob is complete once a record of the same name has been saved: the
// object's SHA-1, version and name.

func (c *Chord) save(e *entry) {
	r := binary.BigEndian.AppendUint32(e.Sum[:len(e.Sum):len(e.Sum)], e.Version)
	c.env.Disk().Save(c.blob(e), append(r, e.Name...))
}

// restore lists again what lies on the disk from before a crash, and clears
// away what had not arrived whole.
func (c *Chord) restore() {
	c.restoreNotes()
	d := c.env.Disk()
	for _, b := range d.Blobs() {
		if !strings.HasPrefix(b.Name, c.prefix()) || len(b.Name) != len(c.prefix())+2*sha1.Size {
			continue
		}
		r := wire.NewReader(d.Load(b.Name))
		e := entry{item: item{Bytes: b.Len}}
		copy(e.Sum[:], r.Take(len(e.Sum)))
		e.Version = r.Uint32(binary.BigEndian)
		e.Name = string(r.Take(r.Len()))
		if r.Err() != nil || c.blob(&e) != b.Name {
			d.Remove(b.Name)
			continue
		}
		c.list(e)
	}
}

// at returns where an object stands in the store, or would stand.
func (c *Chord) at(name string) (i int, found bool) {
	return slices.BinarySearchFunc(c.stored(), name, func(e entry, n string) int { return strings.Compare(e.Name, n) })
}

// known returns what the node knows of a name; an entry of version 0: nothing.
func (c *Chord) known(name string) entry {
	if i, found := c.at(name); found {
		return c.store[i]
	}
	return entry{}
}

// insert lists an object, a pointer, or the note that it was removed. Another content
// of the same name makes room.
func (c *Chord) insert(e entry) {
	was := c.known(e.Name)
	if was.Version > 0 && (was.Sum != e.Sum || was.Holder != e.Holder) {
		c.clear(&was)
	}
	c.list(e)
	if was.noted() || e.noted() {
		c.saveNotes()
	}
}

// list puts an entry into the store.
func (c *Chord) list(e entry) {
	if !c.own().repair.ticks {
		c.repair.ticks = true
		c.after(c.cfg.Repair, tickRepair)
	}
	if i, found := c.at(e.Name); found {
		c.store[i] = e
	} else {
		c.store = slices.Insert(c.store, i, e)
	}
}

// clear takes an entry's bytes from the disk.
func (c *Chord) clear(e *entry) {
	c.env.Disk().Remove(c.blob(e))
	c.env.Disk().Save(c.blob(e), nil)
}

// bury notes that an object was removed.
func (c *Chord) bury(name string, version uint32) {
	c.insert(entry{Name: name, item: item{Version: version}, Gone: true, until: c.env.Now() + burial})
}

// forget drops old notes.
func (c *Chord) forget() {
	now, were := c.env.Now(), len(c.store)
	c.store = slices.DeleteFunc(c.store, func(e entry) bool { return e.Gone && e.until <= now })
	if len(c.store) < were {
		c.saveNotes()
	}
}

// holds answers whether this node stores an object.
func (c *Chord) holds(name string) held {
	e := c.known(name)
	if e.Version == 0 || e.Gone {
		return held{}
	}
	return held{Found: true, item: e.item}
}
