package hunt

import (
	"fmt"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

const introName = "introducer"

// people starts the introducer and who is there at first.
func (r *run) people() error {
	n := r.c.Nodes
	r.born, r.up, r.marks = make([]bool, n), make([]bool, n), make([]uint64, n)
	r.states, r.live = make([]p2p.State, n), make([]p2p.State, 0, n)
	r.protocol = onceIdeal(r.s.Protocol)
	intro := sim.Addr(n)
	r.order = append(r.order, -1)
	if err := r.w.Spawn(harness.Spec{Index: n, Name: introName, Protocol: introducer.Protocol}); err != nil {
		return err
	}
	for i, role := range r.s.Protocol.Roles(n) {
		spec, err := r.spec(i, role, intro)
		if err != nil {
			return err
		}
		r.specs = append(r.specs, spec)
	}
	if r.s.Ideal {
		r.idealise()
	}
	for _, i := range r.c.Up {
		if err := r.spawn(i); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) spec(i int, role p2p.Role, intro p2p.Addr) (harness.Spec, error) {
	s := harness.Spec{Index: i, Name: fmt.Sprint(i), Protocol: r.protocol, Config: role.Config,
		Addr: p2p.MakeAddr(sim.IP(i), r.c.Port), Hosts: map[string]p2p.Addr{introName: intro}}
	if role.Port != nil {
		s.Addr = p2p.MakeAddr(sim.IP(i), role.Port(sim.IP(i)))
	}
	if s.Config == nil {
		return s, nil
	}
	changes := r.c.Config
	for _, set := range p2p.Settings(p2p.Pointer(s.Config)) {
		if set.Name == introName {
			changes = append([]string{fmt.Sprintf("%s=%s:%d", introName, introName, intro.Port())}, changes...)
		}
	}
	var err error
	s.Config, err = p2p.With(s.Config, changes...)
	return s, err
}

// onceIdeal is the protocol whose nodes take up the state of a perfect overlay
// in their first life only: who comes back joins.
func onceIdeal(p *p2p.Protocol) *p2p.Protocol {
	q := *p
	taken := map[p2p.Addr]bool{}
	q.New = func(cfg any, s *p2p.State) p2p.Node {
		if s != nil && taken[s.Self] {
			return p.New(cfg, nil)
		}
		if s != nil {
			taken[s.Self] = true
		}
		return p.New(cfg, s)
	}
	return &q
}

// idealise gives those who are there at first the states of a perfect overlay.
func (r *run) idealise() {
	addrs := make([]p2p.Addr, len(r.c.Up))
	for k, i := range r.c.Up {
		addrs[k] = r.specs[i].Addr
	}
	if len(addrs) == 0 {
		return
	}
	states := r.s.Protocol.Ideal(r.specs[r.c.Up[0]].Config, addrs)
	for k, i := range r.c.Up {
		r.specs[i].State = &states[k]
	}
}

func (r *run) spawn(i int) error {
	r.born[i] = true
	r.order = append(r.order, i)
	return r.w.Spawn(r.specs[i])
}
