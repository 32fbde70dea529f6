package experiments

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"peerbed/harness"
	"peerbed/harness/plan"
	"peerbed/harness/record"
	"peerbed/protocols/chord"
	"peerbed/protocols/p2p"
	"peerbed/protocols/pastry"
)

// A camera takes the pictures of a tour: the overlay at the end of each phase,
// and one and the same lookup in all of them.
type camera struct {
	cluster *harness.Cluster
	seen    map[p2p.Addr]p2p.State // every node as last seen alive
	parted  bool                   // the nodes with odd numbers from those with even ones
	overlay record.Overlay
	asker   int
	name    string // what the lookup looks for; "": not chosen yet
	found   record.Series
	failed  record.Series
	bands   []record.Band
}

// drawn says which links of a node a picture shows, where all would be too many:
// of Chord the successor and the fingers, without the rest of the successor
// list and the predecessor; of Pastry the table and the next leaf.
var drawn = map[*p2p.Protocol]func(p2p.State) []p2p.Addr{
	chord.Protocol: func(s p2p.State) []p2p.Addr {
		d := s.Detail.(chord.Detail)
		links := slices.Clone(d.Successors[:min(1, len(d.Successors))])
		for _, f := range d.Fingers {
			links = append(links, f.Node)
		}
		return links
	},
	pastry.Protocol: func(s p2p.State) []p2p.Addr {
		d := s.Detail.(pastry.Detail)
		links := slices.Clone(d.Larger[:min(1, len(d.Larger))])
		for _, e := range d.Table {
			links = append(links, e.Node)
		}
		return links
	},
}

func newCamera(c *harness.Cluster) camera {
	k := camera{cluster: c, seen: map[p2p.Addr]p2p.State{}, found: record.Series{Name: "found", Dots: true},
		failed: record.Series{Name: "failed, after that long", Dots: true}}
	k.overlay.Angle, k.overlay.Links = c.Protocol().Angle, drawn[c.Protocol()]
	if k.overlay.Angle == nil {
		k.overlay.Label = func(s p2p.State) string { return fmt.Sprint(c.Index(s.Self)) }
	}
	return k
}

// shoot takes one picture, of the phase whose results are r.
func (k *camera) shoot(caption, text string, began time.Duration, r *harness.Results) {
	if k.cluster.Err() != nil {
		return
	}
	k.plot(caption, began, r)
	if k.name == "" {
		k.choose(r)
	}
	p := record.Picture{Caption: capital(caption), Text: text}
	asker := k.cluster.Live()[0]
	if k.cluster.Up(k.asker) {
		asker = k.asker
	}
	out := k.cluster.Find(asker, k.name)
	states := k.cluster.States()
	p.Nodes, p.Gone, p.Sides = states, k.gone(states), k.sides()
	p.Route = out.Path
	if trail := k.cluster.Protocol().Trail; trail != nil {
		p.Route = trail(out.Result, states)
	}
	p.Outcome = outcome(k.name, out)
	for _, s := range states {
		if slices.Contains(s.Stored, k.name) {
			p.Holders = append(p.Holders, s.Self)
		}
	}
	k.overlay.Pictures = append(k.overlay.Pictures, p)
}

// choose fixes the lookup that all pictures show: the longest way there was.
func (k *camera) choose(r *harness.Results) {
	best := -1
	for _, o := range r.Operations {
		if o.Op == plan.Find && o.Err == nil && o.Hops > best {
			best, k.asker, k.name = o.Hops, o.Asker, o.Name
		}
	}
	if best < 0 {
		k.name = k.cluster.Files()[0]
	}
}

func outcome(name string, out harness.Outcome) string {
	if out.Err != nil {
		return fmt.Sprintf("%s: %v", name, out.Err)
	}
	return fmt.Sprintf("%s: found in %d hops, %v", name, out.Hops, out.Took.Round(100*time.Microsecond))
}

// gone returns the nodes that were seen before and are not among the states.
func (k *camera) gone(states []p2p.State) []p2p.State {
	for _, s := range states {
		k.seen[s.Self] = s
	}
	var gone []p2p.State
	for _, a := range k.cluster.Addrs() {
		if s, ok := k.seen[a]; ok && !k.cluster.Up(k.cluster.Index(a)) {
			gone = append(gone, s)
		}
	}
	return gone
}

// sides returns the halves of the cut, while there is one.
func (k *camera) sides() [][]p2p.Addr {
	if !k.parted {
		return nil
	}
	sides := make([][]p2p.Addr, 2)
	for i, a := range k.cluster.Addrs() {
		sides[i%2] = append(sides[i%2], a)
	}
	return sides
}

// plot adds the phase's lookups to the diagram of the whole tour.
func (k *camera) plot(when string, began time.Duration, r *harness.Results) {
	k.bands = append(k.bands, record.Band{Name: when, From: began.Seconds(), To: (began + r.Length).Seconds()})
	for _, o := range r.Operations {
		at := (began + o.Start).Seconds()
		switch {
		case o.Op != plan.Find:
		case o.Err == nil:
			k.found.Points = append(k.found.Points, record.XY{X: at, Y: o.Took.Seconds() * 1000})
		default:
			k.failed.Points = append(k.failed.Points, record.XY{X: at, Y: o.Took.Seconds() * 1000})
		}
	}
}

// part is the protocol's chapter of the page.
func (k *camera) part() record.Part {
	p := k.cluster.Protocol()
	return record.Part{
		Title: p.Name, Text: []string{p.Doc, "The pictures show one and the same lookup at the end of each phase."},
		Plots: []record.Plot{{Title: "Time to find a file, or to give up", X: "seconds since the start", Y: "milliseconds",
			Series: []record.Series{k.found, k.failed}, Bands: k.bands}},
		Overlay: k.overlay,
	}
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
