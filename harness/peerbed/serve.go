package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v3"

	"peerbed/harness"
	"peerbed/harness/internal/own"
	"peerbed/harness/record/journal"
)

// The store carries Prometheus' engine, which nobody should wait for who does not
// ask for it: it is a program of its own, compiled when it is first wanted.
const storePackage = "peerbed/harness/record/store/storeserver"

func (s *shell) serve() *cli.Command {
	return &cli.Command{
		Name: "serve", ArgsUsage: "[FOLDER]", Usage: "show recorded runs to Grafana, as a Prometheus would",
		Description: `FOLDER is one run's (out/TestTour, or out/TestTour-20260102T150405-s1) or one of
many runs; without it, all of out/. A run that goes on is shown as it grows. In
Grafana add a data source of type Prometheus with the address that is printed;
"go doc ./harness/record/store" has more. The first time takes some minutes, for
Prometheus' engine is compiled.

    peerbed serve
    peerbed serve -listen 127.0.0.1:9092 out/TestTour
    peerbed serve -remote-write http://127.0.0.1:9091/api/v1/write out/TestTour
    curl -s 'http://127.0.0.1:9090/api/v1/label/__name__/values'`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "listen", Value: "127.0.0.1:9090", Usage: "where it answers; no other machine reaches it unless the address says so"},
			&cli.StringFlag{Name: "remote-write", Usage: "send the samples, too, to the Prometheus or Mimir that receives remote write at this `URL`"},
		},
		Action: func(ctx context.Context, c *cli.Command) error {
			args, err := arguments(c, 0, 1)
			if err != nil {
				return err
			}
			path, err := recordedRuns(args)
			if err == nil {
				err = receiver(c.String("remote-write"))
			}
			if err == nil {
				err = free(c.String("listen"))
			}
			if err != nil {
				return err
			}
			program, err := s.storeProgram(ctx)
			if err != nil {
				return err
			}
			s.interrupted = "the runs stay where they are"
			return s.runStore(ctx, program, "-listen", c.String("listen"), "-remote-write", c.String("remote-write"), path)
		},
	}
}

// recordedRuns is the folder to serve, which has runs.
func recordedRuns(args []string) (path string, err error) {
	if len(args) > 0 {
		path = args[0]
	} else if path, err = harness.Out(); err != nil {
		return "", err
	}
	files, err := journalsIn(path)
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("there is no recorded run in %s; an experiment leaves one: go test ./experiments -run 'TestTour$' -v -count=1 -args -backend sim", path)
	}
	return path, nil
}

// journalsIn finds the journals of a run, or the runs of a folder.
func journalsIn(path string) ([]string, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return nil, err
	}
	if runs, err := journal.Runs(real); err != nil || len(runs) > 0 {
		return make([]string, len(runs)), err
	}
	return journal.Files(real)
}

// receiver checks where samples are to be sent.
func receiver(address string) error {
	u, err := url.Parse(address)
	if address == "" || err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && len(u.Path) > 1 {
		return nil
	}
	return misused("-remote-write %q: want the address of a receiver, such as http://127.0.0.1:9091/api/v1/write of a Prometheus, or http://127.0.0.1:9009/api/v1/push of a Mimir", address)
}

// free reports whether an address can be listened at.
func free(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		why := err.Error()
		if errors.Is(err, syscall.EADDRINUSE) {
			why = "another program answers there, perhaps another serve"
		}
		return fmt.Errorf("cannot answer at %s: %s; choose another address with -listen", address, why)
	}
	return l.Close()
}

// storeProgram compiles the store, and says so while it takes long.
func (s *shell) storeProgram(ctx context.Context) (string, error) {
	tool, err := exec.LookPath("go")
	if err != nil {
		return "", errors.New("the store is compiled when it is first wanted, and there is no go tool in PATH; install Go")
	}
	home, err := own.Home()
	if err != nil {
		return "", err
	}
	program := filepath.Join(home, "storeserver")
	c := exec.CommandContext(ctx, tool, "build", "-buildvcs=false", "-ldflags=-s -w", "-o", program, storePackage)
	done := make(chan struct{})
	defer close(done)
	go s.patience(done)
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot compile %s (run from a folder of this module, or of one that requires it): %s", storePackage, strings.TrimSpace(string(out)))
	}
	return program, nil
}

// patience says now and then that something is compiled, until done.
func (s *shell) patience(done <-chan struct{}) {
	began := time.Now()
	for t := time.NewTicker(5 * time.Second); ; {
		select {
		case <-t.C:
			fmt.Fprintf(s.errs, "peerbed: compiling Prometheus' engine, which takes some minutes the first time; %.0f s so far\n", time.Since(began).Seconds())
		case <-done:
			t.Stop()
			return
		}
	}
}

// runStore runs the store until it ends, or ctx does.
func (s *shell) runStore(ctx context.Context, program string, args ...string) error {
	c := exec.CommandContext(ctx, program, args...)
	c.Stdout, c.Stderr = s.out, s.errs
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 10 * time.Second
	err := c.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && ctx.Err() == nil && exit.ExitCode() == 1 {
		return errors.New("it has said why it ended")
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
