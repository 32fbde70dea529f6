package napster_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/napster"
	"peerbed/protocols/p2p"
)

// A world of servers and clients, in strict and poison mode. Clients know all
// servers by address.
type world struct {
	*sim.World
	t     testing.TB
	nodes []p2p.Addr // the servers first
}

func play(t testing.TB, servers, clients int, seed uint64, links linkmodel.Model, changes ...string) *world {
	t.Helper()
	w := &world{World: sim.New(sim.Config{Seed: seed, Strict: true, Poison: true, Model: links}), t: t}
	names := ""
	for i := range servers {
		names += sim.Addr(i).String() + ","
	}
	for i, role := range napster.Servers(servers)(servers + clients) {
		cfg, err := p2p.With(role.Config, append(changes, "server="+names)...)
		if err == nil {
			err = w.Spawn(harness.Spec{Index: i, Protocol: napster.Protocol, Config: cfg})
		}
		if err != nil {
			t.Fatal(err)
		}
		w.nodes = append(w.nodes, sim.Addr(i))
	}
	w.settle()
	return w
}

func (w *world) settle() {
	w.t.Helper()
	if !w.Settle(func() bool { return napster.Whole(w.States()) == nil }, 100*time.Millisecond, time.Minute) {
		w.t.Fatalf("after a minute: %v", napster.Whole(w.States()))
	}
}

// begin asks for something; its outcome is there when time has passed.
func (w *world) begin(at int, op p2p.Op) *harness.Outcome {
	out := &harness.Outcome{Result: p2p.Result{Err: errUnfinished}}
	w.Do(w.nodes[at], op, func(o harness.Outcome) { *out = o })
	return out
}

var errUnfinished = errors.New("not done yet")

func (w *world) must(at int, op p2p.Op) harness.Outcome {
	w.t.Helper()
	out := w.begin(at, op)
	if w.RunUntil(func() bool { return out.Err != errUnfinished }, time.Hour); out.Err != nil {
		w.t.Fatalf("%T%+v at %d: %v", op, op, at, out.Err)
	}
	return *out
}

func (w *world) detail(at int) napster.Detail {
	w.t.Helper()
	s, err := w.Inspect(w.nodes[at])
	if err != nil {
		w.t.Fatal(err)
	}
	return s.Detail.(napster.Detail)
}

var slow = linkmodel.Model{Default: linkmodel.Link{Delay: 10 * time.Millisecond, Rate: 1 << 20}}

// One owner gives its file to several at once.
func TestSeveralUploadsAtOnce(t *testing.T) {
	w := play(t, 1, 6, 1, slow)
	w.must(1, p2p.Publish{Name: "song", Size: 4 << 20, Seed: 7})
	w.Run(time.Second)
	var outs []*harness.Outcome
	for i := range 5 {
		outs = append(outs, w.begin(2+i, p2p.Fetch{Name: "song"}))
	}
	w.Run(time.Second)
	if d := w.detail(1); d.Uploads != 5 {
		t.Errorf("%d uploads at once, want 5", d.Uploads)
	}
	w.Run(time.Minute)
	for i, o := range outs {
		if o.Err != nil || !w.Holds(w.nodes[2+i], "song", 4<<20, 7) {
			t.Errorf("download %d: %v", i, o.Err)
		}
	}
	if d := w.detail(0); d.Given != 5 {
		t.Errorf("the server has been told of %d uploads, want 5", d.Given)
	}
}

// An owner that is full says so; who asked tries the next, and then it again.
func TestFullOwner(t *testing.T) {
	w := play(t, 1, 5, 1, slow, "uploads=1")
	for _, i := range []int{1, 2} {
		w.must(i, p2p.Publish{Name: "song", Size: 4 << 20, Seed: 7})
	}
	w.Run(time.Second)
	a, b := w.begin(3, p2p.Fetch{Name: "song"}), w.begin(4, p2p.Fetch{Name: "song"})
	w.Run(2 * time.Second)
	if x, y := w.detail(1).Uploads, w.detail(2).Uploads; x != 1 || y != 1 {
		t.Errorf("%d and %d uploads, want one each", x, y)
	}
	late := w.begin(5, p2p.Fetch{Name: "song"})
	w.Run(time.Minute)
	queued := uint64(0)
	for _, tr := range w.Traffic(w.nodes[5]) {
		if tr.Kind == "queued" {
			queued = tr.Received
		}
	}
	if a.Err != nil || b.Err != nil || late.Err != nil || queued == 0 {
		t.Errorf("outcomes %v, %v, and of the third %v, who was told %d times that there is no place", a.Err, b.Err, late.Err, queued)
	}
}

// A download whose owner dies goes on at another, with what is missing.
func TestResumeAtAnother(t *testing.T) {
	w := play(t, 1, 3, 1, slow)
	for _, i := range []int{1, 2} {
		w.must(i, p2p.Publish{Name: "song", Size: 4 << 20, Seed: 7})
	}
	w.Run(time.Second)
	out := w.begin(3, p2p.Fetch{Name: "song"})
	w.Run(2 * time.Second)
	from := slices.IndexFunc([]int{0, 1, 2}, func(i int) bool { return w.detail(i).Uploads == 1 })
	if from < 1 {
		t.Fatal("nobody uploads")
	}
	if err := w.Crash(w.nodes[from]); err != nil {
		t.Fatal(err)
	}
	w.Run(time.Minute)
	var sent uint64
	for _, tr := range w.Traffic(w.nodes[3-from]) {
		if tr.Kind == "data" {
			sent = tr.SentBytes
		}
	}
	if out.Err != nil || !w.Holds(w.nodes[3], "song", 4<<20, 7) || sent == 0 || sent > 3<<20 {
		t.Errorf("outcome %v; the second owner has sent %d bytes, want what was missing", out.Err, sent)
	}
}

// A server that is full sends who comes to another.
func TestFullServer(t *testing.T) {
	w := play(t, 2, 8, 1, linkmodel.Model{}, "users=7")
	for _, i := range []int{0, 1} {
		if n := len(w.detail(i).Sessions); n > 7 || n < 1 {
			t.Errorf("server %d has %d users", i, n)
		}
	}
}

// A published change is what others get, and what was removed is not found.
func TestPublishAgainAndRemove(t *testing.T) {
	w := play(t, 1, 3, 1, linkmodel.Model{})
	for seed := range uint64(2) {
		w.must(1, p2p.Publish{Name: "song", Size: 1000 + int64(seed), Seed: seed})
	}
	w.Run(time.Second)
	if out := w.must(2, p2p.Fetch{Name: "song"}); out.Blob.Len != 1001 {
		t.Errorf("fetched %+v", out.Blob)
	}
	w.must(1, p2p.Remove{Name: "song"})
	w.Run(time.Second)
	out := w.begin(3, p2p.Find{Name: "song"})
	if w.Run(time.Minute); !errors.Is(out.Err, p2p.ErrNotFound) {
		t.Errorf("what was removed: %+v", out.Result)
	}
	if d := w.detail(0); d.Files != 0 || d.Entries != 0 {
		t.Errorf("the directory has %d files under %d words", d.Files, d.Entries)
	}
	var entries fmt.Stringer = w.detail(2).Entry("server")[0]
	if entries.String() != w.nodes[0].String() {
		t.Errorf("the entry server is %v", entries)
	}
}

// Several who call a client and say nothing do not keep others from it.
func TestSilentCallers(t *testing.T) {
	d, s := session(t)
	d.Publish("a b.mp3", "hello")
	s.Said()
	var calls []*stream
	for range 300 {
		calls = append(calls, d.Call(atBob))
	}
	if calls[0].Over || !calls[299].Over {
		t.Error("the first caller is refused, or the three hundredth is not")
	}
	d.Pass(15 * time.Second)
	if !calls[0].Over {
		t.Error("a caller may be silent for ever")
	}
	s.Say(frame(607, `bob "a b.mp3" 8`))
	d.Call(atBob, `GETbob "a b.mp3" 0`).Hears("15hello")
}

// A seed decides everything, on any machine. The number changes with every change of
// what is sent, or of the simulator.
func TestRepeats(t *testing.T) {
	run := func(seed uint64) uint64 {
		w := play(t, 2, 8, seed, linkmodel.Model{Default: linkmodel.Link{Delay: 10 * time.Millisecond}})
		w.must(2, p2p.Publish{Name: "song", Size: 1 << 20, Seed: 1})
		if err := w.Crash(w.nodes[5]); err != nil {
			t.Fatal(err)
		}
		w.Run(time.Second)
		w.must(9, p2p.Fetch{Name: "song"})
		w.Run(time.Minute)
		return w.Hash()
	}
	const golden = 0x997e4126dd6ced8d
	if got := run(1); got != golden {
		t.Errorf("hash %#x, want %#x", got, uint64(golden))
	}
	if run(2) == run(3) {
		t.Error("another seed makes no difference")
	}
}
