package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/urfave/cli/v3"

	"peerbed/harness/fault"
	"peerbed/harness/links"
	"peerbed/harness/peerbed/internal/resident"
	"peerbed/harness/plan"
	"peerbed/protocols/linkmodel"
)

// What is done to nodes and to the network between them.

// toNodes is a command that does something to some nodes.
func (s *shell) toNodes(do plan.Verb, usage, examples string) *cli.Command {
	return &cli.Command{Name: string(do), ArgsUsage: "[NODE...]", Usage: usage,
		Description: "Nodes are names, numbers, or ranges; -share draws some, the same for the same seed.\n\n" + examples,
		Flags: []cli.Flag{nameFlag(), form(),
			&cli.FloatFlag{Name: "share", Usage: "of those that can be meant, 0 to 1, in place of NODE..."}},
		Action: func(ctx context.Context, c *cli.Command) error {
			return s.disturb(ctx, c, resident.Disturbance{Do: do, Nodes: resident.Nodes{Names: c.Args().Slice(), Share: c.Float("share")}})
		}}
}

// disturb has the resident do something, and prints what it says of it.
func (s *shell) disturb(ctx context.Context, c *cli.Command, d resident.Disturbance) error {
	_, err := ask(ctx, s, c, "POST", "/disturb", d, printDone)
	return err
}

func printDone(w io.Writer, d resident.Done) error {
	fmt.Fprintln(w, d.Text)
	if d.Proof != "" {
		fmt.Fprintln(w, d.Proof)
	}
	if d.Handle != "" {
		fmt.Fprintf(w, "until: peerbed heal %q\n", d.Handle)
	}
	return nil
}

func (s *shell) leave() *cli.Command {
	return s.toNodes(plan.Leave, "have nodes say good-bye and go, one after the other", "    peerbed leave 3\n    peerbed leave chord-4 chord-5")
}

func (s *shell) crash() *cli.Command {
	return s.toNodes(plan.Crash, "kill nodes: the streams of the others break at once", "    peerbed crash 3-7\n    peerbed crash -share 0.25")
}

func (s *shell) vanish() *cli.Command {
	return s.toNodes(plan.Vanish, "pull the plug of nodes: the others hear nothing", "    peerbed vanish chord-3")
}

func (s *shell) restart() *cli.Command {
	return s.toNodes(plan.Restart, "start nodes again that are down, with the disk that they had", "    peerbed restart 3-7\n    peerbed restart -share 1")
}

func (s *shell) pause() *cli.Command {
	return s.toNodes(plan.Pause, "stop nodes where they are, until resume or heal", "    peerbed pause 0 2 4")
}

func (s *shell) resume() *cli.Command {
	return s.toNodes(plan.Resume, "let paused nodes go on", "    peerbed resume -share 1")
}

func (s *shell) cut() *cli.Command {
	return &cli.Command{Name: "cut", Usage: "part groups of nodes from one another, until heal",
		Description: `Groups are sizes, counted from node 0, or lists of nodes with a slash between
them. Nodes in no group still reach all.

    peerbed cut -groups 16,16
    peerbed cut -groups 0-3/4-9
    peerbed cut -groups 0/1-7 -one-way     # nothing from 0 reaches the others`,
		Flags: []cli.Flag{nameFlag(), form(),
			&cli.StringFlag{Name: "groups", Usage: "what is parted: `16,16` or 0-3/4-9"},
			&cli.BoolFlag{Name: "one-way", Usage: "only from the first group to the second"}},
		Action: func(ctx context.Context, c *cli.Command) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			if c.String("groups") == "" {
				return misused("want -groups, such as -groups 16,16 or -groups 0-3/4-9")
			}
			return s.disturb(ctx, c, resident.Disturbance{Do: plan.Cut, Groups: c.String("groups"), OneWay: c.Bool("one-way")})
		}}
}

func (s *shell) shape() *cli.Command {
	return &cli.Command{Name: "shape", Usage: "say what links are like: delay, jitter, loss, rate, and the lines of nodes",
		Description: `What is said of all links takes the place of what was said before; without any
flag links are perfect again. -between adds to it. -links takes a table in its
place: world, or files of your own (go doc ./harness/links). -up and -down are the access
lines of nodes, which all their conversations share, until heal.

    peerbed shape -delay 50ms -jitter 10ms -loss 0.01
    peerbed shape -delay 200ms -between 0-3/4-9
    peerbed shape -links world
    peerbed shape -up 100kB -down 1MB -lines 4-9
    peerbed shape`,
		Flags: []cli.Flag{nameFlag(), form(),
			&cli.DurationFlag{Name: "delay", Usage: "each way"},
			&cli.DurationFlag{Name: "jitter", Usage: "at most so much more"},
			&cli.FloatFlag{Name: "loss", Usage: "of packets, a share of 1"},
			&cli.StringFlag{Name: "rate", Usage: "of each link, in `BYTES` a second"},
			&cli.StringFlag{Name: "links", Usage: "as in this `TABLE`: " + links.Usage},
			&cli.StringFlag{Name: "between", Usage: "only between these `GROUPS`: 0-3/4-9"},
			&cli.StringFlag{Name: "up", Usage: "of lines, in `BYTES` a second"},
			&cli.StringFlag{Name: "down", Usage: "of lines, in `BYTES` a second"},
			&cli.StringFlag{Name: "lines", Usage: "of these `NODES` (default: all)"}},
		Action: func(ctx context.Context, c *cli.Command) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			return s.shapeAll(ctx, c)
		}}
}

// shapeAll does both that shape can do: lines, and links if any flag, or no
// flag at all, is about them.
func (s *shell) shapeAll(ctx context.Context, c *cli.Command) error {
	if c.IsSet("links") {
		return s.shapeBy(ctx, c)
	}
	all := resident.Disturbance{Do: plan.Shape, Groups: c.String("between")}
	all.Link = linkmodel.Link{Delay: c.Duration("delay"), Jitter: c.Duration("jitter"), Loss: c.Float("loss")}
	lines := resident.Disturbance{Do: plan.Throttle, Nodes: resident.Nodes{Share: 1}}
	if c.String("lines") != "" {
		lines.Nodes = resident.Nodes{Names: []string{c.String("lines")}}
	}
	var errs [3]error
	all.Link.Rate, errs[0] = rate(c, "rate")
	lines.Up, errs[1] = rate(c, "up")
	lines.Down, errs[2] = rate(c, "down")
	if err := cmp.Or(errs[0], errs[1], errs[2]); err != nil {
		return err
	}
	if c.IsSet("lines") && lines.Up+lines.Down == 0 {
		return misused("-lines without -up or -down: how fast are they?")
	}
	if lines.Up+lines.Down > 0 {
		if err := s.disturb(ctx, c, lines); err != nil || !c.IsSet("delay") && !c.IsSet("jitter") && !c.IsSet("loss") && !c.IsSet("rate") {
			return err
		}
	}
	return s.disturb(ctx, c, all)
}

// shapeBy shapes links by a table, which says all of them.
func (s *shell) shapeBy(ctx context.Context, c *cli.Command) error {
	for _, name := range c.LocalFlagNames() {
		if slices.Contains([]string{"delay", "jitter", "loss", "rate", "between", "up", "down", "lines"}, name) {
			return misused("-links says all of links and lines, so not -%s too", name)
		}
	}
	table, err := links.Absolute(c.String("links"))
	if err != nil {
		return err
	}
	if _, err := links.Read(table); err != nil {
		return misuse(err.Error())
	}
	return s.disturb(ctx, c, resident.Disturbance{Do: plan.Shape, Table: table})
}

// rate reads a flag of bytes a second; 0 if it is not given.
func rate(c *cli.Command, flag string) (int64, error) {
	if !c.IsSet(flag) {
		return 0, nil
	}
	return parseSize(flag, c.String(flag))
}

func (s *shell) heal() *cli.Command {
	return &cli.Command{Name: "heal", ArgsUsage: "[FAULT]", Usage: "end faults of the network and pauses: all, or those called so",
		Description: "What is down stays down: see restart.\n\n    peerbed heal\n    peerbed heal cut\n    peerbed heal \"cut 2\"",
		Flags:       []cli.Flag{nameFlag(), form()},
		Action: func(ctx context.Context, c *cli.Command) error {
			if _, err := arguments(c, 0, 1); err != nil {
				return err
			}
			return s.disturb(ctx, c, resident.Disturbance{Do: plan.Heal, Heal: c.Args().First()})
		}}
}

func (s *shell) churn() *cli.Command {
	return &cli.Command{Name: "churn", Usage: "let nodes come and go for a while; other commands work meanwhile",
		Description: `Ctrl-C stops it; who is away then stays away until peerbed restart.

    peerbed churn -session "exponential(10m)" -for 5m
    peerbed churn -session "weibull(0.38, 42m)" -downtime "exponential(10m)" -for 1h
    peerbed churn -turnover 600 -for 2m       # of a hundred nodes, 600 leave in an hour`,
		Flags: []cli.Flag{nameFlag(), form(),
			&cli.StringFlag{Name: "session", Usage: "how long nodes stay: a `LAW`, such as exponential(10m), lognormal(10m, 1.2) or trace(sessions.csv)"},
			&cli.StringFlag{Name: "downtime", Usage: "how long they are away, a `LAW` too (default: whoever goes is replaced at once)"},
			&cli.FloatFlag{Name: "turnover", Usage: "in place of laws: how many `PERCENT` of the nodes go in an hour"},
			&cli.DurationFlag{Name: "for", Value: time.Minute, Usage: "how long"}},
		Action: func(ctx context.Context, c *cli.Command) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			session, err := law(c.String("session"))
			if err != nil {
				return err
			}
			downtime, err := law(c.String("downtime"))
			if err != nil {
				return err
			}
			_, err = ask(ctx, s, c, "POST", "/churn", resident.Churn{Session: session, Downtime: downtime,
				Turnover: c.Float("turnover"), For: c.Duration("for")}, printChurn)
			return err
		}}
}

// law checks a law, and writes it for a resident, which is in a folder of its own.
func law(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	if _, err := fault.ParseLaw(text); err != nil {
		return "", misuse(err.Error())
	}
	return fault.AbsoluteLaw(text)
}

func printChurn(w io.Writer, m resident.Membership) error {
	_, err := fmt.Fprintf(w, "churn: %v; %s away now\n", m.Turnover, count(m.Away, "node is", "nodes are"))
	return err
}

func (s *shell) wait() *cli.Command {
	return &cli.Command{Name: "wait", ArgsUsage: "TIME", Usage: "let time pass; in the simulator it does so only as commands need it",
		Description: "    peerbed wait 30s",
		Flags:       []cli.Flag{nameFlag(), form()},
		Action: func(ctx context.Context, c *cli.Command) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			d, err := time.ParseDuration(args[0])
			if err != nil {
				return misused("%q: want a time such as 30s or 5m", args[0])
			}
			_, err = ask(ctx, s, c, "POST", "/wait", resident.Wait{For: d}, printDone)
			return err
		}}
}
