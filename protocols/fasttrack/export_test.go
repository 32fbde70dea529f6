package fasttrack

import (
	"time"

	"peerbed/protocols/p2p"
)

// What the external tests look into.
var (
	Accept       = accept
	NewTransfer  = newTransfer
	NewDatagrams = newDatagrams
	NewUUHash    = newUUHash
	UserOf       = userOf
	Checksum     = Hash.checksum
)

const (
	Plain = cipherPlain
	Table = cipherTable
)

// Keystream enciphers in place.
func Keystream(kind, seed uint32) func(b []byte) { return newKeystream(kind, seed).xor }

// NewClear is the codec of a session after its handshake, without a cipher: of the
// supernode's side, or of the child's.
func NewClear(acceptor bool) func() p2p.Codec {
	return func() p2p.Codec { return &session{acceptor: acceptor, greeted: true, keyed: true, named: true} }
}

// NewAcceptor is the codec of a session that another node has begun.
func NewAcceptor() p2p.Codec { return &session{acceptor: true} }

// A Life is what a reputation is worked out from: time in the network, time away,
// bytes sent and fetched.
type Life struct {
	Online, Away  time.Duration
	Sent, Fetched int64
}

// Reputation is what a life makes: first the time away, so that the bounds cut off
// as little as they can.
func Reputation(cfg Config, l Life) int {
	m := merit{points: firstReputation * milli, sent: l.Sent, fetched: l.Fetched, uncount: l.Sent}
	m.count(l.Online, &cfg)
	m.points -= hours(l.Away, cfg.Away)
	m.clamp()
	if cfg.Reputation == Ratio {
		return m.ratio()
	}
	return int(m.points / milli)
}
