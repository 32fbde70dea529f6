package harness

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"peerbed/node/control"
)

// fit is a machine that is within all bounds, though just so.
var fit = Machine{Nodes: 24, Processors: 2, Busy: 0.8, Ours: 0.7, Full: maxFull, Lag: maxLag, LagWorst: time.Second,
	LagOf: "chord-3", Throttled: maxThrottled, Asked: 80 * time.Millisecond, Got: 80*time.Millisecond + maxExtra}

// unfit are machines past one bound each, or several.
func unfit() []Machine {
	list := slices.Repeat([]Machine{fit}, 6)
	list[0].Lag = 181 * time.Millisecond
	list[1].Full = 0.64
	list[2].Throttled = 0.31
	list[3].Got = 131 * time.Millisecond
	list[4].Lag, list[4].Full, list[4].Busy, list[4].Ours = 90*time.Millisecond, 1, 0.99, 0.9
	list[5].Full, list[5].Busy, list[5].Ours = 0.98, 0.99, 0.03 // other work, none of ours
	return list
}

func TestVerdict(t *testing.T) {
	if err := fit.Verdict(); err != nil {
		t.Errorf("within all bounds: %v", err)
	}
	var got strings.Builder
	for _, m := range unfit() {
		var e Infrastructure
		if !errors.As(m.Verdict(), &e) {
			t.Fatalf("%+v: verdict %v, want Infrastructure", m, m.Verdict())
		}
		fmt.Fprintln(&got, e)
	}
	const file = "testdata/verdicts.golden"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || got.String() != string(want) {
		t.Errorf("verdicts:\n%s\nwant (%v):\n%s", got.String(), err, want)
	}
}

// A reporter is a test that may fail.
type reporter struct {
	testing.TB
	errors []string
}

func (r *reporter) Helper() {}
func (r *reporter) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

// "past the stated bound latency results are refused as infrastructure", good
// ones too; what was counted is judged all the same.
func TestASlowMachineIsNotTimedOn(t *testing.T) {
	slow := Results{Machine: &unfit()[1]}
	sound := Results{Machine: &fit}
	for _, test := range []struct {
		r    *Results
		what string
		got  float64
		want Bound
		says string
	}{
		{&slow, "P95", 0.1, NoLongerThan(time.Second), "P95: not compared: infrastructure"},
		{&slow, "found", 1, AtLeast(0.99), ""},
		{&sound, "P95", 0.1, NoLongerThan(time.Second), ""},
		{&Results{}, "P95", 0.1, NoLongerThan(time.Second), ""},
	} {
		r := &reporter{TB: t}
		if ok := test.r.Want(r, test.what, test.got, test.want); ok != (test.says == "") {
			t.Errorf("%s, %v: %v", test.what, test.want, ok)
		}
		if test.says != "" && (len(r.errors) != 1 || !strings.HasPrefix(r.errors[0], test.says)) {
			t.Errorf("%s said %q, want %q", test.what, r.errors, test.says)
		}
	}
	if b := NoLongerThan(time.Second); b.Holds(1.1) || !b.Holds(0.9) || b.String() != "no longer than 1s" {
		t.Errorf("%v", b)
	}
}

func TestGauge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// One second of full work, then nine at half.
		began, now := time.Now(), ticks{}
		g := newGauge(func() (ticks, bool) {
			s := uint64(time.Since(began) / time.Second)
			now = ticks{busy: 200 * min(s, 1), all: 200 * s}
			if s > 1 {
				now.busy += 100 * (s - 1)
			}
			return now, true
		})
		time.Sleep(10*time.Second + time.Millisecond) // the bubble's clock
		g.stop()
		if busy, full := g.shares(); busy != 0.55 || full != 0.1 {
			t.Errorf("busy %v, full %v; want 0.55 and 0.1", busy, full)
		}
	})
	if g := newGauge(func() (ticks, bool) { return ticks{}, false }); g != nil {
		t.Error("a gauge of a machine that does not tell")
	}
	var none *gauge
	none.stop()
	if busy, full := none.shares(); busy != 0 || full != 0 {
		t.Errorf("busy %v, full %v of what nobody knows", busy, full)
	}
}

func TestMachineSumsUpItsNodes(t *testing.T) {
	c, _ := start(t, 3)
	late := func(d time.Duration, n int) (l control.Lags) {
		for range n {
			l.Add(d)
		}
		return l
	}
	before := []Load{{Lags: late(time.Second, 1000), CPU: time.Minute}, {}, {}}
	for i, l := range []Load{
		{Lags: before[0].Lags.Plus(late(time.Microsecond, 1000)), CPU: time.Minute + time.Second},
		{Lags: late(80*time.Millisecond, 200), Throttled: time.Second},
		{Lags: late(time.Hour, enoughTimers-1)}, // too few to mean something
	} {
		c.traffic[c.Addr(i)] = &count{now: Counters{Load: l}}
	}
	m := c.machine(before, nil, 10*time.Second)
	if m.LagOf != c.Name(1) || m.LagWorst < 80*time.Millisecond || m.LagWorst > 120*time.Millisecond {
		t.Errorf("the worst is %s with %v, want %s with 80 ms", m.LagOf, m.LagWorst, c.Name(1))
	}
	if m.Throttled != 0.1 || m.Lags[0] > 10*time.Microsecond || m.Ours*float64(m.Processors) != 0.1 {
		t.Errorf("%+v: want a tenth of one processor, a tenth throttled", m)
	}
}
