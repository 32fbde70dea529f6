package fasttrack

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"peerbed/protocols/p2p"
)

// A Role is what a node may be.
type Role uint8

const (
	// RoleAble is ordinary until a supernode is needed that is as fit as it.
	RoleAble Role = iota
	// RoleOrdinary never has children.
	RoleOrdinary
	// RoleSupernode is a supernode from the beginning, and stays one.
	RoleSupernode
)

var roles = []string{"able", "ordinary", "supernode"}

// MarshalText writes the role's name.
func (r Role) MarshalText() ([]byte, error) { return []byte(roles[r]), nil }

// UnmarshalText reads it.
func (r *Role) UnmarshalText(b []byte) error { return choose((*uint8)(r), roles, b) }

// choose reads the name of one of several variants.
func choose(v *uint8, names []string, b []byte) error {
	i := slices.Index(names, string(b))
	if i < 0 {
		return fmt.Errorf("one of %s", strings.Join(names, ", "))
	}
	*v = uint8(i)
	return nil
}

// eligible reports whether this node could be a supernode at all.
func (n *node) eligible() bool {
	return n.cfg.Role != RoleOrdinary && !n.cfg.Firewalled && !n.gone
}

// rise makes this node a supernode.
func (n *node) rise() {
	if n.super {
		return
	}
	n.super, n.since = true, n.env.Now()
	n.nextCall = n.since + settling
	n.dropUplinks(nil)
	n.announce()
	n.tendLinks()
	for _, s := range n.searches {
		s.ask()
	}
}

// promoted rises because the parent wants it, and links to the parent. It stays its
// child until that link stands, so that all the time it is found and finds.
func (n *node) promoted(u *uplink) {
	if u != n.parent || !n.eligible() {
		return
	}
	n.uplinks = slices.DeleteFunc(n.uplinks, func(k *uplink) bool { return k == u })
	n.parent, n.former = nil, u
	n.rise()
	if n.linkTo(u.addr) == nil {
		n.dialSuper(u.addr)
	}
}

// goodbye ends the session with the former parent, if that is at a.
func (n *node) goodbye(a p2p.Addr) {
	if n.former != nil && n.former.addr == a {
		n.former.drop()
		n.former = nil
	}
}

// announce tells the introducer that newcomers may dial this supernode.
func (n *node) announce() {
	if n.super {
		n.intro.Joined()
	}
}

// settling is how long a supernode waits after a change before it makes another.
const settling = 5 * time.Second

// tendRank makes a child a supernode where one more is needed, and resigns where
// there is one too many.
func (n *node) tendRank() {
	if now := n.env.Now(); now >= n.nextCall && n.needed() {
		if c := n.fittest(); c != nil {
			n.nextCall = now + settling
			p2p.Send(n.env, c.peer, Promote{})
		}
	}
	if n.surplus() {
		n.resign()
	}
}

// needed reports whether there is need of another supernode: the places for
// children run short, or there are fewer supernodes than Least.
func (n *node) needed() bool {
	taken := n.taken()
	return 4*taken >= 3*n.cfg.Children || n.linksUp()+1 < n.cfg.Least && taken > 1
}

// fittest is the child of the best reputation that may be a supernode; of equals the
// one that has been here longest.
func (n *node) fittest() (best *child) {
	for _, c := range n.children {
		fit := c.in && c.able && n.believed(c) >= n.cfg.Promote && kbits(c.bandwidth) >= n.cfg.Capacity
		if fit && (best == nil || n.believed(c) > n.believed(best)) {
			best = c
		}
	}
	return best
}

// surplus reports whether this supernode should resign: it is not fit any more, or
// idle, there are enough others, and none of them is worse.
func (n *node) surplus() bool {
	now := n.env.Now()
	if n.cfg.Role != RoleAble || now-n.since < n.cfg.Tenure || n.linksUp() < n.cfg.Least || now < n.nextCall {
		return false
	}
	n.nextCall = now + n.spread(settling) // not all at once
	self := n.says()
	unfit := int(self.Reputation) < n.cfg.Demote
	if !unfit && 10*n.taken() >= n.cfg.Children {
		return false
	}
	return !slices.ContainsFunc(n.links, func(l *link) bool {
		return l.up && cmp.Or(cmp.Compare(l.reputation, self.Reputation), -cmp.Compare(l.addr, self.Addr)) < 0
	})
}

// resign makes this supernode an ordinary node again.
func (n *node) resign() {
	n.dismiss()
	n.orphaned()
	n.seek()
}

// dismiss sends the children to other supernodes, and ends all links.
func (n *node) dismiss() {
	if !n.super {
		return
	}
	n.super = false
	if n.former != nil {
		n.goodbye(n.former.addr)
	}
	for _, c := range slices.Clone(n.children) {
		if c.in {
			p2p.Send(n.env, c.peer, Supernodes{n.others(c.addr)})
		}
		c.drop()
	}
	for _, l := range slices.Clone(n.links) {
		l.drop()
	}
}

// bandwidth is how the wire writes kbit/s: about 14 times their binary logarithm,
// and 59.
func bandwidth(kbits uint32) uint8 {
	return uint8(min(255, math.Round(59+14*math.Log2(float64(max(kbits, 1))))))
}

// kbits reads it.
func kbits(b uint8) uint32 { return uint32(math.Round(math.Exp2((float64(b) - 59) / 14))) }
