package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/peerbed/internal/resident"
	"peerbed/protocols/p2p"
)

// ownHome gives a test state folders and runs of its own, under a path that is
// short enough for sockets.
func ownHome(t *testing.T) string {
	t.Helper()
	top, err := os.MkdirTemp("", "pbs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	t.Setenv("TMPDIR", top)
	return top
}

// keep serves a cluster in this process, as a resident of its own does.
func keep(t *testing.T, name, world string, p *p2p.Protocol, nodes int) {
	t.Helper()
	f, err := resident.Claim(name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := open(t.Context(), harness.Settings{Protocol: p, World: world, Nodes: nodes, Seed: 1, Name: "up-" + name, Out: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	l, err := f.Listen()
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	ctx, stop := context.WithCancel(context.Background())
	go func() { served <- resident.New(f, c, time.Hour, io.Discard).Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Errorf("the resident of %s: %v", name, err)
		}
	})
}

// says runs a command line and returns its exit status and what it prints.
func says(t *testing.T, args ...string) (status int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	status = run(t.Context(), args, &o, &e)
	return status, o.String(), e.String()
}

// does runs a command line that must succeed.
func does(t *testing.T, line string) string {
	t.Helper()
	status, out, errs := says(t, strings.Fields(line)...)
	if status != 0 {
		t.Errorf("peerbed %s: status %d: %s", line, status, errs)
	}
	return out
}

// asJSONOf runs a command line with -o json.
func asJSONOf[A any](t *testing.T, line string) (a A) {
	t.Helper()
	if err := json.Unmarshal([]byte(does(t, line+" -o json")), &a); err != nil {
		t.Errorf("peerbed %s -o json: %v", line, err)
	}
	return a
}

// refuses runs a command line that must fail with one sentence that says this.
func refuses(t *testing.T, line string, status int, sentence string) {
	t.Helper()
	got, _, errs := says(t, strings.Fields(line)...)
	if got != status || !strings.Contains(errs, sentence) || strings.Count(errs, "\n") != 1 {
		t.Errorf("peerbed %s: status %d, errors %q; want %d and one line with %q", line, got, errs, status, sentence)
	}
}

// soon waits until something is so.
func soon(t *testing.T, f func() error) {
	t.Helper()
	if err := within(time.Minute, f); err != nil {
		t.Fatal(err)
	}
}

// long skips a test that takes longer than its place in the quick tests is worth.
func long(t *testing.T) {
	t.Helper()
	if os.Getenv("PEERBED_SOAK") == "" {
		t.Skip("takes long: set PEERBED_SOAK=1, as make soak does")
	}
}

// within waits for something to be so.
func within(limit time.Duration, f func() error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.After(limit)
	for err := f(); err != nil; err = f() {
		select {
		case <-tick.C:
		case <-end:
			return fmt.Errorf("after %v: %w", limit, err)
		}
	}
	return nil
}
