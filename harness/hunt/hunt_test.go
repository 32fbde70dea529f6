package hunt_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"peerbed/harness/hunt"
	"peerbed/harness/plan"
	"peerbed/harness/sim"
	"peerbed/protocols/p2p"
)

func init() { hunt.Flags(flag.CommandLine) }

// A sentry greets all others when it starts and says good-bye when it leaves. The
// mistake that is planted in it: hearing of a leaver and of a newcomer within a
// second, in this order, it takes the one for the other, and is confused for good.
type sentry struct {
	env      p2p.Env
	mistake  string
	left     time.Duration // when it last heard a good-bye; 0: never
	confused bool
	greeted  int
}

const (
	crowd             = 8
	kindWord p2p.Kind = p2p.First
)

type word struct{ Bye bool }

func (*word) Kind() p2p.Kind { return kindWord }
func (*word) Size() int      { return 1 }

type tongue struct{}

func (tongue) Append(b []byte, m p2p.Msg) ([]byte, p2p.Content, error) {
	if m.(*word).Bye {
		return append(b, 1), p2p.Content{}, nil
	}
	return append(b, 0), p2p.Content{}, nil
}

func (tongue) Next(src []byte, _ bool) (p2p.Msg, int, error) {
	return &word{Bye: src[0] == 1}, 1, nil
}

func sentries(mistake string) *p2p.Protocol {
	return &p2p.Protocol{
		Name:      "sentry",
		Config:    struct{}{},
		New:       func(any, *p2p.State) p2p.Node { return &sentry{mistake: mistake} },
		Kinds:     []p2p.KindInfo{{Name: "word", Class: p2p.Membership, Blank: &word{}}},
		Datagrams: func() p2p.Codec { return tongue{} },
	}
}

func (s *sentry) Start(env p2p.Env) {
	s.env = env
	s.tell(word{})
}

func (s *sentry) tell(w word) {
	self := s.env.Self()
	for i := range crowd {
		if to := p2p.MakeAddr(sim.IP(i), self.Port()); to != self {
			p2p.Send(s.env, to.Peer(), w)
		}
	}
}

func (s *sentry) Handle(_ p2p.Peer, m p2p.Msg) {
	switch now := s.env.Now(); {
	case m.(*word).Bye:
		s.left = now
	case s.left > 0 && now-s.left < time.Second:
		s.confused = s.mistake == "confused"
		if s.mistake == "panics" {
			panic("who is there?")
		}
	default:
		s.greeted++
	}
}

func (s *sentry) Do(op p2p.Op, done func(p2p.Result)) {
	if _, leaves := op.(p2p.Leave); leaves {
		s.tell(word{Bye: true})
	}
	done(p2p.Result{})
}

func (s *sentry) Inspect() p2p.State {
	return p2p.State{Self: s.env.Self(), Detail: fmt.Sprint(s.confused, s.left, s.greeted)}
}

// Mark of a sentry that is wrong in this way forgets to tell of greetings.
func (s *sentry) Mark() uint64 {
	mark := uint64(s.left) << 10
	if s.mistake != "marks" {
		mark |= uint64(s.greeted) << 1
	}
	if s.confused {
		mark |= 1
	}
	return mark
}

var calm = hunt.Invariant{Name: "Calm", Holds: func(states []p2p.State) error {
	for _, s := range states {
		if strings.HasPrefix(s.Detail.(string), "true") {
			return fmt.Errorf("%v is confused", s.Self)
		}
	}
	return nil
}}

// busy is a sweep in which all kinds of things happen to sentries.
func busy(mistake string) hunt.Sweep {
	return hunt.Sweep{Protocol: sentries(mistake), Nodes: crowd, Seeds: 200, For: time.Minute, Rest: time.Second,
		Draw: hunt.Mix{Every: 2 * time.Second, Least: 4, Crash: 2, Vanish: 2, Leave: 1, Restart: 4, Pause: 1, Cut: 1, Drop: 1, Shape: 1,
			While: 5 * time.Second, Loss: 0.3, Slowest: sim.Usual},
		Always: []hunt.Invariant{calm}}
}

// The mistake is found, and nothing is left of the plan but the leaver, the
// newcomer, and who is confused by them.
func TestFindsAndShrinks(t *testing.T) {
	for _, when := range []string{"always", "finally"} {
		s := busy("confused")
		if when == "finally" {
			s.Always, s.Finally = nil, s.Always
		}
		c := hunt.Find(t, s)
		if c == nil {
			t.Fatal("nothing was found")
		}
		t.Logf("\n%s", strings.Join(c.Story, "\n"))
		verbs := []plan.Verb{}
		for _, e := range c.Events {
			verbs = append(verbs, e.Do)
			if e.At%time.Second != 0 {
				t.Errorf("%v is not as round as it might be", e.At)
			}
		}
		if !reflect.DeepEqual(verbs, []plan.Verb{plan.Leave, plan.Restart}) || len(c.Up) != 2 || c.Invariant != "Calm" {
			t.Errorf("%s: what is left is %v, with %v there at first: want a leave and a join, and two nodes", when, verbs, c.Up)
		}
		if c.At < c.Events[1].At || c.At > c.Events[1].At+100*time.Millisecond {
			t.Errorf("%s: violated at %v, want it when the newcomer of %v is heard", when, c.At, c.Events[1].At)
		}
	}
}

// Where nothing is wrong nothing is found; and equal sweeps are equal.
func TestFindsNothing(t *testing.T) {
	if c := hunt.Find(t, busy("")); c != nil {
		t.Errorf("found %+v", c)
	}
	a, b := hunt.Find(t, busy("confused")), hunt.Find(t, busy("confused"))
	if !reflect.DeepEqual(a, b) {
		t.Errorf("one sweep, two results:\n%+v\n%+v", a, b)
	}
}

// An invariant can be asked of the events instead.
func TestWatches(t *testing.T) {
	s := busy("")
	s.Always = []hunt.Invariant{{Name: "NobodyLeavesTwice", Watch: func() func(*sim.Event) error {
		left := map[int]bool{}
		return func(e *sim.Event) error {
			if e.What == sim.Leave && left[e.Node] {
				return fmt.Errorf("node %d leaves again", e.Node)
			}
			left[e.Node] = left[e.Node] || e.What == sim.Leave
			return nil
		}
	}}}
	c := hunt.Find(t, s)
	if c == nil || len(c.Events) != 3 || len(c.Up) != 1 {
		t.Errorf("found %+v, want one node that leaves, comes and leaves", c)
	}
}

// A panic is a violation like others.
func TestPanics(t *testing.T) {
	c := hunt.Find(t, busy("panics"))
	if c == nil || c.Invariant != hunt.Panic || len(c.Events) != 2 || !strings.Contains(c.Why, "who is there?") {
		t.Errorf("found %+v, want a panic after two events", c)
	}
}

// What may not happen does not, so that what it would have led to is not found.
func TestMay(t *testing.T) {
	s := busy("confused")
	s.May = func(e plan.Event, now hunt.Now) bool { return e.Do != plan.Leave || len(now.Rest) == crowd }
	if c := hunt.Find(t, s); c != nil {
		t.Errorf("nobody may leave, but found %+v", c)
	}
}

// Run fails, and the one command that it prints plays what it saved to the same
// violation. So does the file alone as a golden one.
func TestPrintsWhatToDo(t *testing.T) {
	if os.Getenv("HUNT_FAILS") != "" {
		s := busy("confused")
		if golden := os.Getenv("HUNT_GOLDEN"); golden != "" {
			hunt.Golden(t, s, golden)
			return
		}
		hunt.Run(t, s)
		return
	}
	out := t.TempDir()
	first := fails(t, out, "-test.run=^TestPrintsWhatToDo$")
	command := regexp.MustCompile(`go test \./harness/hunt -run '(\S+)' -count=1 -v -args -plan (\S+)`).FindStringSubmatch(first)
	if command == nil {
		t.Fatalf("no command to play it again in\n%s", first)
	}
	file := command[2]
	again := fails(t, out, "-test.run="+command[1], "-plan", file)
	violated := regexp.MustCompile(`.*VIOLATED.*`)
	if a, b := violated.FindString(first), violated.FindString(again); a == "" || strings.TrimSpace(a) != strings.TrimSpace(b) {
		t.Errorf("first %q, then %q", a, b)
	}
	golden := filepath.Join(out, "golden.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, changed := range []bool{false, true} {
		if changed {
			text = []byte(strings.ReplaceAll(string(text), "is confused", "is bored"))
		}
		if err := os.WriteFile(golden, text, 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(os.Args[0], "-test.run=^TestPrintsWhatToDo$")
		cmd.Env = append(os.Environ(), "HUNT_FAILS=1", "HUNT_GOLDEN="+golden)
		if b, err := cmd.CombinedOutput(); (err != nil) != changed {
			t.Errorf("golden, changed: %v: %v\n%s", changed, err, b)
		}
	}
}

func fails(t *testing.T, out string, args ...string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "HUNT_FAILS=1", "PEERBED_OUT="+out)
	b, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatalf("it did not fail:\n%s", b)
	}
	return string(b)
}

// A file that no hunt has saved is refused in words.
func TestBadFile(t *testing.T) {
	for text, want := range map[string]string{
		`{`:                               "no plan that a hunt has saved",
		`{"Protocol":"chord","Nodes":1}`:  "this sweep is of sentry",
		`{"Protocol":"sentry","Nodes":0}`: "want 1 to",
		`{"Protocol":"sentry","Nodes":1,"Up":[1]}`:                "no node 1",
		`{"Protocol":"sentry","Nodes":1,"Events":[{"Do":"cut"}]}`: "want two Groups",
	} {
		file := filepath.Join(t.TempDir(), "plan.json")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		s := busy("")
		if _, err := s.Load(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
}

// A Mark that misses a change does not go unnoticed.
func TestWrongMark(t *testing.T) {
	for mistake, want := range map[string]bool{"": false, "marks": true} {
		s := busy(mistake)
		s.Strict = 1
		if err := s.Play(1); (err != nil) != want {
			t.Errorf("mistake %q: error %v", mistake, err)
		}
	}
}

// Mix keeps to what it was asked for.
func TestMix(t *testing.T) {
	f := plan.Facts{Seed: 3, Nodes: 10, For: time.Minute}
	events, err := hunt.Mix{Every: time.Second, Least: 3, Crash: 1, Restart: 1, Cut: 1, While: time.Hour}.Events(f)
	if err != nil {
		t.Fatal(err)
	}
	healed := 0
	for _, e := range events {
		if !slices.Contains([]plan.Verb{plan.Away, plan.Crash, plan.Restart, plan.Cut, plan.Heal}, e.Do) || e.At > f.For {
			t.Errorf("%+v was not asked for", e)
		}
		if e.Do == plan.Away && len(e.Nodes) > 7 {
			t.Errorf("%d of 10 are away, want at least 3 to be there", len(e.Nodes))
		}
		if e.Do == plan.Heal {
			healed++
		}
	}
	if healed == 0 {
		t.Error("no cut, or none that heals")
	}
	if _, err := (hunt.Mix{}).Events(f); err == nil {
		t.Error("a Mix of nothing is no error")
	}
}
