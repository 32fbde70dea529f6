package harness

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"peerbed/harness/record"
	"peerbed/harness/stat"
)

// A sighting is one value that one seed saw, and what it should be.
type sighting struct {
	What string
	Got  float64
	Want Bound
	Of   int `json:",omitempty"` // Got is so many hits of them; 0: it is a value
	// Failure explains a value beyond the bound; "": there is no more to say.
	Failure string `json:",omitempty"`
}

// A Verdict is what all seeds of a test say of one value that it wants.
type Verdict struct {
	What     string
	Want     string
	Mean     float64
	Half     float64 `json:",omitempty"` // of the 95 % interval; 0 also where there is one seed
	Held     bool
	Seeds    []uint64
	Values   []float64 // by seed
	interval stat.Interval
	seen     []sighting
}

// judge compares everything that the seeds saw with what was wanted, prints the
// table and fails the test where it does not hold.
func (s *series) judge() []Verdict {
	s.t.Helper()
	verdicts := gather(s.played)
	if len(verdicts) == 0 {
		return nil
	}
	table := record.Table{Title: s.t.Name(), Head: []string{"what", "wanted", "measured", "±95 %", "seeds", "verdict"}}
	for i := range verdicts {
		v := &verdicts[i]
		v.judge()
		table.Add(v.row()...)
		v.record(s.t)
		if !v.Held {
			s.t.Error(v.failure(s.t.Name()))
		}
	}
	fmt.Print("\n", table.String())
	return verdicts
}

// gather brings together what different seeds call the same. What one seed saw
// twice is two things.
func gather(played []*findings) []Verdict {
	var verdicts []Verdict
	place := map[string]int{}
	for _, r := range played {
		if r == nil {
			continue
		}
		times := map[string]int{}
		for _, x := range r.Seen {
			times[x.What]++
			if n := times[x.What]; n > 1 {
				x.What = fmt.Sprintf("%s (%d)", x.What, n)
			}
			i, there := place[x.What]
			if !there {
				i = len(verdicts)
				place[x.What] = i
				verdicts = append(verdicts, Verdict{What: x.What, Want: x.Want.text})
			}
			v := &verdicts[i]
			v.Seeds, v.Values, v.seen = append(v.Seeds, r.Seed), append(v.Values, x.Got), append(v.seen, x)
		}
	}
	return verdicts
}

// judge decides: by the interval of several values, by a single one itself. Where
// each seed has a bound of its own, each value must keep to that.
func (v *Verdict) judge() {
	if v.seen[0].Of > 0 {
		v.judgeShare()
		return
	}
	v.interval = stat.Mean(v.Values)
	v.Mean = v.interval.Mean
	if len(v.Values) > 1 {
		v.Half = v.interval.Half
	}
	want := v.seen[0].Want
	if slices.ContainsFunc(v.seen, func(s sighting) bool { return s.Want != want }) {
		v.Want = "each its own"
		v.Held = !slices.ContainsFunc(v.seen, func(s sighting) bool { return !s.Want.Holds(s.Got) })
		return
	}
	v.Held = want.low <= v.Mean-v.Half && v.Mean+v.Half <= want.high
}

// judgeShare decides about a share: the chance that is wanted must lie in the
// interval of all trials of all seeds together.
func (v *Verdict) judgeShare() {
	hits, trials := 0, 0
	for _, s := range v.seen {
		hits, trials = hits+int(s.Got), trials+s.Of
	}
	low, high := stat.Share(hits, trials, sure)
	v.Mean, v.Half = float64(hits)/float64(trials), (high-low)/2
	v.interval = stat.Interval{Mean: v.Mean, Half: v.Half, N: trials}
	v.Held = low <= v.seen[0].Want.low && v.seen[0].Want.high <= high
}

// sure is how sure the interval of a share is: of a hundred claims that hold, one
// fails by chance.
const sure = 0.99

func (v *Verdict) row() []string {
	half, verdict := "-", "holds"
	if len(v.Values) > 1 || v.seen[0].Of > 0 {
		half = fmt.Sprintf("%.2g", v.Half)
	}
	if !v.Held {
		verdict = "FAILS"
	}
	return []string{v.What, v.Want, fmt.Sprintf("%.4g", v.Mean), half, fmt.Sprint(len(v.Values)), verdict}
}

// failure says what was wanted and got, and how the worst seed fared.
func (v *Verdict) failure(test string) string {
	switch {
	case v.seen[0].Of > 0:
		return fmt.Sprintf("%s: got %v (99 %%) of %d trials, wanted %s", v.What, v.interval, v.interval.N, v.Want)
	case len(v.Values) == 1:
		return fmt.Sprintf("%s: got %.4g, wanted %s", v.What, v.Mean, v.Want)
	}
	worst := slices.MaxFunc(v.seen, func(a, b sighting) int { return cmp.Compare(a.beyond(v.Mean), b.beyond(v.Mean)) })
	k := slices.Index(v.seen, worst)
	var b strings.Builder
	fmt.Fprintf(&b, "%s: got %v over %d seeds (95 %%), wanted %s; seed %d was worst, with %.4g\n",
		v.What, v.interval, len(v.Values), v.Want, v.Seeds[k], worst.Got)
	if worst.Failure != "" {
		b.WriteString(worst.Failure)
	} else {
		fmt.Fprintf(&b, "again: %s", again(test, v.Seeds[k]))
	}
	return b.String()
}

// beyond is how far a value lies outside of its bound or, if it keeps to it,
// less than nothing: the more, the nearer to the mean.
func (s *sighting) beyond(mean float64) float64 {
	out := max(s.Want.low-s.Got, s.Got-s.Want.high)
	if out > 0 || math.IsNaN(out) {
		return out
	}
	return -1 / (1 + math.Abs(s.Got-mean))
}
