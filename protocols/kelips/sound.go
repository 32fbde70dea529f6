package kelips

import (
	"fmt"
	"slices"

	"peerbed/protocols/p2p"
)

// What must hold of each node at any time, and of tuples once the network has
// been quiet for a while.

// Bounded returns the invariant that no node keeps more entries than S(k, n)
// allows: those of its group, none twice and itself not among them, and at most so
// many contacts in each other group.
func Bounded(contacts int) func(states []p2p.State) error {
	return func(states []p2p.State) error {
		groups := make(map[p2p.Addr]int, 2*len(states)) // hashes are dear, and this is asked after every event
		for i := range states {
			groups[states[i].Self] = states[i].Detail.(Detail).Group
		}
		for i := range states {
			if err := bounded(&states[i], groups, contacts); err != nil {
				return fmt.Errorf("%v: %w", states[i].Self, err)
			}
		}
		return nil
	}
}

func bounded(s *p2p.State, groups map[p2p.Addr]int, contacts int) error {
	d := s.Detail.(Detail)
	groupOf := func(a p2p.Addr) int {
		g, known := groups[a]
		if !known {
			g = (&Config{Groups: d.Groups}).groupOf(a)
			groups[a] = g
		}
		return g
	}
	for i, a := range d.Members {
		if a == s.Self || i > 0 && a <= d.Members[i-1] {
			return fmt.Errorf("its members %v are not in order, or it is one of them", d.Members)
		}
		if groupOf(a) != d.Group {
			return fmt.Errorf("%v is among its members, but not of group %d", a, d.Group)
		}
	}
	in := make([]int, d.Groups)
	for _, a := range d.Contacts {
		g := groupOf(a)
		if in[g]++; g == d.Group || in[g] > contacts {
			return fmt.Errorf("%v is one contact too many in group %d: %v", a, g, d.Contacts)
		}
	}
	if !slices.IsSortedFunc(d.Tuples, func(a, b Tuple) int {
		return byName(tuple{Name: a.Name, Home: a.Home}, tuple{Name: b.Name, Home: b.Home})
	}) {
		return fmt.Errorf("its tuples %v are not in order", d.Tuples)
	}
	return nil
}

// NoZombies reports a tuple that names a node which does not have the file, or
// does not live.
func NoZombies(states []p2p.State) error {
	has := map[Tuple]bool{}
	for _, s := range states {
		for _, name := range s.Stored {
			has[Tuple{name, s.Self}] = true
		}
	}
	var errs []error
	for _, s := range states {
		for _, t := range s.Detail.(Detail).Tuples {
			if !has[t] {
				errs = append(errs, fmt.Errorf("%v has a tuple of %s at %v, where it is not", s.Self, t.Name, t.Home))
			}
		}
	}
	return few(errs)
}

// Replicated reports a file that lies at a live node, but whose tuple is not with
// every live node of its group: that of its name, or the next that is not empty.
func Replicated(states []p2p.State) error {
	groups := byGroup(states)
	cfg := Config{Groups: len(groups)}
	knows := map[p2p.Addr]map[Tuple]bool{}
	for _, s := range states {
		knows[s.Self] = map[Tuple]bool{}
		for _, t := range s.Detail.(Detail).Tuples {
			knows[s.Self][t] = true
		}
	}
	var errs []error
	for _, s := range states {
		for _, name := range s.Stored {
			g := cfg.groupFor(name)
			for len(groups[g]) == 0 {
				g = (g + 1) % len(groups)
			}
			for _, a := range groups[g] {
				if !knows[a][Tuple{name, s.Self}] {
					errs = append(errs, fmt.Errorf("%v, of group %d, does not know of %s at %v", a, g, name, s.Self))
				}
			}
		}
	}
	return few(errs)
}
