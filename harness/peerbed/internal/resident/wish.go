package resident

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"peerbed/harness"
	"peerbed/harness/plan"
	"peerbed/node/control"
	"peerbed/protocols/p2p"
)

// Remove is the one wish that no plan has.
const Remove plan.Verb = "remove"

// op is the wish as nodes take it.
func (q Wish) op() (p2p.Op, error) {
	if q.Name == "" {
		return nil, fmt.Errorf("want the name of a file to %s", q.Do)
	}
	if q.Size < 0 {
		return nil, fmt.Errorf("size %d: want 0 bytes or more", q.Size)
	}
	switch q.Do {
	case plan.Publish:
		return harness.Publishing(q.Name, q.Size), nil
	case plan.Find:
		return p2p.Find{Name: q.Name}, nil
	case plan.Fetch:
		return p2p.Fetch{Name: q.Name}, nil
	case Remove:
		return p2p.Remove{Name: q.Name}, nil
	}
	return nil, fmt.Errorf("no wish %q; there are publish, find, fetch and remove", q.Do)
}

// wish asks a node. Where time is virtual, asking makes it pass, so that it is
// a step.
func (r *Resident) wish(ctx context.Context, q Wish) (Answer, error) {
	op, err := q.op()
	if err != nil {
		return Answer{}, err
	}
	i, err := r.able(q.Node, q.Do == plan.Find || q.Do == plan.Fetch)
	if err != nil {
		return Answer{}, err
	}
	var out harness.Outcome
	ask := func() error {
		out = r.cluster.Ask(ctx, i, op)
		return context.Cause(ctx)
	}
	if r.cluster.About().Virtual {
		err = r.change(ctx, string(q.Do), ask)
	} else {
		err = ask()
	}
	if err != nil {
		return Answer{}, err
	}
	a := r.answer(ctx, q, out)
	a.Node, a.Name = r.cluster.Name(i), q.Name
	return a, nil
}

func (r *Resident) answer(ctx context.Context, q Wish, out harness.Outcome) Answer {
	a := Answer{Found: r.names(out.Found), Bytes: out.Blob.Len, Hops: out.Hops, Seconds: out.Took.Seconds()}
	if out.Err != nil {
		a.Error = out.Err.Error()
	}
	var states []p2p.State
	if trail := r.cluster.Protocol().Trail; trail != nil && out.ID != "" && q.Do == plan.Find {
		states = r.states(ctx, r.cluster.Live())
		out.Path = trail(out.Result, states)
	}
	for _, h := range out.Path {
		a.Path = append(a.Path, Hop{Node: r.name(h.Addr), Address: h.Addr, By: h.By})
	}
	if q.Explain {
		if states == nil {
			states = r.states(ctx, r.on(out.Path))
		}
		explain(a.Path, out.Path, states, r.name)
	}
	return a
}

// on returns the nodes of a path.
func (r *Resident) on(path []p2p.Hop) []int {
	var some []int
	for _, h := range path {
		if i := r.cluster.Index(h.Addr); i >= 0 {
			some = append(some, i)
		}
	}
	return some
}

// states reads those that can be read.
func (r *Resident) states(ctx context.Context, nodes []int) []p2p.State {
	var some []p2p.State
	for _, i := range nodes {
		if s, err := r.cluster.Inspect(ctx, i); err == nil {
			some = append(some, s)
		}
	}
	return some
}

// A tabled Detail can say whom an entry of its node's table names, called as
// p2p.Hop.By calls it.
type tabled interface {
	Entry(by string) []p2p.Addr
}

// explain sets each hop against what its predecessor's Inspect shows.
func explain(hops []Hop, path []p2p.Hop, states []p2p.State, name func(p2p.Addr) string) {
	state := func(a p2p.Addr) (p2p.State, bool) {
		i := slices.IndexFunc(states, func(s p2p.State) bool { return s.Self == a })
		if i < 0 {
			return p2p.State{}, false
		}
		return states[i], true
	}
	for k := range hops {
		if s, ok := state(path[k].Addr); ok {
			hops[k].ID = s.ID
		}
		if k == 0 {
			continue
		}
		before, ok := state(path[k-1].Addr)
		if !ok {
			hops[k].Inspect = name(path[k-1].Addr) + " cannot be asked any more"
			continue
		}
		hops[k].Agrees, hops[k].Inspect = compare(before, path[k], name)
	}
}

// compare says whether a state has the entry that chose a hop.
func compare(s p2p.State, h p2p.Hop, name func(p2p.Addr) string) (agrees bool, shows string) {
	if d, ok := s.Detail.(tabled); ok {
		is := d.Entry(h.By)
		switch {
		case slices.Contains(is, h.Addr):
			return true, ""
		case len(is) > 0:
			return false, fmt.Sprintf("%s is %s by now", h.By, name(is[0]))
		}
		return false, h.By + " is empty by now"
	}
	if slices.Contains(s.Neighbours, h.Addr) {
		return true, ""
	}
	return false, "it is no neighbour any more"
}

// progress answers how far the fetch of a name is, at the node that a wish of the
// same words would ask. Like status it waits for nobody.
func (r *Resident) progress(w http.ResponseWriter, q *http.Request) {
	var p Progress
	i, err := r.able(q.FormValue("node"), true)
	if err == nil {
		var s p2p.State
		s, err = r.cluster.Inspect(q.Context(), i)
		if d, ok := s.Detail.(interface {
			Progress(name string) (here, all int64)
		}); ok {
			p.Here, p.All = d.Progress(q.FormValue("name"))
		}
	}
	control.Answer(w, p, err)
}

// putBlob brings the body to a node's disk, for that node to publish.
func (r *Resident) putBlob(w http.ResponseWriter, q *http.Request) {
	i, err := r.able(q.FormValue("node"), false)
	if err == nil {
		err = r.cluster.Put(q.Context(), i, q.FormValue("name"), http.MaxBytesReader(w, q.Body, control.MaxBlob))
	}
	if err != nil {
		control.Answer(w, nil, err)
		return
	}
	control.Answer(w, Done{Text: r.cluster.Name(i)}, nil)
}

func (r *Resident) getBlob(w http.ResponseWriter, q *http.Request) {
	i, err := r.able(q.FormValue("node"), true)
	out := &begun{ResponseWriter: w}
	if err == nil {
		err = r.cluster.Get(q.Context(), i, q.FormValue("name"), out)
	}
	switch {
	case err != nil && out.yes:
		panic(http.ErrAbortHandler) // so that what came is not taken for the whole
	case err != nil:
		control.Answer(w, nil, err)
	}
}

// A begun writer knows whether anything was written.
type begun struct {
	http.ResponseWriter
	yes bool
}

func (b *begun) Write(p []byte) (int, error) {
	b.yes = true
	return b.ResponseWriter.Write(p)
}
