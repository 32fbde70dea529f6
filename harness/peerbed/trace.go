package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v3"

	"peerbed/harness/record/sequence"
)

// trace shows what the simulator has written.
func (s *shell) trace() *cli.Command {
	return &cli.Command{Name: "trace", ArgsUsage: "FILE", Usage: "messages of a simulated run: a diagram, a capture for Wireshark, a log for ShiViz",
		Description: "FILE is what an experiment in the simulator writes with -args -backend sim -trace DIR.\n" +
			"Without a form to write, its operations are listed:\n\n    peerbed trace DIR/TestTour-chord.jsonl\n" +
			"    peerbed trace DIR/TestTour-chord.jsonl -operation 57 -svg lookup.svg\n" +
			"    peerbed trace DIR/TestTour-chord.jsonl -to 12.5s -last 40 -svg before.svg -shiviz before.log\n" +
			"    peerbed trace DIR/TestTour-gnutella.jsonl -pcapng run.pcapng\n    tshark -r run.pcapng -d tcp.port==7000,gnutella",
		Flags: []cli.Flag{
			&cli.Uint32Flag{Name: "operation", Usage: "only what the operation of this `number` caused"},
			&cli.DurationFlag{Name: "from", Usage: "only from this `time` of the run on"},
			&cli.DurationFlag{Name: "to", Usage: "only up to this `time` of the run"},
			&cli.StringFlag{Name: "nodes", Usage: "only what happens at these nodes: `names` with commas between"},
			&cli.IntFlag{Name: "last", Usage: "of all that only the last so `many` messages; not for -pcapng"},
			&cli.StringFlag{Name: "svg", Usage: "draw a space-time diagram into this `file`"},
			&cli.StringFlag{Name: "shiviz", Usage: "write events with vector clocks into this `file`, for ShiViz"},
			&cli.StringFlag{Name: "pcapng", Usage: "write the messages as packets into this `file`, for Wireshark"},
		},
		Action: func(_ context.Context, c *cli.Command) error {
			rest, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			return s.showTrace(c, rest[0])
		}}
}

func (s *shell) showTrace(c *cli.Command, file string) error {
	choice := sequence.Choice{Operation: c.Uint32("operation"), From: c.Duration("from"), To: c.Duration("to"), Last: c.Int("last")}
	if names := c.String("nodes"); names != "" {
		choice.Nodes = strings.Split(names, ",")
	}
	svg, shiviz, pcapng := c.String("svg"), c.String("shiviz"), c.String("pcapng")
	if pcapng != "" {
		if err := s.capture(file, pcapng, choice); err != nil || svg+shiviz == "" {
			return err
		}
	}
	t, err := s.readTrace(file, choice)
	if err != nil {
		return err
	}
	if svg != "" {
		d, err := t.SpaceTime(traceTitle(file, t, choice))
		if err != nil {
			return err
		}
		if err := s.write(svg, d.WriteSVG); err != nil {
			return err
		}
	}
	if shiviz != "" {
		return s.write(shiviz, t.WriteShiViz)
	}
	if svg == "" {
		return printWishes(s.out, t)
	}
	return nil
}

// readTrace reads a trace. One that is cut short, as by a killed run, is good up
// to there.
func (s *shell) readTrace(file string, choice sequence.Choice) (*sequence.Trace, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, err := sequence.Read(f, choice)
	if err = s.shortened(file, t.All, err); err != nil {
		return nil, err
	}
	if len(t.Events) == 0 {
		return nil, fmt.Errorf("%s: of its %d events none is chosen; see peerbed trace %s for the operations there are", file, t.All, file)
	}
	return t, nil
}

// shortened passes on what is wrong with a trace, unless it is only its end.
func (s *shell) shortened(file string, read int, err error) error {
	switch {
	case err == nil:
		return nil
	case read == 0 || errors.Is(err, sequence.ErrNoNumbers) || errors.Is(err, sequence.ErrTooMany):
		return fmt.Errorf("%s: %w", file, err)
	}
	fmt.Fprintf(s.errs, "peerbed trace: %s ends early (%v); what stands before is shown\n", file, err)
	return nil
}

func (s *shell) capture(file, to string, choice sequence.Choice) error {
	if choice.Last > 0 {
		return misused("-last is not for -pcapng: choose with -from and -to")
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return s.write(to, func(w io.Writer) error {
		n, err := sequence.Capture(w, f, choice)
		if err = s.shortened(file, n, err); err == nil && n == 0 {
			err = fmt.Errorf("%s: no packet is chosen", file)
		}
		fmt.Fprintf(s.out, "%d packets\n", n)
		return err
	})
}

// write makes a file, and leaves none if that fails.
func (s *shell) write(file string, fill func(io.Writer) error) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := errors.Join(fill(f), f.Close()); err != nil {
		os.Remove(file)
		return err
	}
	fmt.Fprintf(s.out, "written: %s\n", file)
	return nil
}

func traceTitle(file string, t *sequence.Trace, choice sequence.Choice) string {
	for _, w := range t.Wishes {
		if w.Number == choice.Operation {
			return fmt.Sprintf("operation %d of %s: %s: %s", w.Number, t.Nodes[w.Node].Name, w.What, w.Outcome)
		}
	}
	return fmt.Sprintf("%s, %v to %v", file, t.Events[0].At, t.Events[len(t.Events)-1].At)
}

func printWishes(out io.Writer, t *sequence.Trace) error {
	fmt.Fprintf(out, "%d events of %d nodes, %d operations\n", t.All, len(t.Nodes), len(t.Wishes))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "OPERATION\tNODE\tAT\tTOOK\tWHAT\tOUTCOME")
	for _, o := range t.Wishes {
		took := "-"
		if o.Took >= 0 {
			took = o.Took.Round(100 * time.Microsecond).String()
		}
		fmt.Fprintf(w, "%d\t%s\t%v\t%s\t%s\t%s\n", o.Number, t.Nodes[o.Node].Name, o.At.Round(time.Millisecond), took, o.What, o.Outcome)
	}
	return w.Flush()
}
