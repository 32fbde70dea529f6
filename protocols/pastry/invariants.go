package pastry

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// details returns the tables of the nodes, in the order of their ids.
func details(states []p2p.State) []p2p.State {
	nodes := slices.Clone(states)
	slices.SortFunc(nodes, func(a, b p2p.State) int {
		return cmp.Compare(a.Detail.(Detail).ID, b.Detail.(Detail).ID)
	})
	return nodes
}

// Exact reports how the nodes, all that live, fall short of exact leaf sets: each
// must have the next ones on either side, as many as fit, and be ready.
func Exact(states []p2p.State) error {
	nodes := details(states)
	n := len(nodes)
	var errs []error
	for at, s := range nodes {
		d := s.Detail.(Detail)
		if !d.Ready {
			errs = append(errs, fmt.Errorf("%s (%v) is not ready", s.ID, s.Self))
			continue
		}
		for side, list := range [...][]p2p.Addr{d.Smaller, d.Larger} {
			step := []int{n - 1, 1}[side]
			want := make([]p2p.Addr, 0, d.Half)
			for i := 1; i <= min(d.Half, n-1); i++ {
				want = append(want, nodes[(at+i*step)%n].Self)
			}
			if !slices.Equal(list, want) {
				errs = append(errs, fmt.Errorf("%s (%v) has on the side %s leaves %v, want %v", s.ID, s.Self, []string{"smaller", "larger"}[side], list, want))
			}
		}
	}
	return few(errs)
}

// A claim is what a node makes of the keys around its id: it answers for those to
// which it is closer than the next leaf on either side.
type claim struct {
	space
	id    ring.ID
	next  []ring.ID // at most two
	ready bool
}

func claimOf(d *Detail) claim {
	c := claim{space: space{d.M, d.B}, id: d.ID, ready: d.Ready}
	for _, list := range [...][]p2p.Addr{d.Smaller, d.Larger} {
		if len(list) > 0 {
			c.next = append(c.next, d.M.Addr(list[0]))
		}
	}
	return c
}

func (c *claim) answers(key ring.ID) bool {
	for _, id := range c.next {
		if c.closer(key, id, c.id) {
			return false
		}
	}
	return c.ready
}

// OneAnswer is correct delivery as Lu, Merz and Weidenbach put it: at any time at
// most one node answers a key, and if one does, it is the closest of those that
// are ready. It is for networks that nodes only join: who dies takes its part of
// the circle along until others notice.
//
// Who answers changes only half-way between two ids, so of all keys it is enough to
// look at ids and on either side of each half.
func OneAnswer(states []p2p.State) error {
	claims := make([]claim, 0, len(states))
	var keys []ring.ID
	for _, s := range states {
		d := s.Detail.(Detail)
		c := claimOf(&d)
		if !c.ready {
			continue
		}
		claims = append(claims, c)
		keys = append(keys, c.id)
		for _, id := range c.next {
			half := c.id + c.Distance(c.id, id)/2
			if c.Distance(id, c.id) < c.Distance(c.id, id) {
				half = id + c.Distance(id, c.id)/2
			}
			keys = append(keys, half&c.Max(), (half+1)&c.Max())
		}
	}
	for _, key := range keys {
		if err := oneAnswer(claims, key); err != nil {
			return err
		}
	}
	return nil
}

func oneAnswer(claims []claim, key ring.ID) error {
	var who *claim
	best := &claims[0]
	for i := range claims {
		c := &claims[i]
		if c.closer(key, c.id, best.id) {
			best = c
		}
		if !c.answers(key) {
			continue
		}
		if who != nil {
			return fmt.Errorf("%s and %s both answer for the key %s", c.Text(who.id), c.Text(c.id), c.Text(key))
		}
		who = c
	}
	if who != nil && who != best {
		return fmt.Errorf("%s answers for the key %s, and %s is closer", best.Text(who.id), best.Text(key), best.Text(best.id))
	}
	return nil
}

// KeysAtRoots reports an object that is stored, but not by the root of its key. It
// holds when the network has been quiet for a while.
func KeysAtRoots(states []p2p.State) error {
	var errs []error
	ready := slices.DeleteFunc(slices.Clone(states), func(s p2p.State) bool { return !s.Detail.(Detail).Ready })
	for _, s := range ready {
		d := s.Detail.(Detail)
		space := space{d.M, d.B}
		for _, name := range s.Stored {
			key := d.M.Hash(name)
			root := slices.MinFunc(ready, func(a, b p2p.State) int {
				if space.closer(key, a.Detail.(Detail).ID, b.Detail.(Detail).ID) {
					return -1
				}
				return 1
			})
			if !slices.Contains(root.Stored, name) {
				errs = append(errs, fmt.Errorf("%s lies at %v, and not at its root %v", name, s.Self, root.Self))
			}
		}
	}
	return few(errs)
}

// few joins errors, but not more than three.
func few(errs []error) error {
	if n := len(errs); n > 3 {
		errs = append(errs[:3], fmt.Errorf("and %d more", n-3))
	}
	return errors.Join(errs...)
}
