package main

import (
	"bytes"
	"errors"
	"os"
	"testing"
	"time"

	"peerbed/harness/peerbed/internal/resident"
)

// The line of a fetch tells bytes, rate and time left, is written over, and is
// gone at the end; a node that cannot be asked for a moment is no reason to stop.
func TestProgressLine(t *testing.T) {
	answers := []any{
		errors.New("not up yet"),
		resident.Progress{}, // it has not begun
		resident.Progress{Here: 0, All: 64e6},
		resident.Progress{Here: 8e6, All: 64e6},
		resident.Progress{Here: 16e6, All: 64e6},
		resident.Progress{Here: 64e6, All: 64e6},
	}
	tick, done := make(chan time.Time, len(answers)), make(chan struct{})
	for i := range answers {
		tick <- time.Unix(int64(i), 0)
	}
	ask := func() (resident.Progress, error) {
		a := answers[0]
		if answers = answers[1:]; len(answers) == 0 {
			close(done)
		}
		if err, ok := a.(error); ok {
			return resident.Progress{}, err
		}
		return a.(resident.Progress), nil
	}
	var out bytes.Buffer
	show(&out, "iso", ask, tick, done)
	const want = clearLine + "iso: 0.0 of 64.0 MB, 0 %" +
		clearLine + "iso: 8.0 of 64.0 MB, 12 %, 8.0 MB/s, 7s left" +
		clearLine + "iso: 16.0 of 64.0 MB, 25 %, 8.0 MB/s, 6s left" +
		clearLine + "iso: 64.0 of 64.0 MB, 100 %, 21.3 MB/s, 0s left" + clearLine
	if out.String() != want {
		t.Errorf("shown was\n%q, want\n%q", out.String(), want)
	}
}

// The rate is that of the last seconds: who stands still is told so.
func TestProgressStands(t *testing.T) {
	var m meter
	for i := range 30 {
		m.add(time.Unix(int64(i), 0), int64(min(i, 10))*1e6)
	}
	if got := m.line(resident.Progress{Here: 10e6, All: 64e6}); got != "10.0 of 64.0 MB, 15 %" {
		t.Errorf("after 20 s without a byte: %q", got)
	}
}

// What is piped holds no progress.
func TestProgressPiped(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if isTerminal(w) || isTerminal(new(bytes.Buffer)) {
		t.Error("a pipe or a buffer passes for a terminal")
	}
}
