package harness

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"peerbed/harness/fault"
	"peerbed/harness/plan"
	"peerbed/harness/workload"
	"peerbed/protocols/introducer"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// start opens a cluster of n toys in a fake world.
func start(t *testing.T, n int, opts ...Option) (*Cluster, *fake) {
	t.Helper()
	f := new(fake).open(t)
	return New(t, toy, n, append([]Option{World("fake"), Quiet()}, opts...)...), f
}

func TestNewStartsTheIntroducerAndThenTheNodes(t *testing.T) {
	c, f := start(t, 3, Config("copies=5"), Seed(7))
	intro := f.nodes[p2p.MakeAddr(f.IP(0), 7000)]
	if intro == nil || intro.Protocol != introducer.Protocol {
		t.Fatalf("no introducer at the first address: %+v", f.nodes)
	}
	if got := len(c.Live()); got != 3 || len(f.nodes) != 4 {
		t.Errorf("%d nodes live of %d started, want 3 of 4 with the introducer", got, len(f.nodes))
	}
	for i := range c.Size() {
		n := f.nodes[c.Addr(i)]
		if want := (fakeConfig{"introducer:7000", 5}); n.Config != want {
			t.Errorf("%s has the configuration %+v, want %+v", n.Name, n.Config, want)
		}
		if n.Hosts["introducer"] != intro.Addr || n.Name != c.Name(i) || c.Index(n.Addr) != i {
			t.Errorf("node %d: hosts %v, name %q, index %d", i, n.Hosts, n.Name, c.Index(n.Addr))
		}
	}
	if f.nodes[c.Addr(0)].Seed == f.nodes[c.Addr(1)].Seed {
		t.Error("two nodes have the same random stream")
	}
}

func TestTheFirstLineSaysWhichWorldAndWhy(t *testing.T) {
	for _, test := range []struct{ env, option, want string }{
		{"", "", "peerbed: fake (the only one), 3 nodes of toy, seed 1\n"},
		{"fake", "", "peerbed: fake (PEERBED_BACKEND), 3 nodes of toy, seed 1\n"},
		{"docker", "fake", "peerbed: fake (this experiment's own), 3 nodes of toy, seed 1\n"},
	} {
		new(fake).open(t)
		t.Setenv("PEERBED_BACKEND", test.env)
		was := prefer
		Prefer(func(context.Context) (string, string) { return "fake", "the only one" })
		var out bytes.Buffer
		c, err := Open(t.Context(), Settings{Protocol: toy, Nodes: 3, World: test.option, Out: &out})
		prefer = was
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if got := out.String(); !strings.HasPrefix(got, test.want) {
			t.Errorf("variable %q, option %q: printed %q, want %q first", test.env, test.option, got, test.want)
		}
	}
}

func TestWhatCannotBeHadIsSaidInASentence(t *testing.T) {
	for _, test := range []struct {
		s    Settings
		max  int
		want string
	}{
		{Settings{World: "moon"}, 0, `no world "moon"; there are docker, fake, proc, sim`},
		{Settings{Config: []string{"copies=12"}}, 0, `toy: -copies "12": want 1 to 9`},
		{Settings{Config: []string{"copy=1"}}, 0, `toy: no setting "copy"; there are introducer, copies`},
		{Settings{Ideal: true}, 0, "toy knows no ideal overlay to start from"},
		{Settings{}, 8, "fake on this machine takes 7 nodes and an introducer; ask for fewer with -nodes"},
		{Settings{Links: linkmodel.Model{Default: linkmodel.Link{Loss: 2}}}, 0, "loss 2: want 0 to 1"},
	} {
		f := (&fake{max: test.max}).open(t)
		s := test.s
		s.Protocol, s.Nodes, s.Out = toy, 8, new(bytes.Buffer)
		if s.World == "" {
			s.World = "fake"
		}
		_, err := Open(t.Context(), s)
		if err == nil || err.Error() != test.want {
			t.Errorf("%+v: error %q, want %q", test.s, err, test.want)
		}
		if f.nodes != nil && f.closed != 1 {
			t.Errorf("%+v: the world was closed %d times, want once", test.s, f.closed)
		}
	}
}

func TestFaultsAddUpUntilHealed(t *testing.T) {
	c, f := start(t, 4)
	slow := linkmodel.Model{Default: linkmodel.Link{Delay: time.Second}}
	c.Cut([]int{0}, []int{1, 2})
	c.Shape(slow)
	c.CutOneWay([]int{2}, []int{3})
	for _, test := range []struct {
		from, to int
		want     bool
	}{{0, 1, true}, {2, 0, true}, {1, 2, false}, {2, 3, true}, {3, 2, false}, {0, 3, false}} {
		if got := f.net.Blocked(c.Addr(test.from), c.Addr(test.to)); got != test.want {
			t.Errorf("from %d to %d: blocked %v, want %v", test.from, test.to, got, test.want)
		}
	}
	c.Advance(time.Second)
	c.Heal()
	if len(f.net.Cuts) != 0 || !reflect.DeepEqual(f.net.Links, slow) {
		t.Errorf("after Heal the network is %+v, want no cuts and the same links", f.net)
	}
	faults := c.Faults()
	if len(faults) != 3 || faults[0].Until == 0 || faults[1].Until != 0 || faults[2].Until == 0 {
		t.Errorf("faults %+v: want the cuts over and the links still shaped", faults)
	}
}

func TestCrashesLastUntilAllAreBack(t *testing.T) {
	c, f := start(t, 4)
	c.Crash(1, 3, 1)
	c.Crash(3)
	if got := c.Live(); !reflect.DeepEqual(got, []int{0, 2}) || f.nodes[c.Addr(1)].up {
		t.Errorf("live: %v, want 0 and 2", got)
	}
	c.Restart(1)
	if crash := c.Faults()[0]; len(c.Faults()) != 1 || crash.Until != 0 {
		t.Errorf("faults %+v: want one crash that lasts while a node is down", c.Faults())
	}
	c.Restart(1, 3)
	if crash := c.Faults()[0]; crash.Until == 0 || len(c.Live()) != 4 {
		t.Errorf("all are back: fault %+v, live %v", crash, c.Live())
	}
}

func TestTotalsOutliveProcesses(t *testing.T) {
	c, _ := start(t, 2)
	c.Publish(0, "a", 10)
	c.Publish(0, "b", 10)
	before := c.Totals()
	c.Advance(2 * time.Second)
	c.Crash(0)
	c.Restart(0)
	c.Publish(0, "c", 10)
	c.Publish(1, "d", 10)
	if got := c.Totals(); got.Class(p2p.Lookup).Sent != 4 || got.SeenOut != 40 || got.Kind("question").SentBytes != 32 {
		t.Errorf("totals %+v: want 4 questions, 32 bytes, 40 seen", got)
	}
	if got := c.Totals().Sub(before).All().Sent; got != 2 {
		t.Errorf("%d questions since the reading, want 2", got)
	}
	if got := c.Measure(func() { c.Find(0, "a") }).All().Sent; got != 1 {
		t.Errorf("a lookup cost %d questions, want 1", got)
	}
}

func TestSettleSaysWhatIsStillWrong(t *testing.T) {
	f := new(fake).open(t)
	c, err := Open(t.Context(), Settings{Protocol: toy, Nodes: 2, World: "fake", Out: new(bytes.Buffer)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	calls := 0
	c.Settle(func([]p2p.State) error {
		if calls++; calls < 5 {
			return errors.New("not yet")
		}
		return nil
	})
	if c.Err() != nil || calls != 5 {
		t.Fatalf("after %d checks: %v", calls, c.Err())
	}
	c.SettleWithin(3*time.Second, func(s []p2p.State) error { return errors.New("the ring is open") })
	if got, want := c.Err().Error(), "toy did not settle within 3s: the ring is open"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
	if now := f.now; now > 10*time.Second {
		t.Errorf("it gave up at %v, want soon after 3 s", now)
	}
	c.Crash(0)
	if len(c.Live()) != 2 {
		t.Error("a call after the first failure did something")
	}
}

func TestANodeThatDiesByItselfIsAFailure(t *testing.T) {
	f := new(fake).open(t)
	c, err := Open(t.Context(), Settings{Protocol: toy, Nodes: 2, World: "fake", Out: new(bytes.Buffer)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	f.broken = p2p.ErrGone
	c.States()
	if c.Err() == nil || !strings.Contains(c.Err().Error(), "toy-0 (10.0.0.2:7000) died by itself") {
		t.Errorf("error %v, want the name of the node that died", c.Err())
	}
}

// disturbed plays the same disturbed minute in a fresh fake world.
func disturbed(t *testing.T, seed uint64) *Results {
	c, _ := start(t, 8, Seed(seed))
	c.Share(10, 100)
	return c.Run(time.Minute,
		fault.Crashes{At: 10 * time.Second, Fraction: 0.25, For: 20 * time.Second},
		fault.Partition{At: 40 * time.Second, For: 10 * time.Second},
		workload.Lookups{Rate: 2, Keys: workload.Zipf(1)})
}

func TestRunPlaysTheSeed(t *testing.T) {
	a, b, other := disturbed(t, 1), disturbed(t, 1), disturbed(t, 2)
	a.cluster, b.cluster = nil, nil
	if !reflect.DeepEqual(a, b) {
		t.Errorf("the same seed gave\n%+v and\n%+v", a, b)
	}
	if reflect.DeepEqual(a.Events, other.Events) {
		t.Error("another seed gave the same events")
	}
	if a.N < 80 || a.N > 160 || a.OK == a.N || a.OK == 0 {
		t.Errorf("%d of %d lookups were answered: want about 120, and some of them not", a.OK, a.N)
	}
	if len(a.Faults) != 2 || len(a.Samples) != 61 || a.Samples[20].Live != 6 || a.Samples[60].Live != 8 {
		t.Errorf("faults %+v, samples %+v", a.Faults, a.Samples)
	}
}

func TestSummaries(t *testing.T) {
	r := disturbed(t, 1)
	quiet, cut := r.Between(0, 7*time.Second), r.Between(40*time.Second, 50*time.Second)
	if quiet.Found != 1 || quiet.P95 != 100*time.Millisecond || quiet.Hops != 1 {
		t.Errorf("before the crash %+v: want all found in 100 ms over one hop", quiet)
	}
	if cut.Found > 0.9 {
		t.Errorf("while cut %+v: want failures", cut)
	}
	if r.Messages != 1 || r.Bytes != 8 {
		t.Errorf("%v messages and %v bytes a lookup, want 1 and 8", r.Messages, r.Bytes)
	}
	if none := r.Of(plan.Publish); none.N != 0 || none.Found != 1 {
		t.Errorf("no publishes: %+v", none)
	}
	for _, o := range r.Operations {
		if o.Err != nil && len(o.During) == 0 {
			t.Errorf("operation %+v failed, and no fault was active", o)
		}
	}
}
