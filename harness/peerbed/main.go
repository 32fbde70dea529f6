// Command peerbed is the testbed from a shell.
//
//	go run ./harness/peerbed demo
//
// shows in half a minute what the bed does.
//
//	go run ./harness/peerbed up -protocol chord -nodes 32
//
// brings a cluster up that lives until "peerbed down", for the commands in
// between to be tried on; package resident, below internal, keeps it. Each
// command is a method of shell that returns a cli.Command; -h after its name
// teaches it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v3"
)

// A shell is one command line and where its answers go.
type shell struct {
	out  io.Writer
	errs io.Writer // for progress, where out is the answer
	// interrupted is what Ctrl-C has left behind, for the user.
	interrupted string
}

// commands are in the order in which help lists them.
func (s *shell) commands() []*cli.Command {
	all := []*cli.Command{
		s.demo(),
		s.up(), s.resident(), s.list(), s.status(), s.down(),
		s.publish(), s.find(), s.fetch(), s.remove(), s.leave(),
		s.crash(), s.vanish(), s.restart(), s.pause(), s.resume(),
		s.cut(), s.shape(), s.heal(), s.churn(), s.wait(),
		s.metrics(), s.logs(), s.report(), s.compare(), s.trace(), s.simulate(), s.dashboards(), s.serve(),
		s.begin(), s.assign(), s.grading(), s.replay(),
		s.doctor(), s.clean(),
	}
	for _, c := range all {
		c.OnUsageError = func(_ context.Context, _ *cli.Command, err error, _ bool) error { return misuse(err.Error()) }
		c.CustomHelpTemplate = help
		c.HideHelpCommand = true
		c.DisableSliceFlagSeparator = true
	}
	return all
}

// help is the form of -h.
const help = `peerbed {{.Name}}{{if .ArgsUsage}} {{.ArgsUsage}}{{end}}: {{.Usage}}

{{.Description}}

Flags, with one dash or two, before or after arguments:{{template "visibleFlagTemplate" .}}
`

// A misuse is what is wrong with a command line.
type misuse string

func (m misuse) Error() string { return string(m) }

func misused(format string, args ...any) error { return misuse(fmt.Sprintf(format, args...)) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once: the worlds' leases then clean up
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run carries out one command line and returns the exit status: 0 done, 1
// failed, 2 not understood, 130 interrupted.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	s := &shell{out: out, errs: errs, interrupted: "what it had started is gone"}
	commands := s.commands()
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	switch strings.TrimLeft(name, "-") {
	case "h", "help":
		if len(args) == 1 {
			usage(out, commands)
			return 0
		}
		name, args = args[1], []string{args[1], "-h"}
	case "":
		usage(errs, commands)
		return 2
	}
	if values(ctx, out, args) {
		return 0
	}
	root := &cli.Command{
		Name: "peerbed", Commands: commands, Writer: out, ErrWriter: errs, HideHelpCommand: true,
		EnableShellCompletion: true, ShellComplete: following(commands), ConfigureShellCompletionCommand: s.completion,
		ExitErrHandler: func(context.Context, *cli.Command, error) {},
		Action: func(context.Context, *cli.Command) error {
			return misused("no command %q; there are %s", name, names(commands))
		},
	}
	return s.ended(ctx, name, root.Run(ctx, append([]string{"peerbed"}, args...)))
}

// ended says how the command ended, and returns its exit status.
func (s *shell) ended(ctx context.Context, name string, err error) int {
	wrong, misused := errors.AsType[misuse](err)
	switch {
	case err == nil:
		return 0
	case misused:
		fmt.Fprintf(s.errs, "peerbed %s: %s; see peerbed %s -h\n", name, string(wrong), name)
		return 2
	case ctx.Err() != nil:
		fmt.Fprintf(s.errs, "peerbed %s: interrupted; %s\n", name, s.interrupted)
		return 130
	}
	fmt.Fprintf(s.errs, "peerbed %s: %v\n", name, err)
	return 1
}

// arguments checks that there are as many as wanted; most below 0 is any
// number.
func arguments(c *cli.Command, least, most int) ([]string, error) {
	rest := c.Args().Slice()
	if n := len(rest); n < least || most >= 0 && n > most {
		want := fmt.Sprintf("%d arguments", least)
		if c.ArgsUsage != "" {
			want = c.ArgsUsage
		}
		return nil, misused("want %s, not %q", want, rest)
	}
	return rest, nil
}

// usage lists the commands.
func usage(w io.Writer, commands []*cli.Command) {
	fmt.Fprint(w, "peerbed runs peer-to-peer systems on one machine, disturbs them and shows what happens.\n\n")
	for _, c := range commands {
		if !c.Hidden {
			fmt.Fprintf(w, "  peerbed %-34s %s\n", strings.TrimSpace(c.Name+" "+c.ArgsUsage), c.Usage)
		}
	}
	fmt.Fprint(w, "  peerbed completion bash|zsh                print a script that completes command lines\n",
		"\nA command and its flags, with examples: peerbed COMMAND -h\n")
}

func names(commands []*cli.Command) string {
	var all []string
	for _, c := range commands {
		if !c.Hidden {
			all = append(all, c.Name)
		}
	}
	return strings.Join(append(all, "completion"), ", ")
}
