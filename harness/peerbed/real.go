package main

import (
	"fmt"
	"slices"
	"time"

	"peerbed/harness"
	"peerbed/harness/record"
	"peerbed/protocols/chord"
	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// eight is the lecture's cast and two more nodes, N5 and N60.
func eight() p2p.Cast {
	cast := chord.Lecture()
	for _, id := range []ring.ID{5, 60} {
		cast = append(cast, p2p.Role{Name: fmt.Sprintf("n%d", id), Config: cast[0].Config, Port: func(ip uint32) uint16 {
			port, _ := m.Port(ip, id)
			return port
		}})
	}
	return cast
}

// real tells the story once more, with eight nodes that are processes of their
// own, in containers if there is Docker.
func (d *story) real() error {
	d.part("For real", "Now eight nodes, each a process of its own: the same protocol code, real datagrams, real crashes.")
	r, err := d.open(d.world, eight(), false, "copies=2", "stabilize=200ms", "fix-fingers=100ms", "check-predecessor=400ms", "patience=200ms")
	if err != nil {
		return err
	}
	defer r.Close()
	a := r.About()
	d.say("%s", where(a))
	d.page.Facts = append(d.page.Facts, record.Fact{Name: "second half", Value: a.World + ": " + a.Detail + "; cuts by " + a.Cuts})
	if err := d.tell(func() error { return d.realLookup(r) }, func() error { return d.realCrash(r) }, func() error { return d.realCut(r) }); err != nil {
		return err
	}
	d.say("Done; everything that was started is being taken away.")
	return r.Close()
}

// where says what the nodes live in.
func where(a harness.About) string {
	switch a.World {
	case "docker":
		return "Each lives in a container: " + a.Detail + "."
	case "proc":
		return "No containers this time; each is a process of this machine: " + a.Detail + "."
	}
	return "This machine can have neither containers nor processes, so they are simulated too."
}

func (d *story) realLookup(r *lectureRing) error {
	if out := r.Publish(r.at(112), k42, 1000); out.Err != nil {
		return fmt.Errorf("N112 could not publish %s: %w", k42, out.Err)
	}
	r.Share(r.Size(), 1000)
	d.heading("A lookup")
	d.say("They have joined one after the other and found their places: %s. N112 publishes K42, with two copies, and every node one file more. N80 looks for K42:", r.around())
	out := r.find(80)
	d.lines(hops(out)...)
	d.say("%s Then every node looks for every file: %s.", verdict(out), r.all())
	d.shoot(r, "Eight real nodes", "N80 looks for K42, which N45 and N60 keep.", out)
	return r.Err()
}

func (d *story) realCrash(r *lectureRing) error {
	d.heading("A crash")
	r.Crash(r.at(45), r.at(96))
	atOnce := r.all()
	r.Settle(chord.Closed)
	out := r.find(80)
	d.say("N45 and N96 are killed. Every node looks for every file at once: %s. When the ring has closed: %s. N80 looks for K42:", atOnce, r.all())
	d.lines(hops(out)...)
	d.say("%s", verdict(out))
	d.shoot(r, "Two are killed", "The copies carry it.", out)
	r.Restart(r.at(45), r.at(96))
	r.Settle(chord.Closed)
	return r.Err()
}

func (d *story) realCut(r *lectureRing) error {
	d.heading("A cut, and a heal")
	r.part(true)
	out := r.find(80)
	d.say("N45 and N96 are back, and the network is cut between N60 and N80 and between N112 and N5. N80 looks for K42. %s", verdict(out))
	d.shoot(r, "During a cut", "Both copies are on the other side.", out)
	r.part(false)
	whole := r.closes(5 * time.Second)
	out = r.find(80)
	d.say("The cut is healed, and the ring %s. N80 asks again. %s", whole, verdict(out))
	d.shoot(r, "After the heal", "The ring "+whole+".", out)
	return r.Err()
}

// closes waits for the ring to close, and says in words whether it did. After a
// cut that lasted too long for its nodes it does not; see longCut.
func (r *lectureRing) closes(limit time.Duration) string {
	for began := r.Now(); r.Now()-began < limit && r.Err() == nil; r.Advance(100 * time.Millisecond) {
		if chord.Closed(r.States()) == nil {
			if r.Now()-began < 100*time.Millisecond {
				return "is closed again at once"
			}
			return fmt.Sprintf("is closed again after %v", (r.Now() - began).Round(100*time.Millisecond))
		}
	}
	return "stays in two: the cut was too long for it"
}

// part cuts the network between the sides, or heals it.
func (r *lectureRing) part(cut bool) {
	r.cut = cut
	if cut {
		r.Cut(r.sides()...)
		return
	}
	r.Heal()
}

// all has every live node look for every file, and says how many were found.
func (r *lectureRing) all() string {
	found, asked := 0, 0
	var took []time.Duration
	for _, i := range r.Live() {
		for _, name := range r.Files() {
			out := r.Find(i, name)
			asked++
			if out.Err == nil {
				found++
				took = append(took, out.Took)
			}
		}
	}
	return fmt.Sprintf("%d of %d found%s", found, asked, median(took))
}

func median(took []time.Duration) string {
	if len(took) == 0 {
		return ""
	}
	slices.Sort(took)
	return fmt.Sprintf(", half of them within %v", round(took[len(took)/2]))
}
