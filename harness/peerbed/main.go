// Command peerbed is the testbed from a shell.
//
//	go run ./harness/peerbed demo
//
// shows in half a minute what the bed does. Each subcommand is a value in the
// table below and a file of its own; -h after its name explains it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// A command is one thing that can be asked of peerbed.
type command struct {
	name, args, doc string
	// run does it. flags are the command's own, not yet parsed: run registers
	// what it knows and calls parse.
	run func(ctx context.Context, s *shell) error
}

// commands are in the order in which help lists them.
var commands = []command{
	{"demo", "", "the lecture's Chord ring, disturbed: in the simulator, then in containers", demo},
	{"doctor", "", "what this machine has for runs, what it lacks, and how to get it", doctor},
	{"clean", "", "remove what earlier runs have left: containers, networks, processes, folders, images", clean},
}

// A shell is what a command has to work with.
type shell struct {
	out   io.Writer
	errs  io.Writer     // for progress, where out is the answer
	flags *flag.FlagSet // of this command
	args  []string      // what followed its name
}

func newShell(name string, args []string, out, errs io.Writer) *shell {
	s := &shell{out: out, errs: errs, flags: flag.NewFlagSet(name, flag.ContinueOnError), args: args}
	s.flags.SetOutput(io.Discard) // what is wrong is said once, in one sentence
	s.flags.Usage = func() {}
	return s
}

// A misuse is what is wrong with a command line.
type misuse string

func (m misuse) Error() string { return string(m) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once: the worlds' leases then clean up
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run carries out one command line and returns the exit status: 0 done, 1
// failed, 2 not understood.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	switch strings.TrimLeft(name, "-") {
	case "h", "help":
		usage(out)
		return 0
	case "":
		usage(errs)
		return 2
	}
	for _, c := range commands {
		if c.name == name {
			return c.start(ctx, args[1:], out, errs)
		}
	}
	fmt.Fprintf(errs, "peerbed: no command %q; there are %s; see peerbed -h\n", name, names())
	return 2
}

func (c command) start(ctx context.Context, args []string, out, errs io.Writer) int {
	s := newShell(c.name, args, out, errs)
	err := c.run(ctx, s)
	switch wrong, ok := errors.AsType[misuse](err); {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		c.help(out, s.flags)
		return 0
	case ok:
		fmt.Fprintf(errs, "peerbed %s: %s; see peerbed %s -h\n", c.name, string(wrong), c.name)
		return 2
	case ctx.Err() != nil:
		fmt.Fprintf(errs, "peerbed %s: interrupted; what it had started is gone\n", c.name)
		return 130
	}
	fmt.Fprintf(errs, "peerbed %s: %v\n", c.name, err)
	return 1
}

// parse reads the command's flags, before or after its arguments, and checks
// that there are just as many arguments as wanted.
func (s *shell) parse(wanted int) ([]string, error) {
	var rest []string
	for args := s.args; ; {
		if err := s.flags.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				return nil, err
			}
			return nil, misuse(err.Error())
		}
		if args = s.flags.Args(); len(args) == 0 {
			break
		}
		rest, args = append(rest, args[0]), args[1:]
	}
	if len(rest) != wanted {
		return nil, misuse(fmt.Sprintf("want %d arguments, not %q", wanted, rest))
	}
	return rest, nil
}

func usage(w io.Writer) {
	fmt.Fprint(w, "peerbed runs peer-to-peer systems on one machine, disturbs them and shows what happens.\n\n")
	for _, c := range commands {
		fmt.Fprintf(w, "  peerbed %-20s %s\n", strings.TrimSpace(c.name+" "+c.args), c.doc)
	}
	fmt.Fprint(w, "\nThe flags of each: peerbed COMMAND -h\n")
}

func (c command) help(w io.Writer, flags *flag.FlagSet) {
	fmt.Fprintf(w, "peerbed %s: %s\n\n", strings.TrimSpace(c.name+" "+c.args), c.doc)
	flags.SetOutput(w)
	flags.PrintDefaults()
}

func names() string {
	var all []string
	for _, c := range commands {
		all = append(all, c.name)
	}
	return strings.Join(all, ", ")
}
