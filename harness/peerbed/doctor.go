package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v3"

	"peerbed/harness"
	"peerbed/harness/docker"
	"peerbed/harness/proc"
)

// A grade is how good doctor finds what it found.
type grade string

const (
	passed  grade = "ok"
	warn    grade = "warn"    // runs work, but not as large or as exact as they could
	missing grade = "missing" // runs on containers do not work
)

// A check is one line of doctor's.
type check struct {
	Name  string `json:"name"`
	Grade grade  `json:"grade"`
	Found string `json:"found"`
	Cure  string `json:"cure,omitempty"` // how to get what is lacking: a command, if there is one
}

// unless gives the check another grade, and a cure, where something is bad.
func (c check) unless(bad bool, v grade, cure string) check {
	if bad {
		c.Grade, c.Cure = v, cure
	}
	return c
}

// fine is a check that has passed.
func fine(name, format string, args ...any) check {
	return check{Name: name, Grade: passed, Found: fmt.Sprintf(format, args...)}
}

// errSick is why doctor exits with 1 although it has said all.
var errSick = errors.New("containers cannot run here; what is missing, and how to get it, is in the table (processes may do: -backend proc)")

// doctor tells what this machine has for runs, and how to get what it lacks.
func (s *shell) doctor() *cli.Command {
	return &cli.Command{Name: "doctor", Usage: "what this machine has for runs, what it lacks, and how to get it",
		Description: "It exits with 0 if containers can run:\n\n    peerbed doctor\n    peerbed doctor -quick -o json",
		Flags: []cli.Flag{
			form(),
			&cli.BoolFlag{Name: "quick", Usage: "only look: try nothing in a container"},
		},
		Action: func(ctx context.Context, c *cli.Command) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			json, err := wantsJSON(c)
			if err != nil {
				return err
			}
			return s.diagnose(ctx, !c.Bool("quick"), json)
		}}
}

func (s *shell) diagnose(ctx context.Context, try, json bool) error {
	say := func(format string, args ...any) { fmt.Fprintf(s.errs, format+"\n", args...) }
	checks := examine(ctx, try, say)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	well := true
	for _, c := range checks {
		well = well && c.Grade != missing
	}
	print := table
	if json {
		print = asJSON
	}
	if err := print(s.out, checks, well); err != nil || well {
		return err
	}
	return errSick
}

// examine makes all checks.
func examine(ctx context.Context, try bool, say func(string, ...any)) []check {
	x := docker.Examine(ctx, try, say)
	checks := []check{goTool(ctx)}
	checks = append(checks, daemon(x)...)
	if x.Missing == nil {
		checks = append(checks, agents(x, try)...)
	}
	checks = append(checks, machine(x.Machine, x.Room)...)
	return append(checks, left(ctx))
}

// left counts what clean would remove of dead runs.
func left(ctx context.Context) check {
	c := harness.Cleaning{Dry: true}
	found, err := proc.Clean(ctx, c)
	more, err2 := docker.Clean(ctx, c)
	runs, things, alive := map[string]bool{}, 0, 0
	for _, l := range append(found, more...) {
		switch {
		case l.Kept != "" && l.Kind == "run":
			alive++
		case l.Kept == "" && l.Run != "":
			runs[l.Run] = true
			things++
		}
	}
	at := fine("leftovers", "of dead runs: %d, with %d containers, networks or folders; runs alive: %d", len(runs), things, alive)
	if errors.Join(err, err2) != nil {
		at.Found += " (the daemon was not asked)"
	}
	return at.unless(things > 0, warn, "go run ./harness/peerbed clean")
}

// table prints the checks as people read them: a cure stands under what it
// cures.
func table(w io.Writer, checks []check, well bool) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range checks {
		fmt.Fprintf(t, "%s\t%s\t%s\n", c.Grade, c.Name, c.Found)
		if c.Cure != "" {
			fmt.Fprintf(t, "\t\t-> %s\n", c.Cure)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if well {
		_, err := fmt.Fprintln(w, "\nContainers can run here.")
		return err
	}
	_, err := fmt.Fprintln(w)
	return err
}

func asJSON(w io.Writer, checks []check, well bool) error {
	return writeJSON(w, struct {
		Containers bool    `json:"containers"` // whether runs on containers work
		Checks     []check `json:"checks"`
	}{well, checks})
}

// parts splits a sentence of ours into what is wrong and what would help; the
// table has one line for each.
func parts(err error) (found, cure string) {
	line, _, _ := strings.Cut(err.Error(), "\n")
	found, cure, _ = strings.Cut(line, "; ")
	return found, cure
}
