package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/urfave/cli/v3"

	"peerbed/harness/peerbed/internal/resident"
)

// progressEvery is how often the line is written anew.
const progressEvery = 500 * time.Millisecond

// clearLine takes a terminal to the beginning of its line, which is empty then.
const clearLine = "\r\x1b[K"

// progress shows on a terminal how far a fetch is, until clear is called. Where
// nobody looks, or the protocol cannot tell, it shows nothing.
func (s *shell) progress(ctx context.Context, c *cli.Command, w resident.Wish) (clear func()) {
	json, err := wantsJSON(c)
	if err != nil || json || !isTerminal(s.errs) {
		return func() {}
	}
	r, err := s.dial(c)
	if err != nil {
		return func() {} // the wish says so too
	}
	ctx, stop := context.WithCancel(ctx)
	var showing sync.WaitGroup
	showing.Go(func() {
		ask := func() (resident.Progress, error) { return r.Progress(ctx, w.Node, w.Name) }
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		show(s.errs, w.Name, ask, tick.C, ctx.Done())
	})
	return sync.OnceFunc(func() {
		stop()
		showing.Wait()
	})
}

// show writes the line at every tick.
func show(out io.Writer, name string, ask func() (resident.Progress, error), tick <-chan time.Time, done <-chan struct{}) {
	var m meter
	defer func() {
		if len(m.seen) > 0 {
			io.WriteString(out, clearLine)
		}
	}()
	for {
		select {
		case <-done:
			return
		case now := <-tick:
			if p, err := ask(); err == nil && p.All > 0 {
				m.add(now, p.Here)
				fmt.Fprintf(out, "%s%s: %s", clearLine, name, m.line(p))
			}
		}
	}
}

// isTerminal reports whether somebody may look at what is written to w. (A null
// device passes for a terminal, and nobody minds.)
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// A meter measures a rate over the last few ticks.
type meter struct{ seen []sighting }

type sighting struct {
	at   time.Time
	here int64
}

// meterLength is how many sightings it keeps: those of five seconds.
const meterLength = 10

func (m *meter) add(at time.Time, here int64) {
	m.seen = append(m.seen, sighting{at, here})
	m.seen = m.seen[max(0, len(m.seen)-meterLength):]
}

// rate is in bytes per second; 0: not known, or nothing comes.
func (m *meter) rate() float64 {
	first, last := m.seen[0], m.seen[len(m.seen)-1]
	if took := last.at.Sub(first.at); took > 0 {
		return max(0, float64(last.here-first.here)/took.Seconds())
	}
	return 0
}

// line tells the bytes, the rate and how long it will take.
func (m *meter) line(p resident.Progress) string {
	line := fmt.Sprintf("%.1f of %.1f MB, %d %%", float64(p.Here)/1e6, float64(p.All)/1e6, 100*p.Here/p.All)
	rate := m.rate()
	if rate == 0 {
		return line
	}
	left := time.Duration(float64(p.All-p.Here) / rate * float64(time.Second))
	return line + fmt.Sprintf(", %.1f MB/s, %v left", rate/1e6, left.Round(time.Second))
}
