package bittorrent_test

import (
	"cmp"
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"peerbed/harness/hunt"
	"peerbed/harness/plan"
	"peerbed/protocols/bittorrent"
	"peerbed/protocols/p2p"
)

func init() { hunt.Flags(flag.CommandLine) }

// fetching is a random plan during which nodes publish and fetch.
type fetching struct{ hunt.Mix }

func (a fetching) Events(f plan.Facts) ([]plan.Event, error) {
	events, err := a.Mix.Events(f)
	r := f.Rand()
	for i := range 3 {
		events = append(events, plan.Event{Do: plan.Publish, Nodes: []int{1 + i}, Name: fmt.Sprint("song ", i), Size: 900_000})
	}
	for at := 2 * time.Second; at < f.For; at += time.Second {
		events = append(events, plan.Event{At: at, Do: plan.Fetch, Nodes: []int{r.IntN(f.Nodes)}, Name: fmt.Sprint("song ", r.IntN(3))})
	}
	slices.SortStableFunc(events, func(a, b plan.Event) int { return cmp.Compare(a.At, b.At) })
	return events, err
}

// Whatever happens to nodes and links, at no event has a node more than five
// neighbours unchoked, two streams to one of them, or pieces counted otherwise
// than its neighbours have them.
func TestRandomPlans(t *testing.T) {
	hunt.Run(t, hunt.Sweep{
		Protocol: bittorrent.Protocol, Config: []string{"interval=5s", "patience=1s", "rechoke=1s", "snub=3s", "give-up=20s", "piece=65536", "up-rate=100000"},
		Nodes: 10, Seeds: 12, Least: 3, Lead: 5 * time.Second, For: 30 * time.Second, Rest: time.Minute, Strict: 4,
		Draw: fetching{hunt.Mix{Every: 2 * time.Second, Crash: 2, Vanish: 2, Leave: 1, Restart: 6, Cut: 1, Drop: 1, While: 5 * time.Second, Loss: 0.2}},
		Always: []hunt.Invariant{
			{Name: "Unchoked", Holds: bittorrent.Unchoked(5)},
			{Name: "Counted", Holds: bittorrent.Counted},
		},
		Show: func(s p2p.State) string { return fmt.Sprintf("%+v", s.Detail.(bittorrent.Detail)) },
	})
}
