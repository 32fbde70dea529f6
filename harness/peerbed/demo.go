package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v3"

	"peerbed/harness"
	"peerbed/harness/record"
	_ "peerbed/harness/worlds"
	"peerbed/protocols/chord"
)

// demo tells the story of a small Chord ring: in the simulator, where it takes
// no time, and then once more with real nodes.
func (s *shell) demo() *cli.Command {
	return &cli.Command{Name: "demo", Usage: "the lecture's Chord ring, disturbed: in the simulator, then in containers",
		Description: "Half a minute, and a page with pictures:\n\n    peerbed demo\n    peerbed demo -backend proc      # without Docker",
		Flags: []cli.Flag{
			&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "seeds all randomness"},
			&cli.StringFlag{Name: "backend", Usage: "the `world` of the second half: docker or proc (default: docker, if a daemon answers)"},
		},
		Action: func(ctx context.Context, c *cli.Command) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			world := c.String("backend")
			if world != "" && world != "docker" && world != "proc" {
				return misused("-backend %s: the second half runs in docker or proc", world)
			}
			return s.tellDemo(ctx, c.Uint64("seed"), world)
		}}
}

func (s *shell) tellDemo(ctx context.Context, seed uint64, world string) error {
	d := &story{ctx: ctx, out: s.out, seed: seed, world: world, began: time.Now()}
	command := fmt.Sprintf("go run ./harness/peerbed demo -seed %d", seed)
	if world != "" {
		command += " -backend " + world
	}
	d.page = record.Page{
		Title:   "A small Chord ring, disturbed",
		Lead:    "The ring that lectures draw: a lookup hop by hop, a crash with one copy and with two, a short cut and a long one; then the same on real nodes.",
		Facts:   []record.Fact{{Name: "seed", Value: fmt.Sprint(seed)}},
		Command: command,
	}
	return d.tell(d.lookup, d.crash, d.cut, d.longCut, d.real, d.end)
}

// tell plays one act after the other.
func (d *story) tell(acts ...func() error) error {
	for _, act := range acts {
		if err := act(); err != nil {
			return err
		}
	}
	return nil
}

// lookup shows the ring, a table, and a lookup hop by hop.
func (d *story) lookup() error {
	d.part("In the simulator", "Six nodes of Chord in virtual time: minutes pass in milliseconds, and the same seed tells the same story.")
	r, err := d.ring("copies=1")
	if err != nil {
		return err
	}
	defer r.Close()
	d.heading("The ring")
	d.say("Ids are points on a circle of 2^7 = 128. A node's id is a hash of its address, a file's key a hash of its name. Each node knows who comes next:")
	d.lines(r.around() + " > and round again")
	d.say("and keeps a table of fingers: finger i is the first node at 2^i or more beyond itself. The table of N80:")
	d.lines(r.table(80)...)
	d.heading("A lookup")
	d.say("N112 publishes %q. Its key is 42, so the first node from 42 on keeps it: N45. Now N80 looks for it. Each node on the way names the one in its table that comes closest to the key without passing it:", k42)
	out := r.find(80)
	d.lines(hops(out)...)
	d.say("%s", verdict(out))
	d.shoot(r, "A lookup", "N80 looks for K42, which N45 keeps.", out)
	return r.Err()
}

// crash shows what a second copy is good for.
func (d *story) crash() error {
	return d.tell(
		func() error {
			return d.crashWith(1, "N45 crashes. The others notice and close the ring")
		},
		func() error {
			return d.crashWith(2, "The same again, but each file is kept by the next node too. N45 crashes, the ring closes")
		})
}

func (d *story) crashWith(copies int, text string) error {
	r, err := d.ring(fmt.Sprintf("copies=%d", copies))
	if err != nil {
		return err
	}
	defer r.Close()
	kept := count(copies, "copy", "copies")
	d.heading("A crash, with " + kept + " of each file")
	r.Advance(time.Second) // time for the copies
	r.Crash(r.at(45))
	r.Settle(chord.Closed)
	d.say("%s: %s. N112 looks for K42:", text, r.around())
	out := r.find(112)
	d.lines(hops(out)...)
	d.say("%s", verdict(out))
	d.shoot(r, "N45 has crashed, "+kept, "N112 looks for K42.", out)
	return r.Err()
}

// cut shows a short cut, and that the ring survives it.
func (d *story) cut() error {
	r, err := d.ring("copies=1")
	if err != nil {
		return err
	}
	defer r.Close()
	d.heading("A cut, and a heal")
	r.part(true)
	out := r.find(80)
	d.say("The network is cut: N16, N32 and N45 on one side, N80, N96 and N112 on the other. N80 looks for K42. %s", verdict(out))
	d.shoot(r, "During a cut", "K42 is on the other side.", out)
	r.part(false)
	r.Settle(chord.Closed)
	out = r.find(80)
	d.say("The cut heals before all have given each other up: the ring closes, and N80 asks again: %s. %s", way(out), verdict(out))
	d.shoot(r, "After the heal", "The cut was short: the ring is whole.", out)
	return r.Err()
}

// longCut shows what Chord as published cannot do.
func (d *story) longCut() error {
	r, err := d.ring("copies=1")
	if err != nil {
		return err
	}
	defer r.Close()
	d.heading("A cut that lasts")
	r.part(true)
	r.Advance(time.Minute)
	r.part(false)
	r.Advance(time.Minute)
	out := r.find(80)
	d.say("After a minute of cut each side has closed a ring of its own. A minute after the heal there are still two: nobody remembers the others, and Chord as published has no way to merge rings. N80 looks for K42. %s", verdict(out))
	d.shoot(r, "A minute after a long cut", "Two rings that do not know of each other.", out)
	return r.Err()
}

// end writes the page and says where it lies.
func (d *story) end() error {
	dir, err := harness.OutDir("demo")
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "index.html")
	if err := d.page.Save(file); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "\nThat took %.0f s. All of it in pictures: %s\n", time.Since(d.began).Seconds(), file)
	return nil
}
