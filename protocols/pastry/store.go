package pastry

import (
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"slices"
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
// user's own files.
const prefix = "pastry-"

// blob is the name of an entry's blob. Another content under the same name is
// another blob, so that it cannot spoil this one while it arrives.
func (e *entry) blob() string {
	h := sha1.Sum(append([]byte(e.Name), e.Sum[:]...))
	return prefix + hex.EncodeToString(h[:])
}

// A blob is complete once a record of the same name has been saved: the
// object's SHA-1, version and name.

func (p *Pastry) save(e *entry) {
	r := binary.BigEndian.AppendUint32(e.Sum[:len(e.Sum):len(e.Sum)], e.Version)
	p.env.Disk().Save(e.blob(), append(r, e.Name...))
}

// restore lists again what lies on the disk from before a crash, and clears
// away what had not arrived whole.
func (p *Pastry) restore() {
	d := p.env.Disk()
	for _, b := range d.Blobs() {
		if !strings.HasPrefix(b.Name, prefix) || len(b.Name) != len(prefix)+2*sha1.Size {
			continue
		}
		r := wire.NewReader(d.Load(b.Name))
		e := entry{item: item{Bytes: b.Len}}
		copy(e.Sum[:], r.Take(len(e.Sum)))
		e.Version = r.Uint32(binary.BigEndian)
		e.Name = string(r.Take(r.Len()))
		if r.Err() != nil || e.blob() != b.Name {
			d.Remove(b.Name)
			continue
		}
		p.insert(e)
	}
}

// at returns where an object stands in the store, or would stand.
func (p *Pastry) at(name string) (i int, found bool) {
	return slices.BinarySearchFunc(p.store, name, func(e entry, n string) int { return strings.Compare(e.Name, n) })
}

// known returns what the node knows of a name; an entry of version 0: nothing.
func (p *Pastry) known(name string) entry {
	if i, found := p.at(name); found {
		return p.store[i]
	}
	return entry{}
}

// insert lists an object, or the note that it was removed. Another content of
// the same name makes room.
func (p *Pastry) insert(e entry) {
	if !p.repair.ticks {
		p.repair.ticks = true
		p.after(p.cfg.Repair, tickRepair)
	}
	i, found := p.at(e.Name)
	if !found {
		p.store = slices.Insert(p.store, i, e)
		return
	}
	if old := &p.store[i]; old.Sum != e.Sum {
		p.env.Disk().Remove(old.blob())
		p.env.Disk().Save(old.blob(), nil)
	}
	p.store[i] = e
}

// bury notes that an object was removed.
func (p *Pastry) bury(name string, version uint32) {
	p.insert(entry{Name: name, item: item{Version: version}, Gone: true, until: p.env.Now() + burial})
}

// forget drops old notes.
func (p *Pastry) forget() {
	now := p.env.Now()
	p.store = slices.DeleteFunc(p.store, func(e entry) bool { return e.Gone && e.until <= now })
}

// holds answers whether this node stores an object.
func (p *Pastry) holds(name string) held {
	e := p.known(name)
	if e.Version == 0 || e.Gone {
		return held{}
	}
	return held{Found: true, item: e.item}
}
