package bittorrent

import (
	"encoding/binary"
	"fmt"

	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

var be = binary.BigEndian

// greets begins a stream between peers.
const greets = "\x13BitTorrent protocol"

// The ids of messages.
const (
	idChoke = iota
	idUnchoke
	idInterested
	idNotInterested
	idHave
	idBitfield
	idRequest
	idPiece
	idCancel
	idPort        // of BEP 5, which is passed over
	idSuggest     = 0x0d
	idHaveAll     = 0x0e
	idHaveNone    = 0x0f
	idReject      = 0x10
	idAllowedFast = 0x11
	idExtended    = 20
)

// Bounds of what a frame may hold.
const (
	blockLen = 16 << 10
	maxBlock = 128 << 10 // what is taken, though never asked for
	maxFrame = maxBlock + 16
)

// frames is the codec of a stream between peers: a handshake, then frames.
type frames struct {
	greeted bool // the other side's handshake has come

	// The last message read.
	handshake Handshake
	have      Have
	bitfield  Bitfield
	request   Request
	piece     Piece
	cancel    Cancel
	suggest   Suggest
	reject    Reject
	allowed   AllowedFast
	extended  Extended
	metadata  Metadata
	pex       Pex
}

func newFrames() p2p.Codec { return &frames{} }

func (c *frames) Append(dst []byte, m p2p.Msg) ([]byte, p2p.Content, error) {
	switch m := m.(type) {
	case *Handshake:
		dst = append(dst, greets...)
		dst = append(dst, m.Reserved[:]...)
		dst = append(dst, m.Hash[:]...)
		return append(dst, m.ID[:]...), p2p.Content{}, nil
	case *Piece:
		dst = be.AppendUint32(dst, 9+m.Len)
		dst = append(dst, idPiece)
		dst = be.AppendUint32(dst, m.Index)
		return be.AppendUint32(dst, m.Begin), m.Data, nil
	case *Rest:
		return dst, m.Data, nil
	case interface{ append([]byte) []byte }:
		return m.append(dst), p2p.Content{}, nil
	case *KeepAlive:
		return be.AppendUint32(dst, 0), p2p.Content{}, nil
	}
	if id, ok := bare(m); ok {
		return append(be.AppendUint32(dst, 1), id), p2p.Content{}, nil
	}
	return dst, p2p.Content{}, fmt.Errorf("bittorrent: no bytes for a %T between peers", m)
}

// bare returns the id of a message that is nothing else.
func bare(m p2p.Msg) (id byte, ok bool) {
	switch m.(type) {
	case *Choke:
		return idChoke, true
	case *Unchoke:
		return idUnchoke, true
	case *Interested:
		return idInterested, true
	case *NotInterested:
		return idNotInterested, true
	case *HaveAll:
		return idHaveAll, true
	case *HaveNone:
		return idHaveNone, true
	}
	return 0, false
}

func appendNumbers(dst []byte, id byte, numbers ...uint32) []byte {
	dst = be.AppendUint32(dst, uint32(1+4*len(numbers)))
	dst = append(dst, id)
	for _, n := range numbers {
		dst = be.AppendUint32(dst, n)
	}
	return dst
}

func (m *Have) append(dst []byte) []byte        { return appendNumbers(dst, idHave, m.Piece) }
func (m *Suggest) append(dst []byte) []byte     { return appendNumbers(dst, idSuggest, m.Piece) }
func (m *AllowedFast) append(dst []byte) []byte { return appendNumbers(dst, idAllowedFast, m.Piece) }
func (m *Request) append(dst []byte) []byte {
	return appendNumbers(dst, idRequest, m.Piece, m.Begin, m.Len)
}
func (m *Cancel) append(dst []byte) []byte {
	return appendNumbers(dst, idCancel, m.Piece, m.Begin, m.Len)
}
func (m *Reject) append(dst []byte) []byte {
	return appendNumbers(dst, idReject, m.Piece, m.Begin, m.Len)
}

func (m *Bitfield) append(dst []byte) []byte {
	dst = be.AppendUint32(dst, uint32(1+len(m.Bits)))
	return append(append(dst, idBitfield), m.Bits...)
}

func (c *frames) Next(src []byte, eof bool) (p2p.Msg, int, error) {
	if !c.greeted {
		return c.greeting(src)
	}
	if len(src) < 4 {
		return nil, 0, nil
	}
	size := be.Uint32(src)
	if size == 0 {
		return &KeepAlive{}, 4, nil
	}
	if size > maxFrame {
		return nil, 0, malformed("a frame of %d bytes, over %d", size, maxFrame)
	}
	n := 4 + int(size)
	if len(src) < n {
		return nil, 0, nil
	}
	m, err := c.frame(src[4], src[5:n:n])
	return m, n, err
}

func (c *frames) greeting(src []byte) (p2p.Msg, int, error) {
	if n := min(len(src), len(greets)); string(src[:n]) != greets[:n] {
		return nil, 0, malformed("a stream between peers that begins with %.20q", src)
	}
	if len(src) < handshakeSize {
		return nil, 0, nil
	}
	c.greeted = true
	r := wire.NewReader(src[len(greets):handshakeSize])
	copy(c.handshake.Reserved[:], r.Take(8))
	copy(c.handshake.Hash[:], r.Take(20))
	copy(c.handshake.ID[:], r.Take(20))
	return &c.handshake, handshakeSize, nil
}

// frame reads the frame with this id; nil: one that is not known.
func (c *frames) frame(id byte, b []byte) (m p2p.Msg, err error) {
	r := wire.NewReader(b)
	block := func() Block { return Block{r.Uint32(be), r.Uint32(be), r.Uint32(be)} }
	switch id {
	case idChoke:
		m = &Choke{}
	case idUnchoke:
		m = &Unchoke{}
	case idInterested:
		m = &Interested{}
	case idNotInterested:
		m = &NotInterested{}
	case idHave:
		c.have.Piece, m = r.Uint32(be), &c.have
	case idBitfield:
		c.bitfield.Bits, m = r.Take(r.Len()), &c.bitfield
	case idRequest:
		c.request.Block, m = block(), &c.request
	case idPiece:
		c.piece = Piece{Index: r.Uint32(be), Begin: r.Uint32(be), Len: uint32(r.Len())}
		c.piece.Data, m = p2p.View(r.Take(r.Len())), &c.piece
	case idCancel:
		c.cancel.Block, m = block(), &c.cancel
	case idSuggest:
		c.suggest.Piece, m = r.Uint32(be), &c.suggest
	case idHaveAll:
		m = &HaveAll{}
	case idHaveNone:
		m = &HaveNone{}
	case idReject:
		c.reject.Block, m = block(), &c.reject
	case idAllowedFast:
		c.allowed.Piece, m = r.Uint32(be), &c.allowed
	case idExtended:
		return c.extension(r)
	default:
		return nil, nil
	}
	return m, r.End()
}
