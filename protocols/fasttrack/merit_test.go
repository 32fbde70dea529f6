package fasttrack_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"peerbed/protocols/fasttrack"
	"peerbed/protocols/p2p"
)

// F4: "reputation in [0,1000], initially 10, moved by connectivity periods and
// uploads": it starts there, stays within the bounds, and never falls by more time in
// the network or more bytes to others. Time away takes it down, and so does fetching
// where the formula is the ratio.
func TestF4Reputation(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for _, formula := range []string{"points", "ratio"} {
		cfg := config(t, "reputation="+formula, "online=120", "away=60", "upload=2")
		if got := fasttrack.Reputation(cfg, fasttrack.Life{}); got != 10 {
			t.Errorf("%s: it begins at %d, want 10", formula, got)
		}
		for range 2000 {
			a := fasttrack.Life{Online: draw(r), Away: draw(r), Sent: r.Int64N(1 << 31), Fetched: r.Int64N(1 << 31)}
			more, generous := a, a
			more.Online += draw(r)
			generous.Sent += r.Int64N(1 << 31)
			was := fasttrack.Reputation(cfg, a)
			if was < 0 || was > 1000 {
				t.Fatalf("%s: %+v gives %d", formula, a, was)
			}
			if got := fasttrack.Reputation(cfg, more); got < was {
				t.Errorf("%s: more time: %+v gives %d, %+v gives %d", formula, a, was, more, got)
			}
			if got := fasttrack.Reputation(cfg, generous); got < was {
				t.Errorf("%s: more bytes: %+v gives %d, %+v gives %d", formula, a, was, generous, got)
			}
		}
	}
	points, ratio := config(t, "online=120", "away=60", "upload=2"), config(t, "reputation=ratio")
	for what, c := range map[string]struct {
		cfg  fasttrack.Config
		life fasttrack.Life
		want int
	}{
		"an hour":               {points, fasttrack.Life{Online: time.Hour}, 10 + 120},
		"an hour and away":      {points, fasttrack.Life{Online: time.Hour, Away: time.Hour}, 10 + 120 - 60},
		"a day":                 {points, fasttrack.Life{Online: 24 * time.Hour}, 1000},
		"a week away":           {points, fasttrack.Life{Away: 7 * 24 * time.Hour}, 0},
		"ten MiB to others":     {points, fasttrack.Life{Sent: 10 << 20}, 10 + 20},
		"twice what it fetched": {ratio, fasttrack.Life{Sent: 2 << 20, Fetched: 1 << 20}, 200},
		"never gave":            {ratio, fasttrack.Life{Fetched: 1 << 20}, 0},
		"only gave":             {ratio, fasttrack.Life{Sent: 1}, 1000},
	} {
		if got := fasttrack.Reputation(c.cfg, c.life); got != c.want {
			t.Errorf("%s: %d, want %d", what, got, c.want)
		}
	}
}

func draw(r *rand.Rand) time.Duration { return time.Duration(r.Int64N(int64(12 * time.Hour))) }

// It outlives a crash, less the time away.
func TestReputationOutlivesCrash(t *testing.T) {
	w := join(t, 4, 1, "online=600", "away=300")
	a := w.nodes[3]
	w.Run(10 * time.Minute) // 100 points
	was := w.detail(a).Reputation
	if was < 100 || was > 112 {
		t.Errorf("ten minutes make %d", was)
	}
	if err := w.Crash(a); err != nil {
		t.Fatal(err)
	}
	w.Run(10 * time.Minute)
	if err := w.Restart(a); err != nil {
		t.Fatal(err)
	}
	w.Run(time.Second)
	if is := w.detail(a).Reputation; is < was-62 || is > was-45 {
		t.Errorf("ten minutes away make %d of %d", is, was)
	}
	w.must(a, p2p.Publish{Name: "song", Size: 20 << 20})
	before := w.detail(a).Reputation
	w.must(w.nodes[0], p2p.Fetch{Name: "song"})
	if is := w.detail(a).Reputation; is < before+20 {
		t.Errorf("twenty MiB to others make %d of %d", is, before)
	}
}
