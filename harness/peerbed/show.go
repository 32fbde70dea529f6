package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v3"

	"peerbed/harness/peerbed/internal/resident"
)

// What changes nothing: it never waits for what is under way.

// A listed cluster is one line of list.
type listed struct {
	Name   string          `json:"name"`
	Alive  bool            `json:"alive"`
	Wrong  string          `json:"wrong,omitempty"`
	Answer *resident.About `json:"cluster,omitempty"`
}

func (s *shell) list() *cli.Command {
	return &cli.Command{Name: "list", Usage: "the clusters of this user",
		Description: "    peerbed list\n    peerbed list -o json",
		Flags:       []cli.Flag{form()},
		Action: func(ctx context.Context, c *cli.Command) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			json, err := wantsJSON(c)
			if err != nil {
				return err
			}
			entries, err := resident.List()
			if err != nil {
				return err
			}
			all := []listed{}
			for _, e := range entries {
				all = append(all, about(ctx, e))
			}
			if json {
				return writeJSON(s.out, all)
			}
			return printList(s.out, all)
		}}
}

// about asks a resident what it keeps.
func about(ctx context.Context, e resident.Entry) listed {
	l := listed{Name: e.Name, Alive: e.Alive}
	c, err := resident.Dial(e.Name)
	if err == nil {
		l.Answer = &resident.About{}
		err = c.Call(ctx, "GET", "/about", nil, l.Answer)
	}
	if err != nil {
		l.Answer, l.Wrong = nil, err.Error()
	}
	return l
}

func printList(w io.Writer, all []listed) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, "no cluster is up")
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tPROTOCOL\tWORLD\tNODES UP\tSINCE\tLEASE\tDOING")
	for _, l := range all {
		a := l.Answer
		if a == nil {
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d of %d\t%s\t%s\t%s\n", a.Name, a.Protocol, a.World, a.Up, a.Nodes,
			a.Began.Local().Format(time.TimeOnly), leaseLeft(a), a.Doing)
	}
	err := t.Flush()
	for _, l := range all {
		if l.Wrong != "" {
			fmt.Fprintln(w, l.Wrong)
		}
	}
	return err
}

// leaseLeft is what is left of a lease.
func leaseLeft(a *resident.About) string {
	return time.Until(a.Lease).Round(time.Second).String()
}

func (s *shell) status() *cli.Command {
	return &cli.Command{Name: "status", Usage: "all nodes: their state, neighbours, and what they store",
		Description: "    peerbed status\n    peerbed status -o json | jq '.states[] | select(.condition != \"up\")'",
		Flags:       []cli.Flag{nameFlag(), form()},
		Action: func(ctx context.Context, c *cli.Command) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			_, err := ask(ctx, s, c, "GET", "/status", nil, printStatus)
			return err
		}}
}

func printStatus(w io.Writer, s resident.Status) error {
	fmt.Fprintf(w, "%s: %s in %s (%s), %d of %d nodes up, seed %d; it ends %s after the last command\n", s.Name, s.Protocol, s.World,
		s.Detail, s.Up, s.Nodes, s.Seed, leaseLeft(&s.About))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NODE\tADDRESS\tROLE\tSTATE\tID\tNEIGHBOURS\tSTORED")
	for _, n := range s.States {
		how := n.Condition
		if how != "up" && how != "paused" {
			how = "down: " + how
		}
		if n.Error != "" {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", n.Name, n.Address, n.Role, how, n.Error)
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", n.Name, n.Address, n.Role, how, shortID(n.ID), some(bare(n.Neighbours, s.Protocol)), some(n.Stored))
	}
	err := t.Flush()
	for _, f := range s.Faults {
		fmt.Fprintln(w, "lasting:", f)
	}
	return err
}

// shortID cuts long ids to what people compare.
func shortID(id string) string {
	if len(id) > 8 {
		return id[:8]
	}
	return id
}

// bare strips what all names begin with.
func bare(names []string, protocol string) []string {
	short := make([]string, len(names))
	for i, n := range names {
		short[i] = strings.TrimPrefix(n, protocol+"-")
	}
	return short
}

// some counts a list and shows its beginning.
func some(list []string) string {
	const most = 8
	if len(list) == 0 {
		return "0"
	}
	text := fmt.Sprintf("%d: %s", len(list), strings.Join(list[:min(most, len(list))], " "))
	if len(list) > most {
		text += " ..."
	}
	return text
}

func (s *shell) metrics() *cli.Command {
	return &cli.Command{Name: "metrics", Usage: "messages and bytes of all nodes, by type",
		Description: "Counted by the nodes' worlds since the cluster came up:\n\n    peerbed metrics\n    peerbed metrics -prometheus > file.prom",
		Flags:       []cli.Flag{nameFlag(), form(), &cli.BoolFlag{Name: "prometheus", Usage: "in Prometheus' text format, under the names that nodes use"}},
		Action: func(ctx context.Context, c *cli.Command) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			print := printTraffic
			if c.Bool("prometheus") {
				print = printPrometheus
			}
			_, err := ask(ctx, s, c, "GET", "/traffic", nil, print)
			return err
		}}
}

func printTraffic(w io.Writer, r resident.Traffic) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "type\tclass\tsent\tbytes sent\treceived\tbytes received\t")
	for _, k := range r.Kinds {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%d\t\n", k.Kind, k.Class, k.Sent, k.SentBytes, k.Received, k.ReceivedBytes)
	}
	err := t.Flush()
	if r.SeenIn+r.SeenOut > 0 {
		fmt.Fprintf(w, "On the wire, headers included: %d bytes in, %d out.\n", r.SeenIn, r.SeenOut)
	}
	return err
}

func printPrometheus(w io.Writer, r resident.Traffic) error {
	line := func(name string, i int, direction string, n uint64) {
		k := r.Kinds[i]
		fmt.Fprintf(w, "%s{protocol=%q,type=%q,class=%q,direction=%q} %d\n", name, r.Protocol, k.Kind, k.Class, direction, n)
	}
	fmt.Fprint(w, "# HELP peerbed_messages_total Messages between nodes.\n# TYPE peerbed_messages_total counter\n")
	for i, k := range r.Kinds {
		line("peerbed_messages_total", i, "sent", k.Sent)
		line("peerbed_messages_total", i, "received", k.Received)
	}
	fmt.Fprint(w, "# HELP peerbed_message_bytes_total Bytes of these messages, Content included.\n# TYPE peerbed_message_bytes_total counter\n")
	for i, k := range r.Kinds {
		line("peerbed_message_bytes_total", i, "sent", k.SentBytes)
		line("peerbed_message_bytes_total", i, "received", k.ReceivedBytes)
	}
	return nil
}

func (s *shell) logs() *cli.Command {
	return &cli.Command{Name: "logs", ArgsUsage: "[NODE]", Usage: "what a node has printed; without one, what the cluster has done",
		Description: "Simulated nodes print nothing.\n\n    peerbed logs\n    peerbed logs 3",
		Flags:       []cli.Flag{nameFlag()},
		Action: func(ctx context.Context, c *cli.Command) error {
			if _, err := arguments(c, 0, 1); err != nil {
				return err
			}
			r, err := s.dial(c)
			if err != nil {
				return err
			}
			return r.Log(ctx, c.Args().First(), s.out)
		}}
}
