package chord

import "slices"

// A Store says what lies at the owner of a key.
type Store uint8

const (
	// Objects: the object itself. Whenever the ring changes, it moves.
	Objects Store = iota
	// Pointers: the address of the node that published it. Only that moves,
	// which costs less the larger objects are, and a fetch takes one more
	// step; but the object is there only while its publisher is.
	Pointers
)

var storeNames = []string{Objects: "objects", Pointers: "pointers"}

// MarshalText writes the name of what is stored.
func (s Store) MarshalText() ([]byte, error) { return []byte(storeNames[s]), nil }

// UnmarshalText reads it.
func (s *Store) UnmarshalText(b []byte) (err error) {
	*s, err = pick[Store](b, storeNames)
	return err
}

// share lists a blob of the user's that this node will give to whom a pointer
// leads here.
func (c *Chord) share(e entry) {
	c.unshare(e.Name)
	e.Version = 1
	c.own().shared = append(c.shared, e)
	c.saveNotes()
}

// sharing returns where a blob stands among those; -1: it does not.
func (c *Chord) sharing(name string) int {
	if c.objects == nil {
		return -1
	}
	return slices.IndexFunc(c.shared, func(e entry) bool { return e.Name == name })
}

func (c *Chord) unshare(name string) {
	if i := c.sharing(name); i >= 0 {
		c.shared = slices.Delete(c.shared, i, i+1)
		c.saveNotes()
	}
}
