package gnutella

import (
	"slices"

	"peerbed/protocols/p2p"
)

// A Role is what a servent is in the network; see its constants. Networks of
// Peers only, and networks of the other three, work; mixed ones do, but a Peer
// shields nobody.
type Role uint8

const (
	// Peer is the servent of version 0.4: all are equal, each relays.
	Peer Role = iota
	// Leaf links to Degree ultrapeers and relays nothing. It tells them by QRP
	// what it shares, so it hears few queries. This is also how a host behind
	// a modem takes part: its ultrapeers are its proxies.
	Leaf
	// Ultrapeer links to Degree others, relays, and shields up to Leaves
	// leaves.
	Ultrapeer
	// Able is an ultrapeer until one that it links to says that there are
	// enough (X-Ultrapeer-Needed), and again if it finds none that takes it.
	Able
)

var roles = []string{"peer", "leaf", "ultrapeer", "able"}

// MarshalText writes the role's name.
func (r Role) MarshalText() ([]byte, error) { return []byte(roles[r]), nil }

// UnmarshalText reads it.
func (r *Role) UnmarshalText(b []byte) error { return choose((*uint8)(r), roles, b) }

// rank is what a servent of this role is at first.
func (r Role) rank() rank {
	return [...]rank{Peer: equalRank{}, Leaf: leafRank{}, Ultrapeer: upperRank{}, Able: upperRank{}}[r]
}

// A tie is what a link is to one of its ends.
type tie uint8

const (
	equal tie = iota // both relay
	below            // the other side is a leaf of this one
	above            // this side is a leaf of the other
)

// A rank is what a servent is now. It decides whom it links to.
type rank interface {
	// says adds what a servent of this rank says of itself.
	says(s *servent, f *Fields)
	// ties says what a link will be to a servent that says f; a code other
	// than 200 refuses it.
	ties(f *Fields) (t tie, code uint16)
	name() string
	// relays says whether it passes on what others ask.
	relays() bool
}

type equalRank struct{}

func (equalRank) says(*servent, *Fields)     {}
func (equalRank) ties(*Fields) (tie, uint16) { return equal, 200 }
func (equalRank) relays() bool               { return true }
func (equalRank) name() string               { return roles[Peer] }

type leafRank struct{}

func (leafRank) says(_ *servent, f *Fields) { f.Ultrapeer, f.Routing = "False", true }
func (leafRank) relays() bool               { return false }
func (leafRank) name() string               { return roles[Leaf] }

func (leafRank) ties(f *Fields) (tie, uint16) {
	if f.Ultrapeer != "True" {
		return above, 403
	}
	return above, 200
}

// An upperRank names the degree that it keeps and says that it sends queries
// out step by step, since newer leaves take no other ultrapeer.
type upperRank struct{}

func (upperRank) says(s *servent, f *Fields) {
	f.Ultrapeer, f.Routing = "True", true
	f.Degree, f.Dynamic = uint16(s.cfg.MaxLinks), s.steps()
}

func (upperRank) relays() bool { return true }
func (upperRank) name() string { return roles[Ultrapeer] }

func (upperRank) ties(f *Fields) (tie, uint16) {
	if f.Ultrapeer == "False" {
		return below, 200
	}
	return equal, 200
}

// needed is what an ultrapeer says to another that wants a link: "False" if
// that could as well become its leaf.
func (s *servent) needed(f *Fields) string {
	if _, upper := s.rank.(upperRank); !upper || f.Ultrapeer != "True" {
		return ""
	}
	if s.count(below) < s.cfg.Leaves {
		return "False"
	}
	return "True"
}

// demoted makes an able servent a leaf of the ultrapeer that says f, if that
// has no need of another, and reports whether it is one now. It must not have
// leaves of its own; its other links end.
func (s *servent) demoted(l *link, f *Fields) bool {
	_, upper := s.rank.(upperRank)
	if s.cfg.Role != Able || !upper || f.Needed != "False" || f.Ultrapeer != "True" || s.count(below) > 0 {
		return false
	}
	s.rank = leafRank{}
	for _, k := range slices.Clone(s.links) {
		if k != l {
			k.quit(409, "I am a leaf now")
		}
	}
	return true
}

// promote makes an able servent an ultrapeer again if it has found none that
// takes it as a leaf.
func (s *servent) promote() {
	if _, leaf := s.rank.(leafRank); leaf && s.alone() && s.cfg.Role == Able && s.env.Now()-s.linked > greeting {
		s.rank = upperRank{}
		if s.joined {
			s.announce() // the introducer has forgotten who asked as a leaf
		}
	}
}

// alone reports whether no link stands.
func (s *servent) alone() bool {
	return !slices.ContainsFunc(s.links, func(l *link) bool { return l.up })
}

// count counts the links of a kind.
func (s *servent) count(t tie) (n int) {
	for _, l := range s.links {
		if l.tie == t {
			n++
		}
	}
	return n
}

// room reports whether there is room for a link that another servent dials.
// Leaves have places of their own.
func (s *servent) room(t tie) bool {
	if t == below {
		return s.count(below) < s.cfg.Leaves
	}
	return len(s.links)-s.count(below)+max(0, s.cfg.Degree-s.dialled()) < s.cfg.MaxLinks // its own dials too
}

// Ultrapeers returns the cast of a network with one ultrapeer in every so many
// nodes, the others leaves. The first is an ultrapeer.
func Ultrapeers(every int) func(n int) p2p.Cast {
	return func(n int) p2p.Cast {
		cast := make(p2p.Cast, n)
		for i := range cast {
			cfg := Protocol.Config.(Config)
			cfg.Role = Leaf
			if i%every == 0 {
				cfg.Role = Ultrapeer
			}
			cast[i] = p2p.Role{Name: roles[cfg.Role], Config: cfg}
		}
		return cast
	}
}
