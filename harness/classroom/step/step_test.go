package step_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"peerbed/harness/classroom/step"
	"peerbed/protocols/p2p"
)

// An echo asks its contact once, and tells who answered.
type echo struct {
	cfg   config
	env   p2p.Env
	calls p2p.Calls
	heard string
}

type config struct {
	Contact string `flag:"contact" doc:"whom to ask"`
}

type (
	ask struct {
		p2p.Tag
		Text string
	}
	told struct {
		p2p.Tag
		Text string
	}
)

func (*ask) Kind() p2p.Kind  { return p2p.First }
func (*told) Kind() p2p.Kind { return p2p.First + 1 }
func (m *ask) Size() int     { return step.Size("ask", m) }
func (m *told) Size() int    { return step.Size("told", m) }

var kinds = []p2p.KindInfo{{Name: "ask", Blank: &ask{}}, {Name: "told", Blank: &told{}}}

func (e *echo) Start(env p2p.Env) {
	e.env = env
	e.calls = p2p.Calls{Env: env, Patience: time.Second}
	if to, err := p2p.ParseAddr(e.cfg.Contact); err == nil {
		p2p.Ask(&e.calls, to.Peer(), ask{Text: "who?"}, e, (*echo).answered)
	}
}

func (e *echo) answered(m *told) {
	if e.heard = "nobody"; m != nil {
		e.heard = m.Text
	}
}

func (e *echo) Handle(from p2p.Peer, m p2p.Msg) {
	if m, ok := m.(*ask); ok {
		p2p.Reply(e.env, from, m.Tag, told{Text: "me"})
		return
	}
	e.calls.Handle(from, m)
}

func (e *echo) Do(op p2p.Op, done func(p2p.Result)) {
	if f, ok := op.(p2p.Find); ok && f.Name == "stream" {
		e.env.Dial(1, nil, e)
	}
	done(p2p.Result{ID: e.heard, Err: p2p.ErrNotFound})
}

func (e *echo) Inspect() p2p.State { return p2p.State{ID: e.heard, Detail: map[string]int{"n": 1}} }

func play(t *testing.T, in string) (out []string, err error) {
	t.Helper()
	p := &p2p.Protocol{Name: "echo", Config: config{}, Kinds: kinds, Datagrams: step.JSON(kinds),
		New: func(cfg any, _ *p2p.State) p2p.Node { return &echo{cfg: cfg.(config)} }}
	var b strings.Builder
	err = step.Play(p, strings.NewReader(in), &b)
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n"), err
}

const start = `{"node":0,"event":"start","self":"10.0.0.1:1","seed":1,"config":{"contact":"10.0.0.2:2","else":"x"}}
`

// A question, its answer, and what a user hears of it, as the lines that cross.
func TestConversation(t *testing.T) {
	out, err := play(t, start+
		`{"node":1,"event":"start","self":"10.0.0.2:2"}
{"node":1,"now":5,"event":"message","from":"10.0.0.1:1","body":{"ask":{"ID":1,"Text":"who?"}}}
{"node":0,"now":9,"event":"message","from":"10.0.0.2:2","body":{"told":{"ID":1,"Text":"me"}}}
{"node":0,"now":1000000000,"event":"timer","timer":1}
{"node":0,"now":1000000000,"event":"do","op":3,"do":"find","name":"x"}
{"node":0,"event":"inspect"}
{"node":1,"event":"stop"}
`)
	want := []string{
		`[{"after":1000000000,"timer":1},{"send":"10.0.0.2:2","body":{"ask":{"ID":1,"Text":"who?"}}}]`,
		`[]`,
		`[{"send":"10.0.0.1:1","body":{"told":{"ID":1,"Text":"me"}}}]`,
		`[]`, `[]`,
		`[{"result":3,"id":"me","error":"not found"}]`,
		`[{"state":{"id":"me","neighbours":null,"detail":{"n":1}}}]`,
		`[]`,
	}
	if err != nil || strings.Join(out, "\n") != strings.Join(want, "\n") {
		for i := range want {
			if i >= len(out) || sorted(out[i]) != sorted(want[i]) {
				t.Errorf("line %d is %s, want %s (%v)", i, out[min(i, len(out)-1)], want[i], err)
			}
		}
	}
}

// sorted makes the order of an answer's actions no matter.
func sorted(line string) string {
	var all []json.RawMessage
	if json.Unmarshal([]byte(line), &all) != nil || len(all) < 2 {
		return line
	}
	if string(all[0]) > string(all[1]) {
		all[0], all[1] = all[1], all[0]
	}
	b, _ := json.Marshal(all)
	return string(b)
}

// What makes no sense ends the program with a sentence; a stranger's datagram does
// not.
func TestRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"what?\n":                              "is no event",
		`{"node":4,"event":"timer"}` + "\n":    "has not started",
		`{"event":"start","self":"me"}` + "\n": "want an IPv4 address",
		start + `{"event":"dance"}` + "\n":     "no event",
		start + `{"event":"do","op":1,"do":"find","name":"stream"}` + "\n": "send datagrams",
		strings.Repeat(" ", 1<<17) + "\n":                                  "a line of more than",
	} {
		if _, err := play(t, in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %q", in, err, want)
		}
	}
	for _, body := range []string{`1`, `"x"`, `{}`, `{"ask":7}`, `{"sing":{}}`, `{"ask":{},"told":{}}`, `[{"ask":{}}]`} {
		out, err := play(t, start+`{"event":"message","from":"10.0.0.2:2","body":`+body+"}\n")
		if err != nil || len(out) != 2 || out[1] != "[]" {
			t.Errorf("the body %s: %v %v, want that nothing happens", body, out, err)
		}
	}
}

// FuzzCodec: whatever comes, the codec refuses it or reads a message whose bytes
// it writes again and whose Size they have.
func FuzzCodec(f *testing.F) {
	f.Add([]byte(`{"ask":{"ID":1,"Text":"who?"}}`))
	f.Add([]byte(`{"told":{}}`))
	f.Add([]byte(`{"ask`))
	f.Fuzz(func(t *testing.T, src []byte) {
		c := step.JSON(kinds)()
		m, n, err := c.Next(src, true)
		if err != nil {
			return
		}
		b, _, err := c.Append(nil, m)
		if err != nil || n != len(src) || len(b) != m.Size() {
			t.Fatalf("%q: %d of %d bytes taken, %d written, Size %d, %v", src, n, len(src), len(b), m.Size(), err)
		}
		if again, _, err := c.Next(b, true); err != nil || again.Kind() != m.Kind() {
			t.Fatalf("%q: not read again: %v", b, err)
		}
	})
}

// FuzzPlay: no line panics.
func FuzzPlay(f *testing.F) {
	f.Add(start)
	f.Add(start + `{"event":"message","from":"10.0.0.2:2","body":{"ask":{}}}`)
	f.Fuzz(func(t *testing.T, in string) { play(t, in) })
}
