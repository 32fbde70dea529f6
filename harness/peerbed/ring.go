package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"peerbed/harness"
	"peerbed/protocols/chord"
	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// m is the number of bits of the lecture's circle, and k42 a file whose key
// lies at 42 on it.
const m ring.Bits = 7

var k42 = m.Name("song", 42)

// A lectureRing is a cluster on the lecture's circle, whose nodes are called
// by their ids: N80.
type lectureRing struct {
	*harness.Cluster
	seen map[p2p.Addr]p2p.State // every node as last seen alive
	cut  bool                   // see sides
}

// open starts the nodes of a cast and waits until they are one ring.
func (d *story) open(world string, cast p2p.Cast, ideal bool, changes ...string) (*lectureRing, error) {
	progress := io.Discard
	if world != "sim" {
		progress = indented{d.out}
	}
	c, err := harness.Open(d.ctx, harness.Settings{Protocol: chord.Protocol, World: world, Cast: cast,
		Config: append([]string{"m=7", "successors=2"}, changes...), Seed: d.seed, Name: "demo", Ideal: ideal, Out: progress})
	if err != nil {
		return nil, err
	}
	r := &lectureRing{Cluster: c, seen: map[p2p.Addr]p2p.State{}}
	r.Settle(r.complete)
	r.gone(r.States())
	return r, r.orClose()
}

// ring is the lecture's ring in the simulator, with complete tables from the
// beginning, and K42 published by N112.
func (d *story) ring(changes ...string) (*lectureRing, error) {
	r, err := d.open("sim", chord.Lecture(), true, changes...)
	if err != nil {
		return nil, err
	}
	if out := r.Publish(r.at(112), k42, 1000); out.Err != nil {
		return nil, errors.Join(fmt.Errorf("N112 could not publish %s: %w", k42, out.Err), r.Close())
	}
	return r, nil
}

// orClose returns the cluster's failure, after closing it, if there is one.
func (r *lectureRing) orClose() error {
	if err := r.Err(); err != nil {
		return errors.Join(err, r.Close())
	}
	return nil
}

// complete holds if the ring is closed and all finger tables are right.
func (r *lectureRing) complete(states []p2p.State) error {
	if err := chord.Closed(states); err != nil {
		return err
	}
	points := make([]ring.ID, len(states))
	for i, s := range states {
		points[i] = m.Addr(s.Self)
	}
	slices.Sort(points)
	for _, s := range states {
		for i, a := range s.Detail.(chord.Detail).Table(s.Self) {
			at, _ := slices.BinarySearch(points, m.Power(m.Addr(s.Self), i))
			if want := points[at%len(points)]; m.Addr(a) != want {
				return fmt.Errorf("finger %d of %s is %s, want N%d", i, label(s), nodeName(a), want)
			}
		}
	}
	return nil
}

// at returns the number of the node with an id. The cast has it, or the demo
// is wrong.
func (r *lectureRing) at(id ring.ID) int {
	for i, a := range r.Addrs() {
		if m.Addr(a) == id {
			return i
		}
	}
	panic(fmt.Sprintf("demo: no node N%d", id))
}

// sides are the two halves of a cut: K42's owner and those before it, and the
// others.
func (r *lectureRing) sides() [][]int {
	sides := make([][]int, 2)
	for i, a := range r.Addrs() {
		far := 0
		if m.Addr(a) > 64 {
			far = 1
		}
		sides[far] = append(sides[far], i)
	}
	return sides
}

// around lists the live nodes clockwise.
func (r *lectureRing) around() string {
	var ids []ring.ID
	for _, i := range r.Live() {
		ids = append(ids, m.Addr(r.Addr(i)))
	}
	slices.Sort(ids)
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = fmt.Sprintf("N%d", id)
	}
	return strings.Join(names, " > ")
}

// table writes the finger table of a node, rows with the same node together.
func (r *lectureRing) table(id ring.ID) []string {
	var lines []string
	for _, s := range r.States() {
		if m.Addr(s.Self) != id {
			continue
		}
		for i, a := range s.Detail.(chord.Detail).Table(s.Self) {
			lines = append(lines, fmt.Sprintf("finger %d   from %3d on   %s", i, m.Power(id, i), nodeName(a)))
		}
	}
	return lines
}

func (r *lectureRing) find(asker ring.ID) harness.Outcome { return r.Find(r.at(asker), k42) }

// way names the nodes of a lookup.
func way(out harness.Outcome) string {
	names := make([]string, len(out.Path))
	for i, h := range out.Path {
		names[i] = nodeName(h.Addr)
	}
	return strings.Join(names, " > ")
}

// hops lists the nodes of a lookup, each with the table row that chose it.
func hops(out harness.Outcome) []string {
	var lines []string
	for i, h := range out.Path {
		switch {
		case i == 0:
			lines = append(lines, fmt.Sprintf("%-5s asks", nodeName(h.Addr)))
		default:
			lines = append(lines, fmt.Sprintf("%-5s is %s of %s", nodeName(h.Addr), h.By, nodeName(out.Path[i-1].Addr)))
		}
	}
	return lines
}

// verdict says how a lookup ended.
func verdict(out harness.Outcome) string {
	switch {
	case errors.Is(out.Err, p2p.ErrNotFound):
		return fmt.Sprintf("Not found: the nodes that should have it do not (%v).", round(out.Took))
	case errors.Is(out.Err, p2p.ErrTimeout):
		return fmt.Sprintf("Not found: nobody answers (%v).", round(out.Took))
	case out.Err != nil:
		return fmt.Sprintf("Not found: %v (%v).", out.Err, round(out.Took))
	}
	return fmt.Sprintf("Found at %s, in %s and %v.", nodeName(out.Found[0]), count(out.Hops, "hop", "hops"), round(out.Took))
}

func round(d time.Duration) time.Duration {
	if d < 10*time.Millisecond {
		return d.Round(10 * time.Microsecond)
	}
	return d.Round(time.Millisecond)
}

// gone are the nodes that were seen alive and are down.
func (r *lectureRing) gone(states []p2p.State) []p2p.State {
	for _, s := range states {
		r.seen[s.Self] = s
	}
	var gone []p2p.State
	for i, a := range r.Addrs() {
		if s, ok := r.seen[a]; ok && !r.Up(i) {
			gone = append(gone, s)
		}
	}
	return gone
}

func nodeName(a p2p.Addr) string { return fmt.Sprintf("N%d", m.Addr(a)) }
func label(s p2p.State) string   { return nodeName(s.Self) }

// drawn are the links that pictures show: the successor and the fingers.
func drawn(s p2p.State) (l []p2p.Addr) {
	d := s.Detail.(chord.Detail)
	l = append(l, d.Successors[:min(1, len(d.Successors))]...)
	for _, f := range d.Fingers {
		l = append(l, f.Node)
	}
	return l
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// indented sets what a world says about its progress off from the story.
type indented struct{ w io.Writer }

func (i indented) Write(b []byte) (int, error) {
	_, err := fmt.Fprintf(i.w, "      %s", b)
	return len(b), err
}
