package hunt

import (
	"slices"
	"time"

	"peerbed/harness/fault"
	"peerbed/harness/plan"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// do carries out one event of the plan, and reports whether it could.
func (r *run) do(e *plan.Event) bool {
	if len(e.Nodes) == 0 && !network(e.Do) {
		return false
	}
	if r.s.May != nil && !r.s.May(*e, r.now(e)) {
		return false
	}
	if network(e.Do) {
		return r.disturb(e)
	}
	i := e.Nodes[0]
	a := r.specs[i].Addr
	switch e.Do {
	case plan.Crash:
		return r.w.Crash(a) == nil
	case plan.Vanish:
		return r.w.Vanish(a) == nil
	case plan.Pause:
		return r.w.Pause(a) == nil
	case plan.Resume:
		return r.w.Resume(a) == nil
	case plan.Restart:
		if !r.born[i] {
			return r.spawn(i) == nil
		}
		return r.w.Restart(a) == nil
	}
	op := wish(e)
	if op == nil || !r.up[i] {
		return false
	}
	r.w.Do(a, op, nil)
	return true
}

// network reports whether a verb is about the network, not about a node.
func network(do plan.Verb) bool {
	return do == plan.Cut || do == plan.Drop || do == plan.Shape || do == plan.Heal
}

// now is what is known before an event.
func (r *run) now(e *plan.Event) Now {
	n := Now{Live: r.live, Rest: r.live}
	for _, o := range r.old {
		if o.until+r.s.Memory >= r.w.Now() {
			n.Recent = append(n.Recent, o.State)
		}
	}
	switch e.Do {
	case plan.Crash, plan.Vanish, plan.Leave:
		n.Rest = nil
		for _, s := range r.live {
			if s.Self == r.specs[e.Nodes[0]].Addr {
				n.Recent = append(n.Recent, s)
			} else {
				n.Rest = append(n.Rest, s)
			}
		}
	}
	return n
}

// A past is a state that a node had.
type past struct {
	p2p.State
	until time.Duration
}

// remember keeps what node i was until now, as long as May may ask.
func (r *run) remember(i int) {
	if r.s.May == nil || r.s.Memory == 0 || r.states[i].Self == 0 {
		return
	}
	now := r.w.Now()
	for len(r.old) > 0 && r.old[0].until+r.s.Memory < now {
		r.old = r.old[1:]
	}
	r.old = append(r.old, past{r.states[i], now})
}

// wish is the Op of an event; nil: it has none.
func wish(e *plan.Event) p2p.Op {
	switch e.Do {
	case plan.Leave:
		return p2p.Leave{}
	case plan.Publish:
		return p2p.Publish{Name: e.Name, Size: e.Size, Seed: 1}
	case plan.Find:
		return p2p.Find{Name: e.Name}
	case plan.Fetch:
		return p2p.Fetch{Name: e.Name}
	}
	return nil
}

// disturb begins or ends a fault of the network, and makes the network what
// all that last make of it.
func (r *run) disturb(e *plan.Event) bool {
	if e.Do == plan.Heal {
		was := len(r.net)
		r.net = slices.DeleteFunc(r.net, func(f plan.Event) bool { return e.Label == "" || e.Label == f.Label })
		if len(r.net) == was {
			return false
		}
	} else {
		r.net = append(r.net, *e)
	}
	var n fault.Net
	var links linkmodel.Model
	for _, f := range r.net {
		if f.Do == plan.Shape {
			links = *f.Links
			continue
		}
		n.Add(fault.Of(f, r.addrs))
	}
	links.Access = slices.Concat(links.Access, n.Links.Access)
	n.Links = links
	r.err = r.w.Apply(n)
	return true
}

func (r *run) addrs(nodes []int) []p2p.Addr {
	var list []p2p.Addr
	for _, i := range nodes {
		list = append(list, r.specs[i].Addr)
	}
	return list
}

// heal ends all faults that a plan has left: what comes then is a rest.
func (r *run) heal() {
	r.disturb(&plan.Event{Do: plan.Heal})
	for i := range r.up {
		_ = r.w.Resume(r.specs[i].Addr) // of most it says that they are not paused
	}
}
