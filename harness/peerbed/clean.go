package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"peerbed/harness"
	"peerbed/harness/docker"
	"peerbed/harness/proc"
)

// clean removes what runs have left in the worlds that leave anything.
func clean(ctx context.Context, s *shell) error {
	var c harness.Cleaning
	s.flags.BoolVar(&c.Dry, "n", false, "remove nothing, only say what would be removed")
	s.flags.BoolVar(&c.All, "all", false, "end and remove runs that are alive, too")
	s.flags.StringVar(&c.Run, "run", "", "remove the run with this `id` and nothing else, dead or alive")
	world := s.flags.String("backend", "", "look in this `world` alone: docker or proc")
	if _, err := s.parse(0); err != nil {
		return err
	}
	c.Tell = func(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }
	var found []harness.Leftover
	var errs []error
	switch *world {
	case "docker", "proc", "":
	default:
		return misuse(fmt.Sprintf("-backend %s: leftovers are in docker or proc", *world))
	}
	if *world != "docker" {
		list, err := proc.Clean(ctx, c)
		found, errs = append(found, list...), append(errs, err)
	}
	if *world != "proc" {
		list, err := docker.Clean(ctx, c)
		found, errs = append(found, list...), append(errs, err)
	}
	return errors.Join(tell(s.out, c, found), errors.Join(errs...))
}

// tell prints what was found, and returns an error if something of a dead run
// is still there.
func tell(w io.Writer, c harness.Cleaning, found []harness.Leftover) error {
	verb := "removed"
	if c.Dry {
		verb = "would remove"
	}
	removed, stuck := 0, 0
	for _, l := range found {
		switch {
		case l.Kept == "":
			removed++
			fmt.Fprintf(w, "%s %s %s%s\n", verb, l.Kind, l.Name, of(l.Run))
		case l.Failed:
			stuck++
			fmt.Fprintf(w, "could not remove %s %s%s: %s\n", l.Kind, l.Name, of(l.Run), l.Kept)
		case l.Kind == "run":
			fmt.Fprintf(w, "left alone: run %s (%s): %s; to end it: go run ./harness/peerbed clean -run %s\n", l.Run, l.Name, l.Kept, l.Run)
		default:
			fmt.Fprintf(w, "left alone: %s %s%s: %s\n", l.Kind, l.Name, of(l.Run), l.Kept)
		}
	}
	if c.Run != "" && len(found) == 0 {
		return fmt.Errorf("there is no run %s; \"peerbed clean -n\" lists what there is", c.Run)
	}
	if removed == 0 && stuck == 0 {
		fmt.Fprintln(w, "nothing to remove")
	}
	if stuck > 0 {
		return fmt.Errorf("%d of %d things remain", stuck, removed+stuck)
	}
	return nil
}

func of(run string) string {
	if run == "" {
		return ""
	}
	return " of run " + run
}
