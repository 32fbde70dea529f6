package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v3"

	"peerbed/harness"
	"peerbed/harness/docker"
	"peerbed/harness/peerbed/internal/resident"
	"peerbed/harness/proc"
)

// clean removes what runs have left in the worlds that leave anything.
func (s *shell) clean() *cli.Command {
	return &cli.Command{Name: "clean", Usage: "remove what earlier runs have left: containers, networks, processes, folders, images",
		Description: "Runs and clusters that are alive stay, unless they are named:\n\n    peerbed clean -n\n    peerbed clean -run 127.80-3fa2b1",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "n", Usage: "remove nothing, only say what would be removed"},
			&cli.BoolFlag{Name: "all", Usage: "end and remove runs and clusters that are alive, too"},
			&cli.StringFlag{Name: "run", Usage: "remove the run with this `id` and nothing else, dead or alive"},
			&cli.StringFlag{Name: "backend", Usage: "look in this `world` alone: docker or proc"},
		},
		Action: func(ctx context.Context, c *cli.Command) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			say := func(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }
			return s.sweep(ctx, c.String("backend"), harness.Cleaning{Dry: c.Bool("n"), All: c.Bool("all"), Run: c.String("run"), Tell: say})
		}}
}

func (s *shell) sweep(ctx context.Context, world string, c harness.Cleaning) error {
	var found []harness.Leftover
	var errs []error
	switch world {
	case "docker", "proc":
	case "":
		if c.Run == "" {
			list, err := resident.Clean(ctx, c)
			found, errs = append(found, list...), append(errs, err)
		}
	default:
		return misused("-backend %s: leftovers are in docker or proc", world)
	}
	if world != "docker" {
		list, err := proc.Clean(ctx, c)
		found, errs = append(found, list...), append(errs, err)
	}
	if world != "proc" {
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
			fmt.Fprintf(w, "left alone: run %s (%s): %s; to end it: go run ./harness/peerbed clean -run %s\n", l.Run, cmp.Or(l.Name, "beginning"), l.Kept, l.Run)
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
