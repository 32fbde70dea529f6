package chord

import (
	"crypto/sha1"
	"encoding/hex"
	"slices"
	"strings"

	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

// An entry is an object that the node stores for the network.
type entry struct {
	Name  string
	Bytes int64
	Sum   hash
}

// prefix begins the names of the blobs that hold such objects, apart from the
// user's own files.
const prefix = "chord-"

// blob is the name of the entry's blob. Another content under the same name is
// another blob, so that it cannot spoil this one while it arrives.
func (e *entry) blob() string {
	h := sha1.Sum(append([]byte(e.Name), e.Sum[:]...))
	return prefix + hex.EncodeToString(h[:])
}

// A blob is complete once a record of the same name has been saved: the
// object's name and SHA-1.

func (e *entry) save(d p2p.Disk) { d.Save(e.blob(), append(e.Sum[:len(e.Sum):len(e.Sum)], e.Name...)) }

// restore lists again what lies on the disk from before a crash, and clears
// away what had not arrived whole.
func (c *Chord) restore() {
	d := c.env.Disk()
	for _, b := range d.Blobs() {
		if !strings.HasPrefix(b.Name, prefix) || len(b.Name) != len(prefix)+2*sha1.Size {
			continue
		}
		r := wire.NewReader(d.Load(b.Name))
		e := entry{Bytes: b.Len}
		copy(e.Sum[:], r.Take(len(e.Sum)))
		e.Name = string(r.Take(r.Len()))
		if r.Err() != nil || e.blob() != b.Name {
			d.Remove(b.Name)
			continue
		}
		c.insert(e)
	}
}

// at returns where an object stands in the store, or would stand.
func (c *Chord) at(name string) (i int, found bool) {
	return slices.BinarySearchFunc(c.store, name, func(e entry, n string) int { return strings.Compare(e.Name, n) })
}

// insert lists an object. Another content of the same name makes room.
func (c *Chord) insert(e entry) {
	if !c.repair.ticks {
		c.repair.ticks = true
		c.after(c.cfg.Repair, tickRepair)
	}
	i, found := c.at(e.Name)
	if !found {
		c.store = slices.Insert(c.store, i, e)
		return
	}
	if old := &c.store[i]; old.Sum != e.Sum {
		c.env.Disk().Remove(old.blob())
		c.env.Disk().Save(old.blob(), nil)
	}
	c.store[i] = e
}

// holds answers whether this node stores an object.
func (c *Chord) holds(name string) held {
	i, found := c.at(name)
	if !found {
		return held{}
	}
	e := c.store[i]
	return held{Found: true, Bytes: e.Bytes, Sum: e.Sum}
}
