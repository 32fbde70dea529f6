package p2ptest

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"peerbed/harness/sim"
	"peerbed/protocols/p2p"
)

// A stub is a Node that tells its neighbours "ping" every second and is wrong
// in one way.
type stub struct {
	wrong string
	env   p2p.Env
	near  []p2p.Addr
}

func stubs(wrong string) *p2p.Protocol {
	p := &p2p.Protocol{
		Name:      "stub",
		Config:    struct{}{},
		New:       func(any, *p2p.State) p2p.Node { return &stub{wrong: wrong} },
		Kinds:     []p2p.KindInfo{{Name: "text", Class: p2p.Lookup, Blank: &text{}}},
		Ticks:     []string{"talk"},
		Datagrams: newScribe,
	}
	if wrong == "classless" {
		p.Kinds[0].Class = ""
	}
	return p
}

func (s *stub) Start(env p2p.Env) {
	s.env = env
	if s.wrong != "clings" {
		s.near = []p2p.Addr{sim.Addr(1)}
	}
	for i := 1; s.wrong == "clings" && i <= crowd; i++ {
		s.near = append(s.near, sim.Addr(i))
	}
	env.After(time.Second, p2p.Tick(0))
}

func (s *stub) Handle(_ p2p.Peer, m p2p.Msg) {
	switch m := m.(type) {
	case *text:
		if s.wrong == "trusts" && m.S != "ping" {
			panic("who would send " + m.S)
		}
	case p2p.Tick:
		word := "ping"
		if s.wrong == "dices" {
			word = strings.Repeat("g", rand.IntN(100)) // the global source
		}
		for _, a := range s.near {
			p2p.Send(s.env, a.Peer(), text{word})
		}
		s.env.After(time.Second, m)
	}
}

func (s *stub) Do(op p2p.Op, done func(p2p.Result)) {
	f, fetch := op.(p2p.Fetch)
	switch {
	case s.wrong == "mute":
	case fetch && s.wrong == "boasts":
		done(p2p.Result{Found: s.near, Blob: p2p.Blob{Name: f.Name, Len: size}})
	case s.wrong == "agrees":
		done(p2p.Result{})
	default:
		done(p2p.Result{Found: s.near, Path: []p2p.Hop{{Addr: s.env.Self()}, {Addr: s.near[0], By: "heart"}}, Hops: 1})
	}
}

func (s *stub) Inspect() p2p.State {
	st := p2p.State{Self: s.env.Self(), Neighbours: append([]p2p.Addr(nil), s.near...)}
	if s.wrong == "shares" {
		st.Neighbours = s.near
	}
	return st
}

const whichEnv = "P2PTEST_STUB"

// TestBroken is not a test but what TestConformCatches runs.
func TestBroken(t *testing.T) {
	wrong := os.Getenv(whichEnv)
	if wrong == "" {
		t.Skip("run by TestConformCatches")
	}
	Conform(t, stubs(wrong))
}

// Each way to be wrong fails the test that is there for it.
func TestConformCatches(t *testing.T) {
	for _, c := range []struct{ wrong, test, want string }{
		{"classless", "Kinds", `text: class ""`},
		{"mute", "PublishFindFetch", "the Node did not call done within 10m0s"},
		{"agrees", "PublishFindFetch", "Find: no error, but nobody is named"},
		{"boasts", "PublishFindFetch", "is not what 10.0.0.3:7000 published"},
		{"agrees", "FindNothing", "and no error"},
		{"agrees", "Unsupported", "want not supported"},
		{"clings", "Leave", "still has 10.0.0.8:7000 for a neighbour"},
		{"shares", "Inspect", "writing to what Inspect returned changes the Node"},
		{"dices", "Repeats", "hash"},
		{"trusts", "Strangers", "panic: who would send"},
	} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestBroken$/^"+c.test+"$")
		cmd.Env = append(os.Environ(), whichEnv+"="+c.wrong)
		out, err := cmd.CombinedOutput()
		if err == nil || !strings.Contains(string(out), c.want) {
			t.Errorf("a Node that %s passes %s, or fails without %q: %v\n%s", c.wrong, c.test, c.want, err, out)
		}
	}
}

func TestPlays(t *testing.T) { Plays(t, stage) }

var stage = Stage{
	Protocol: stubs(""),
	Settled:  func(states []p2p.State) error { return nil },
}

// A play that goes otherwise is found out, and where.
func TestPlayDiffers(t *testing.T) {
	const script = "spawn a\nrun 100ms\ninspect a\n----\n  a: id , neighbours [b], stored [], <nil>\n"
	got, err := stage.perform(script)
	if err != nil {
		t.Fatal(err)
	}
	const want = "line 5\nwant   a: id , neighbours [b], stored [], <nil>\n got   a: id , neighbours [10.0.0.2:7000], stored [], <nil>"
	if d := firstDifference(script, got); d != want {
		t.Errorf("the difference is said to be %s", d)
	}
	if d := firstDifference(got, got); d != "" {
		t.Errorf("a script differs from itself: %s", d)
	}
}

func TestPlayMistakes(t *testing.T) {
	for script, want := range map[string]string{
		"dance":                   "line 1: dance: no such command; see the package comment of p2ptest",
		"spawn a\ncrash b":        `line 2: crash b: no node is called "b"`,
		"run fast":                "line 1: run fast: want a duration such as 5s: ",
		"spawn a\ndo a sing song": `line 2: do a sing song: "sing" is no wish`,
		"ideal a":                 "line 1: ideal a: stub has no ideal state",
		"introducer":              `line 1: introducer: no setting "introducer"`,
	} {
		if _, err := stage.perform(script); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: error %v, want %s", script, err, want)
		}
	}
}
