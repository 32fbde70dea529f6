package fault_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"peerbed/harness/fault"
	"peerbed/harness/plan"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

var facts = plan.Facts{Seed: 3, Nodes: 40, For: 10 * time.Minute}

func events(t *testing.T, p plan.Plan) []plan.Event {
	t.Helper()
	list, err := p.Events(facts)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := p.Events(facts)
	if !reflect.DeepEqual(list, again) {
		t.Errorf("%s: equal facts gave different events", plan.Text(p))
	}
	return list
}

func TestCrashes(t *testing.T) {
	list := events(t, fault.Crashes{At: time.Minute, Fraction: 0.25, For: time.Second, Vanish: true})
	if len(list) != 2 || list[0].Do != plan.Vanish || len(list[0].Nodes) != 10 || !slices.IsSorted(list[0].Nodes) {
		t.Fatalf("events %+v: want ten nodes to vanish", list)
	}
	if list[1].Do != plan.Restart || list[1].At != 61*time.Second || !slices.Equal(list[0].Nodes, list[1].Nodes) {
		t.Errorf("events %+v: want the same nodes back a second later", list)
	}
	if none := events(t, fault.Crashes{At: time.Minute}); len(none) != 0 {
		t.Errorf("a fraction of nothing: %+v", none)
	}
}

func TestPartitionHealsItself(t *testing.T) {
	list := events(t, fault.Partition{At: time.Minute, For: time.Minute})
	cut, heal := list[0], list[1]
	if len(cut.Groups) != 2 || len(cut.Groups[0]) != 20 || len(cut.Groups[1]) != 20 {
		t.Errorf("groups %v: want two halves", cut.Groups)
	}
	if both := slices.Sorted(slices.Values(slices.Concat(cut.Groups...))); both[0] != 0 || both[39] != 39 {
		t.Errorf("groups %v: want every node once", cut.Groups)
	}
	if heal.Do != plan.Heal || heal.Label != cut.Label || heal.Label == "" {
		t.Errorf("%+v does not end %+v", heal, cut)
	}
}

func TestShapeComesBack(t *testing.T) {
	slow := linkmodel.Model{Default: linkmodel.Link{Delay: time.Second}}
	list := events(t, fault.Shape{At: time.Second, For: time.Second, Links: slow})
	if len(list) != 2 || list[0].Links.Perfect() || list[1].Do != plan.Heal || list[1].Label != list[0].Label {
		t.Errorf("events %+v: want slow links, and then the end of that", list)
	}
}

func TestSenselessPlansAreRefused(t *testing.T) {
	for _, p := range []plan.Plan{
		fault.Churn{}, fault.Churn{Session: fault.Constant(1), Share: 2}, fault.Crashes{Fraction: -1},
		fault.Partition{Groups: [][]int{{0}, {40}}},
		fault.Shape{Links: linkmodel.Model{Default: linkmodel.Link{Loss: 2}}},
	} {
		if _, err := p.Events(facts); err == nil {
			t.Errorf("%s was accepted", plan.Text(p))
		}
	}
}

func TestSplitCutsBothWaysBetweenGroupsOnly(t *testing.T) {
	a, b, c := p2p.MakeAddr(1, 7000), p2p.MakeAddr(2, 7000), p2p.MakeAddr(3, 7000)
	n := fault.Net{Cuts: fault.Split([]p2p.Addr{a}, []p2p.Addr{b})}
	for _, test := range []struct {
		from, to p2p.Addr
		want     bool
	}{{a, b, true}, {b, a, true}, {a, c, false}, {c, b, false}, {a, p2p.MakeAddr(2, 9), true}} {
		if got := n.Blocked(test.from, test.to); got != test.want {
			t.Errorf("%v to %v: blocked %v, want %v", test.from, test.to, got, test.want)
		}
	}
}
