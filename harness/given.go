package harness

import (
	"math"
	"os"
	"testing"

	"peerbed/harness/record/journal"
)

// Recorded lists the folders of the runs that this process has recorded.
func Recorded() []string {
	claims.Lock()
	defer claims.Unlock()
	var all []string
	for _, f := range claims.folders {
		all = append(all, f.Name())
	}
	return all
}

// Figure puts a diagram that a test has worked out, with what theory expects of
// it on the same axes, into the journal of its run: the report draws it. Of a
// test with several seeds, each may give its values; they become means with
// intervals.
func Figure(t testing.TB, f journal.Figure) {
	t.Helper()
	f.Test = t.Name()
	give(t, journal.Line{Figure: &f})
}

// give writes a line that is of no cluster. Where nothing is recorded, or nothing
// can be, the test goes on.
func give(t testing.TB, l journal.Line) {
	t.Helper()
	if os.Getenv("PEERBED_RECORD") == "0" {
		return
	}
	complain := func(err error) { t.Logf("peerbed: this run leaves no records: %v", err) }
	seed, _ := seedAsked() // what is wrong with it, New says
	w, err := journalFor(t.Name(), playOf(t), journal.Run{Seed: max(seed, 1), Repeat: TestCommand(t.Name())}, complain)
	if err != nil {
		complain(err)
		return
	}
	w.Write(l)
}

// record writes the verdict down. What is no number, JSON cannot hold.
func (v *Verdict) record(t testing.TB) {
	j := &journal.Verdict{Test: t.Name(), What: v.What, Want: v.Want, OK: v.Held, Seeds: len(v.Values)}
	if !math.IsNaN(v.Mean) && !math.IsInf(v.Mean, 0) {
		j.Got = v.Mean
	}
	if v.Half > 0 && !math.IsInf(v.Half, 0) {
		j.Low, j.High = v.Mean-v.Half, v.Mean+v.Half
	}
	give(t, journal.Line{Verdict: j})
}
