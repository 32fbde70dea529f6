package napster

import "peerbed/protocols/p2p"

// The codecs, for tests.
var Accept = accept

func NewFrames() p2p.Codec             { return &frames{} }
func NewGetting(bytes int64) p2p.Codec { return &getting{bytes: bytes} }
func NewGiving() p2p.Codec             { return &giving{} }

// A Tree is the ternary search tree.
type Tree struct{ tree }

func (t *Tree) Insert(word string) int             { return t.insert(word) }
func (t *Tree) Find(word string) (n, compared int) { return t.find(word) }
