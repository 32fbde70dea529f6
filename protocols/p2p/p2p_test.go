package p2p_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"peerbed/protocols/p2p"
)

func TestAddr(t *testing.T) {
	a, err := p2p.ParseAddr("10.0.3.255:7000")
	if err != nil || a != p2p.MakeAddr(10<<24|3<<8|255, 7000) || a.String() != "10.0.3.255:7000" {
		t.Errorf("got %v, %v", a, err)
	}
	for _, bad := range []string{"", "10.0.0.1", "10.0.0.1:", "10.0.0:1", "10.0.0.256:1", "1.2.3.4:65536", "x:1", "1.2.3.4.5:1", "1.2.3.-4:1"} {
		if a, err := p2p.ParseAddr(bad); err == nil {
			t.Errorf("ParseAddr(%q) = %v, want an error", bad, a)
		}
	}
}

// Places of one node are told apart, in text too; a world's addresses have none.
func TestPlace(t *testing.T) {
	a := p2p.MakeAddr(10<<24|1, 7000)
	b := a.At(3)
	if b == a || b.Node() != a || b.Place() != 3 || a.Place() != 0 || a.At(0) != a || b.IP() != a.IP() || b.Port() != a.Port() {
		t.Errorf("place 3 of %v is %v", a, b)
	}
	var c p2p.Addr
	if text, _ := b.MarshalText(); string(text) != "10.0.0.1:7000#3" || c.UnmarshalText(text) != nil || c != b {
		t.Errorf("%v is written %q and read as %v", b, text, c)
	}
	for _, bad := range []string{"10.0.0.1:7000#", "10.0.0.1:7000#65536", "10.0.0.1:7000#-1", "#3"} {
		if c.UnmarshalText([]byte(bad)) == nil {
			t.Errorf("%q is read as %v", bad, c)
		}
	}
	if _, err := p2p.ParseAddr(b.String()); err == nil {
		t.Error("ParseAddr takes a place")
	}
}

type question struct{ p2p.Tag }
type answer struct {
	p2p.Tag
	Text string
}

func (*question) Kind() p2p.Kind { return p2p.First }
func (*question) Size() int      { return 4 }
func (*answer) Kind() p2p.Kind   { return p2p.First + 1 }
func (m *answer) Size() int      { return 4 + len(m.Text) }

// An env is the least of a world that Calls needs: a clock that the test
// moves, timers, and a list of what was sent.
type env struct {
	p2p.Env
	now    time.Duration
	timers []timer
	n      uint32
	sent   []p2p.Msg
}

type timer struct {
	p2p.Timer
	m p2p.Msg
}

func (e *env) Now() time.Duration         { return e.now }
func (e *env) Spare(p2p.Kind) p2p.Msg     { return nil }
func (e *env) Post(_ p2p.Peer, m p2p.Msg) { e.sent = append(e.sent, m) }
func (e *env) Rand() *rand.Rand           { return nil }
func (e *env) lastID() uint32             { return e.sent[len(e.sent)-1].(*question).ID }
func (e *env) Stop(t p2p.Timer) {
	e.timers = slices.DeleteFunc(e.timers, func(u timer) bool { return u.Timer == t })
}
func (e *env) After(d time.Duration, m p2p.Msg) p2p.Timer {
	e.n++
	t := p2p.Timer{At: e.now + d, N: e.n}
	e.timers = append(e.timers, timer{t, m})
	return t
}

// pass moves the clock and fires what is due.
func (e *env) pass(d time.Duration, h p2p.Handler) {
	e.now += d
	for len(e.timers) > 0 && e.timers[0].At <= e.now {
		m := e.timers[0].m
		e.timers = e.timers[1:]
		h.Handle(p2p.Peer{}, m)
	}
}

type asker struct {
	calls p2p.Calls
	heard []string
}

func (a *asker) got(r *answer) {
	if r == nil {
		a.heard = append(a.heard, "nobody")
		return
	}
	a.heard = append(a.heard, r.Text)
}

func ask(a *asker, to p2p.Peer) { p2p.Ask(&a.calls, to, question{}, a, (*asker).got) }

func newAsker() (*asker, *env) {
	e := &env{}
	return &asker{calls: p2p.Calls{Env: e, Patience: time.Second}}, e
}

func tagged(id uint32, text string) *answer { return &answer{p2p.Tag{ID: id}, text} }

func TestAskHearsTheAnswerOnce(t *testing.T) {
	a, e := newAsker()
	to := p2p.Peer{Addr: 7}
	ask(a, to)
	m := tagged(e.lastID(), "yes")
	a.calls.Handle(to, m)
	a.calls.Handle(to, m)
	e.pass(2*time.Second, &a.calls)
	if !reflect.DeepEqual(a.heard, []string{"yes"}) {
		t.Errorf("heard %q, want one yes", a.heard)
	}
}

// "Accept answers only from whom was asked", with the tag and type asked for.
func TestAskIgnoresStrangers(t *testing.T) {
	a, e := newAsker()
	to := p2p.Peer{Addr: 7}
	ask(a, to)
	id := e.lastID()
	a.calls.Handle(p2p.Peer{Addr: 8}, tagged(id, "another node"))
	a.calls.Handle(p2p.Peer{Addr: 7, Link: 1}, tagged(id, "another link"))
	a.calls.Handle(to, tagged(id+1, "another question"))
	a.calls.Handle(to, &question{p2p.Tag{ID: id}})
	a.calls.Handle(to, &p2p.Up{})
	if len(a.heard) > 0 || a.calls.Open() != 1 {
		t.Fatalf("heard %q, open %d; want nothing, 1", a.heard, a.calls.Open())
	}
	a.calls.Handle(to, tagged(id, "right"))
	if !reflect.DeepEqual(a.heard, []string{"right"}) {
		t.Errorf("heard %q", a.heard)
	}
}

// Many questions at different times all hear of their deadline, in the order
// they were asked, with one timer at a time.
func TestAskDeadlines(t *testing.T) {
	a, e := newAsker()
	for i := range 5 {
		ask(a, p2p.Peer{Addr: p2p.Addr(i)})
		if len(e.timers) != 1 {
			t.Fatalf("%d timers, want 1", len(e.timers))
		}
		e.pass(300*time.Millisecond, &a.calls)
	}
	if len(a.heard) != 2 || a.calls.Open() != 3 {
		t.Fatalf("at 1.5 s heard %q, open %d; want the two asked before 0.5 s", a.heard, a.calls.Open())
	}
	e.pass(5*time.Second, &a.calls)
	if len(a.heard) != 5 || a.calls.Open() != 0 || len(e.timers) != 0 {
		t.Errorf("heard %q, open %d, timers %d; want all and nothing left", a.heard, a.calls.Open(), len(e.timers))
	}
}

// A continuation may ask again, also from within a deadline.
func TestAskAgainFromTheDeadline(t *testing.T) {
	a, e := newAsker()
	r := &retrier{a: a}
	p2p.Ask(&a.calls, p2p.Peer{Addr: 1}, question{}, r, (*retrier).got)
	for range 3 {
		e.pass(time.Second, &a.calls)
	}
	if r.n != 3 || a.calls.Open() != 1 {
		t.Errorf("asked again %d times, open %d; want 3 and 1", r.n, a.calls.Open())
	}
}

type retrier struct {
	a *asker
	n int
}

func (r *retrier) got(*answer) {
	r.n++
	p2p.Ask(&r.a.calls, p2p.Peer{Addr: 1}, question{}, r, (*retrier).got)
}

func TestDropForgets(t *testing.T) {
	a, e := newAsker()
	b := &asker{}
	ask(a, p2p.Peer{Addr: 1})
	p2p.Ask(&a.calls, p2p.Peer{Addr: 1}, question{}, b, (*asker).got)
	a.calls.Drop(b)
	e.pass(2*time.Second, &a.calls)
	if len(a.heard) != 1 || len(b.heard) != 0 {
		t.Errorf("heard %q and %q; want the second forgotten", a.heard, b.heard)
	}
}

func TestAskAllocatesNothing(t *testing.T) {
	a, e := newAsker()
	q := &question{}
	spare := &spareEnv{env: e, q: q}
	a.calls.Env = spare
	a.heard = make([]string, 0, 10000)
	to := p2p.Peer{Addr: 7}
	m := tagged(0, "x")
	got := testing.AllocsPerRun(1000, func() {
		ask(a, to)
		m.ID = q.ID
		a.calls.Handle(to, m)
		e.timers = e.timers[:0]
	})
	if got > 0 {
		t.Errorf("%v allocations a question, want 0", got)
	}
}

type spareEnv struct {
	*env
	q *question
}

func (e *spareEnv) Spare(p2p.Kind) p2p.Msg { return e.q }
func (*spareEnv) Post(p2p.Peer, p2p.Msg)   {}
func (e *spareEnv) Stop(p2p.Timer)         {}

type config struct {
	N     int           `flag:"n" default:"3" range:"1:9" doc:"how many"`
	Every time.Duration `flag:"every" default:"1s" range:"1ms:1m" doc:"how often"`
	Loss  float64       `flag:"loss" default:"0.5" range:"0:1" doc:"share"`
	On    bool          `flag:"on" doc:"switch"`
	Name  string        `flag:"name" default:"x" doc:"text"`
	Self  p2p.Addr      `flag:"self" default:"127.0.0.1:1" doc:"with a text form"`
	Inner
}

type Inner struct {
	Deep uint8 `flag:"deep" default:"7" doc:"embedded"`
}

func TestSettings(t *testing.T) {
	c := p2p.Default[config]()
	if c.N != 3 || c.Every != time.Second || c.Loss != 0.5 || c.On || c.Name != "x" || c.Self != p2p.MakeAddr(127<<24|1, 1) || c.Deep != 7 {
		t.Errorf("defaults: %+v", c)
	}
	if got := p2p.Changes(c); len(got) != 0 {
		t.Errorf("changes of the defaults: %q", got)
	}
	changed, err := p2p.With(c, "n=9", "every=20ms", "on=true", "deep=1", "name=a=b")
	if err != nil {
		t.Fatal(err)
	}
	changes := p2p.Changes(changed)
	if want := []string{"n=9", "every=20ms", "on=true", "name=a=b", "deep=1"}; !reflect.DeepEqual(changes, want) {
		t.Errorf("changes %q, want %q", changes, want)
	}
	again, err := p2p.With(c, changes...)
	if err != nil || again != changed {
		t.Errorf("the changes give %+v, %v; want %+v", again, err, changed)
	}
}

func TestSettingsRefuse(t *testing.T) {
	for change, want := range map[string]string{
		"n=10": "1 to 9", "n=0": "1 to 9", "n=x": "whole number", "every=5": "duration", "every=2m": "1ms to 1m",
		"loss=NaN": "0 to 1", "loss=2": "0 to 1", "on=maybe": "true or false", "deep=256": "whole number",
		"self=here": "127.0.0.1:7000", "size=1": "there are n, every",
	} {
		_, err := p2p.With(p2p.Default[config](), change)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want it to say %q", change, err, want)
		}
	}
	c := p2p.Default[config]()
	c.N = 100
	if p2p.Check(c) == nil {
		t.Error("Check found n=100 in order")
	}
}

func TestErrorsCrossProcesses(t *testing.T) {
	err := fmt.Errorf("chord: key 42: %w", p2p.ErrNotFound)
	back := p2p.RemoteError(err.Error(), p2p.Sentinel(err).Error())
	if !errors.Is(back, p2p.ErrNotFound) || back.Error() != err.Error() {
		t.Errorf("got %v", back)
	}
	if p2p.Sentinel(errors.New("other")) != nil || p2p.RemoteError("other", "").Error() != "other" {
		t.Error("an error without a sentinel got one")
	}
}
