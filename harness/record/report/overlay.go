package report

import (
	"fmt"
	"slices"
	"time"

	"peerbed/harness/plan"
	"peerbed/harness/record"
	"peerbed/harness/record/journal"
	"peerbed/protocols/p2p"
)

// overlay draws at most so many moments of a cluster, evenly chosen, each with
// one lookup.
func overlay(log *journal.Log, most int) record.Overlay {
	o := record.Overlay{}
	angles := map[p2p.Addr]float64{}
	seen := map[p2p.Addr]p2p.State{}
	n := len(log.Overlays)
	for i := range log.Overlays {
		m := &log.Overlays[i]
		picture := record.Picture{Caption: m.Title}
		if picture.Caption == "" {
			picture.Caption = fmt.Sprintf("At %v", m.At.Round(time.Millisecond))
		}
		alive := map[p2p.Addr]bool{}
		for _, x := range m.Nodes {
			alive[x.State.Self], seen[x.State.Self] = true, x.State
			picture.Nodes = append(picture.Nodes, x.State)
			if x.Angle != nil {
				angles[x.State.Self] = *x.Angle
			}
		}
		for _, s := range seen {
			if !alive[s.Self] {
				picture.Gone = append(picture.Gone, s)
			}
		}
		slices.SortFunc(picture.Gone, func(a, b p2p.State) int { return int(a.Self) - int(b.Self) })
		route(log, m.At, &picture)
		if most > 0 && (n <= most || i*most/n != (i-1)*most/n || i == 0) {
			o.Pictures = append(o.Pictures, picture)
		}
	}
	if len(angles) > 0 {
		o.Angle = func(s p2p.State) float64 { return angles[s.Self] }
	}
	return o
}

// route adds the lookup that was asked by hand right after the picture was taken,
// or else the longest of the phase before.
func route(log *journal.Log, at time.Duration, p *record.Picture) {
	var best *journal.Operation
	for i := range log.Operations {
		o := &log.Operations[i]
		if o.Op != plan.Find || o.Result != "ok" || len(o.Path) < 2 {
			continue
		}
		if o.Phase == 0 && o.At >= at && o.At < at+time.Second {
			best = o
			break
		}
		if ends := o.At + o.Took; ends <= at && at-ends < 30*time.Second && (best == nil || len(o.Path) > len(best.Path)) {
			best = o
		}
	}
	if best == nil {
		return
	}
	p.Route = best.Path
	p.Outcome = fmt.Sprintf("%s: found in %d hops, %v", best.Name, best.Hops, best.Took.Round(100*time.Microsecond))
	for _, s := range p.Nodes {
		if slices.Contains(s.Stored, best.Name) {
			p.Holders = append(p.Holders, s.Self)
		}
	}
}
