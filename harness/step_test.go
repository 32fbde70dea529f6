package harness

import (
	"context"
	"errors"
	"io"
	"testing"

	"peerbed/harness/plan"
	"peerbed/protocols/p2p"
)

// A step that fails says so and is over; the cluster goes on, and tells how its
// nodes are.
func TestSteps(t *testing.T) {
	f := (&fake{}).open(t)
	c, err := Open(t.Context(), Settings{Protocol: toy, World: "fake", Nodes: 6, Out: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, e := range []plan.Event{
		{Do: plan.Crash, Nodes: []int{9}},
		{Do: plan.Pause, Nodes: []int{-1}},
		{Do: plan.Cut, Groups: [][]int{{0}, {6}}},
		{Do: plan.Heal, Label: "nothing"},
		{Do: plan.Find, Nodes: []int{0}, Name: "x"},
	} {
		if _, err := c.Play(e); err == nil {
			t.Errorf("%+v was done", e)
		}
	}
	for _, e := range []plan.Event{
		{Do: plan.Crash, Nodes: []int{1}},
		{Do: plan.Vanish, Nodes: []int{2}, Label: "churn"},
		{Do: plan.Pause, Nodes: []int{3}},
		{Do: plan.Away, Nodes: []int{4}},
	} {
		if _, err := c.Play(e); err != nil {
			t.Errorf("%+v: %v", e, err)
		}
	}
	if out := c.Ask(t.Context(), 5, p2p.Leave{}); out.Err != nil {
		t.Errorf("leave: %v", out.Err)
	}
	for i, want := range []string{"up", "crash", "churn", "paused", "away", "leave"} {
		if got := c.Condition(i); got != want {
			t.Errorf("node %d is %q, want %q", i, got, want)
		}
	}
	if n := len(c.Lasting()); n != 5 {
		t.Errorf("%d faults last, want 5: %v", n, c.Lasting())
	}
	if _, err := c.Play(plan.Event{Do: plan.Restart, Nodes: []int{1, 2, 4, 5}}); err != nil || c.Condition(1) != "up" {
		t.Errorf("restart: %v, node 1 is %s", err, c.Condition(1))
	}
	f.broken = errors.New("the world has a crack")
	if _, err := c.Inspect(t.Context(), 0); !errors.Is(err, f.broken) || c.Err() != nil {
		t.Errorf("inspect: %v; kept: %v", err, c.Err())
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if out := c.Ask(ctx, 0, p2p.Find{Name: "x"}); !errors.Is(out.Err, context.Canceled) {
		t.Errorf("a wish whose asker has gone: %v", out.Err)
	}
}
