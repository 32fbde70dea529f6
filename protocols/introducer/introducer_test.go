package introducer_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

// A guest joins whatever the introducer names, by doing nothing: it only
// remembers what it was told.
type guest struct {
	env    p2p.Env
	client introducer.Client
	told   introducer.Peers
	times  int
}

func (g *guest) Start(env p2p.Env) {
	g.env = env
	g.client.Open(env, "intro:7000", g)
	g.client.Ask()
}

func (g *guest) Handle(from p2p.Peer, m p2p.Msg) {
	switch m := m.(type) {
	case *introducer.Peers:
		g.told, g.times = *m, g.times+1
		g.client.Joined()
	default:
		g.client.Handle(from, m)
	}
}

func (g *guest) Do(_ p2p.Op, done func(p2p.Result)) { done(p2p.Result{Err: p2p.ErrUnsupported}) }
func (g *guest) Inspect() p2p.State {
	return p2p.State{Self: g.env.Self(), Neighbours: slices.Clone(g.told.Addrs), Detail: [2]int{g.times, first(g.told.First)}}
}

func first(b bool) int {
	if b {
		return 1
	}
	return 0
}

var guests = &p2p.Protocol{
	Name: "guest", Config: struct{}{}, Kinds: introducer.Kinds, Accept: introducer.Accept,
	New: func(any, *p2p.State) p2p.Node { return &guest{} },
}

// world has an introducer, as node 0.
func world(t *testing.T, seed uint64) *sim.World {
	t.Helper()
	w := sim.New(sim.Config{Seed: seed, Strict: true, Poison: true})
	if err := w.Spawn(harness.Spec{Protocol: introducer.Protocol}); err != nil {
		t.Fatal(err)
	}
	return w
}

func invite(t *testing.T, w *sim.World, index int) {
	t.Helper()
	s := harness.Spec{Index: index, Protocol: guests, Hosts: map[string]p2p.Addr{"intro": sim.Addr(0)}}
	if err := w.Spawn(s); err != nil {
		t.Fatal(err)
	}
}

// heard returns how often guest i was told something, and whether it was that
// it is the first.
func heard(t *testing.T, w *sim.World, i int) (times int, isFirst bool, peers []p2p.Addr) {
	t.Helper()
	s, err := w.Inspect(sim.Addr(i))
	if err != nil {
		t.Fatal(err)
	}
	d := s.Detail.([2]int)
	return d[0], d[1] == 1, s.Neighbours
}

// However many newcomers ask at once, one is told to start the network and all
// the others get peers, of which none is themselves.
func TestOneIsFirst(t *testing.T) {
	for seed := range uint64(20) {
		w := world(t, seed)
		const n = 12
		for i := 1; i <= n; i++ {
			invite(t, w, i)
		}
		w.Run(time.Minute)
		firsts := 0
		for i := 1; i <= n; i++ {
			times, isFirst, peers := heard(t, w, i)
			if times != 1 || isFirst != (len(peers) == 0) || slices.Contains(peers, sim.Addr(i)) || len(peers) > 8 {
				t.Errorf("seed %d: guest %d was told %d times, first %v, peers %v", seed, i, times, isFirst, peers)
			}
			firsts += first(isFirst)
		}
		if firsts != 1 {
			t.Errorf("seed %d: %d guests were told to be the first", seed, firsts)
		}
	}
}

// "Kill the introducer: new joins wait, and resume after restart." It still
// knows who is there, so nobody starts a second network.
func TestDeathHarmsNobody(t *testing.T) {
	w := world(t, 1)
	invite(t, w, 1)
	w.Run(10 * time.Second)
	if err := w.Crash(sim.Addr(0)); err != nil {
		t.Fatal(err)
	}
	invite(t, w, 2)
	w.Run(time.Minute)
	if times, _, _ := heard(t, w, 2); times != 0 {
		t.Fatal("a dead introducer answered")
	}
	if err := w.Restart(sim.Addr(0)); err != nil {
		t.Fatal(err)
	}
	w.Run(10 * time.Second)
	if times, isFirst, peers := heard(t, w, 2); times != 1 || isFirst || !slices.Equal(peers, []p2p.Addr{sim.Addr(1)}) {
		t.Errorf("told %d times, first %v, peers %v; want guest 1, once", times, isFirst, peers)
	}
}

// The appointed first that dies before it joined does not block the others.
func TestFirstThatDies(t *testing.T) {
	w := world(t, 1)
	invite(t, w, 1)
	w.RunUntil(func() bool { times, _, _ := heard(t, w, 1); return times > 0 }, time.Minute)
	if err := w.Crash(sim.Addr(1)); err != nil { // its report is still under way
		t.Fatal(err)
	}
	invite(t, w, 2)
	w.Run(30 * time.Second)
	if _, isFirst, _ := heard(t, w, 2); !isFirst {
		t.Error("the second was not appointed after the first had died")
	}
}

// All nodes crash at once and come back: one of them begins anew.
func TestStartAnewAfterAllCrashed(t *testing.T) {
	w := world(t, 3)
	for i := 1; i <= 3; i++ {
		invite(t, w, i)
	}
	w.Run(30 * time.Second)
	for i := 1; i <= 3; i++ {
		if err := w.Crash(sim.Addr(i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := 1; i <= 3; i++ {
		if err := w.Restart(sim.Addr(i)); err != nil {
			t.Fatal(err)
		}
	}
	w.Run(30 * time.Second)
	told := 0
	for i := 1; i <= 3; i++ {
		times, _, _ := heard(t, w, i)
		told += times
	}
	if told != 3 {
		t.Errorf("%d of 3 were told something after the restart", told)
	}
}

// What goes over the wire is HTTP that a person can type.
func TestWire(t *testing.T) {
	talk := func(request string) (p2p.Msg, string) {
		c, err := introducer.Accept([]byte(request)[:8])
		if err != nil || c == nil {
			t.Fatalf("%q: %v, %v", request, c, err)
		}
		m, n, err := c.Next([]byte(request), false)
		if err != nil || n != len(request) {
			t.Fatalf("%q: %d bytes, %v", request, n, err)
		}
		b, _, err := c.Append(nil, m)
		if err != nil || len(b) != m.Size() {
			t.Fatalf("%q: %d bytes of %d, %v", request, len(b), m.Size(), err)
		}
		return m, string(b)
	}
	talk("GET /peers HTTP/1.1\r\nHost: introducer:7000\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n")
	for _, r := range []string{"GET /peers?self=10.0.0.7:7000 HTTP/1.1", "PUT /joined?self=10.0.0.7:7000 HTTP/1.1"} {
		if _, again := talk(r + "\r\n\r\n"); !strings.HasPrefix(again, r+"\r\n") {
			t.Errorf("%q became %q", r, again)
		}
	}
}

func TestWireRefuses(t *testing.T) {
	for _, s := range []string{
		"GET /index.html HTTP/1.1\r\n\r\n", "DELETE /peers HTTP/1.1\r\n\r\n", "GET /peers?self=nobody HTTP/1.1\r\n\r\n", "PUT /joined HTTP/1.1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 500 No\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc\n",
	} {
		c, _ := introducer.Accept([]byte("GET /peers"))
		if m, _, err := c.Next([]byte(s), true); !errors.Is(err, p2p.ErrMalformed) || m != nil {
			t.Errorf("%q: %v, %v; want malformed", s, m, err)
		}
	}
	for _, s := range []string{"GNUTELLA", "GET /get", "\x00\x01\x02\x03\x04\x05\x06\x07"} {
		if c, err := introducer.Accept([]byte(s)); err == nil {
			t.Errorf("accepted %q as %T", s, c)
		}
	}
}
