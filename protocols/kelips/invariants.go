package kelips

import (
	"errors"
	"fmt"
	"slices"

	"peerbed/protocols/p2p"
)

// Complete is the share of its group that a node ought to know, on average, while
// nothing happens.
const Complete = 0.99

// Whole reports what the soft state of all live nodes still lacks: that nodes know
// their groups (Views), have contacts in all others (Covered), and have forgotten
// the dead (Fresh). nil: nothing.
func Whole(states []p2p.State) error {
	return errors.Join(Views(states), Covered(states), Fresh(states))
}

// Views reports if, of all pairs of live nodes of one group, fewer than Complete
// know each other.
func Views(states []p2p.State) error {
	if share, worst := Completeness(states); share < Complete {
		return fmt.Errorf("the nodes know %.4f of their groups, want %.2f; %v lacks most", share, Complete, worst)
	}
	return nil
}

// Completeness returns how much of their groups live nodes know, of all their live
// members, and who lacks most. It is 1 where no group has two.
func Completeness(states []p2p.State) (share float64, worst p2p.Addr) {
	groups := byGroup(states)
	knows, could, most := 0, 0, 0
	for _, s := range states {
		d := s.Detail.(Detail)
		lacks := 0
		for _, a := range groups[d.Group] {
			if a == s.Self {
				continue
			}
			could++
			if _, found := slices.BinarySearch(d.Members, a); found {
				knows++
			} else {
				lacks++
			}
		}
		if lacks > most {
			most, worst = lacks, s.Self
		}
	}
	if could == 0 {
		return 1, 0
	}
	return float64(knows) / float64(could), worst
}

// Covered reports a node that has no live contact in a group that has live nodes.
func Covered(states []p2p.State) error {
	groups := byGroup(states)
	where := map[p2p.Addr]int{}
	for g, list := range groups {
		for _, a := range list {
			where[a] = g
		}
	}
	var errs []error
	for _, s := range states {
		d := s.Detail.(Detail)
		has := make([]bool, len(groups))
		has[d.Group] = true
		for _, a := range d.Contacts {
			if g, live := where[a]; live {
				has[g] = true
			}
		}
		for g, list := range groups {
			if len(list) > 0 && !has[g] {
				errs = append(errs, fmt.Errorf("%v has no live contact in group %d", s.Self, g))
			}
		}
	}
	return few(errs)
}

// Fresh reports a node that knows one that is dead.
func Fresh(states []p2p.State) error {
	live := map[p2p.Addr]bool{}
	for _, s := range states {
		live[s.Self] = true
	}
	var errs []error
	for _, s := range states {
		for _, a := range s.Neighbours {
			if !live[a] {
				errs = append(errs, fmt.Errorf("%v knows %v, which is gone", s.Self, a))
			}
		}
	}
	return few(errs)
}

// few joins errors, with the number of those that it leaves out.
func few(errs []error) error {
	const most = 3
	if n := len(errs) - most; n > 0 {
		errs = append(errs[:most:most], fmt.Errorf("and %d more", n))
	}
	return errors.Join(errs...)
}
