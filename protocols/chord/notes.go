package chord

import (
	"slices"
	"time"

	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

// What lies in no blob of its own outlives a crash in one record: pointers, the
// notes of removals, and what this node has published that only pointers lead to.
// A removal that was forgotten would let an old copy come back; a pointer, cost its
// object until it is published again.

// maxRecord is what Disk.Save takes. Of more notes the last by name are forgotten in
// a crash; others have them too.
const maxRecord = 64 << 10

// A note is one of them as it is saved.
type note struct {
	entry
	mine bool   // published here
	left uint64 // Gone: ns until it may be forgotten
}

func (n *note) fields(f *wire.Fields) {
	f.Bool(&n.mine)
	f.Bool(&n.Gone)
	f.String(&n.Name)
	n.item.fields(f)
	f.Uint64(&n.left)
}

// noted reports whether an entry is kept in the record.
func (e *entry) noted() bool { return e.Gone || e.Holder != 0 }

// saveNotes writes the record anew.
func (c *Chord) saveNotes() {
	var record []byte
	add := func(n note) {
		f := wire.Writing(record)
		if n.fields(&f); len(f.Bytes()) <= maxRecord {
			record = f.Bytes()
		}
	}
	for _, e := range c.own().shared {
		add(note{entry: e, mine: true})
	}
	for _, e := range c.store {
		if e.noted() {
			add(note{entry: e, left: uint64(max(e.until-c.env.Now(), 0))})
		}
	}
	c.env.Disk().Save(c.prefix()+"notes", record)
}

// restoreNotes lists again what the record has.
func (c *Chord) restoreNotes() {
	f := wire.Reading(c.env.Disk().Load(c.prefix() + "notes"))
	for f.Len() > 0 {
		var n note
		if n.fields(&f); f.Err() != nil {
			return
		}
		there := func(b p2p.Blob) bool { return b.Name == n.Name && b.Len == n.Bytes }
		switch {
		case n.mine && slices.ContainsFunc(c.env.Disk().Blobs(), there):
			c.own().shared = append(c.shared, n.entry)
		case n.noted():
			n.until = c.env.Now() + min(time.Duration(n.left), burial)
			c.list(n.entry)
		}
	}
}
