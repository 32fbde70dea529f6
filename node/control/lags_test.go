package control_test

import (
	"testing"
	"time"

	"peerbed/node/control"
)

// A timer lies below the end of its bin, and not below that of the bin before.
func TestLagsKeepTheirBins(t *testing.T) {
	for late := time.Duration(0); late < 10*time.Second; late += late/7 + 300*time.Nanosecond {
		var l control.Lags
		l.Add(late)
		k := len(l) - 1
		if late >= control.LagBound(k) || k > 0 && late.Truncate(time.Microsecond) < control.LagBound(k-1).Truncate(time.Microsecond) {
			t.Fatalf("%v lies in bin %d, which ends at %v and begins at %v", late, k, control.LagBound(k), control.LagBound(k-1))
		}
	}
}

func TestLagsQuantile(t *testing.T) {
	var l control.Lags
	for range 98 {
		l.Add(100 * time.Microsecond)
	}
	before := l.Plus(nil)
	l.Add(70 * time.Millisecond)
	l.Add(time.Hour)
	if l.Count() != 100 || l.Quantile(0.5) > 150*time.Microsecond || l.Quantile(0.5) < 100*time.Microsecond {
		t.Errorf("%d timers, half at most %v late", l.Count(), l.Quantile(0.5))
	}
	if p99 := l.Quantile(0.99); p99 < 70*time.Millisecond || p99 > 105*time.Millisecond {
		t.Errorf("p99 %v, want 70 ms to half an octave more", p99)
	}
	if d := l.Since(before); d.Count() != 2 || d.Quantile(0.01) < 70*time.Millisecond {
		t.Errorf("since then %d timers, the first %v late", d.Count(), d.Quantile(0.01))
	}
	if none := (control.Lags)(nil); none.Quantile(0.99) != 0 || none.Count() != 0 {
		t.Error("no timer was late")
	}
}
