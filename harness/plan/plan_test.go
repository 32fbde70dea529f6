package plan_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"peerbed/harness/plan"
)

// A beat is a plan of one random event every second.
type beat struct {
	Verb plan.Verb
	fail error
}

func (b beat) Events(f plan.Facts) ([]plan.Event, error) {
	r := f.Rand()
	var list []plan.Event
	for at := time.Second; at <= 2*f.For; at += time.Second {
		list = append(list, plan.Event{At: at, Do: b.Verb, Nodes: []int{r.IntN(1000)}})
	}
	return list, b.fail
}

func TestTimelineMergesInOrder(t *testing.T) {
	f := plan.Facts{Seed: 1, For: 3 * time.Second}
	list, err := plan.Timeline(f, beat{Verb: plan.Crash}, beat{Verb: plan.Find})
	if err != nil || len(list) != 6 {
		t.Fatalf("%+v, error %v: want six events within three seconds", list, err)
	}
	for i, e := range list {
		if want := time.Duration(i/2+1) * time.Second; e.At != want || (e.Do == plan.Crash) != (i%2 == 0) {
			t.Errorf("event %d is %+v, want it at %v, and the crash before the lookup", i, e, want)
		}
	}
	if reflect.DeepEqual(list[0].Nodes, list[1].Nodes) && reflect.DeepEqual(list[2].Nodes, list[3].Nodes) {
		t.Error("two plans draw the same numbers")
	}
}

func TestAnotherPlanChangesNoDraw(t *testing.T) {
	f := plan.Facts{Seed: 1, For: 3 * time.Second}
	alone, _ := plan.Timeline(f, beat{Verb: plan.Crash})
	both, _ := plan.Timeline(f, beat{Verb: plan.Crash}, beat{Verb: plan.Find})
	for i, e := range alone {
		if !reflect.DeepEqual(e, both[2*i]) {
			t.Errorf("alone %+v, beside another %+v", e, both[2*i])
		}
	}
}

func TestTimelineNamesThePlanThatIsWrong(t *testing.T) {
	wrong := errors.New("no such beat")
	_, err := plan.Timeline(plan.Facts{}, beat{Verb: plan.Find, fail: wrong})
	if !errors.Is(err, wrong) || !strings.Contains(err.Error(), "plan_test.beat{Verb:find") {
		t.Errorf("error %v: want it to name the plan", err)
	}
}

func TestEventsSurviveJSON(t *testing.T) {
	want := plan.Event{At: time.Second, Do: plan.Cut, Groups: [][]int{{1}, {2, 3}}, OneWay: true, Label: "partition"}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got plan.Event
	if err := json.Unmarshal(b, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%s came back as %+v, error %v", b, got, err)
	}
}
