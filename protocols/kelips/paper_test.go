package kelips_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/kelips"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// Section 3: gossip is of constant rate, whatever happens: at most 272 bytes to 3
// members of the own group and 3 contacts, every 2 seconds.
func TestGossipBudget(t *testing.T) {
	const nodes, rounds = 36, 30
	sent, most := 0, 0
	w := joining(t, sim.Config{Seed: 1, Watch: func(e *sim.Event) {
		if e.What == sim.Send && e.Kind == "gossip" {
			sent, most = sent+1, max(most, e.Size)
		}
	}}, nodes)
	w.settles(kelips.Whole, time.Minute)
	for i := range 100 {
		w.must(w.do(w.nodes[i%nodes], p2p.Publish{Name: fmt.Sprintf("a file with a long name, %04d", i), Size: 10, Seed: 1}).Err)
	}
	sent = 0
	w.Run(rounds * 2 * time.Second)
	perRound := float64(sent) / nodes / rounds
	if most > 272 || most < 250 {
		t.Errorf("the longest message of gossip has %d bytes, want at most 272 and not much less", most)
	}
	if perRound > 6.1 || perRound < 5.5 {
		t.Errorf("a node sends %.2f messages in a round, want 6", perRound)
	}
}

// A rumour of a file takes few rounds to the whole group, and the file goes
// nowhere.
func TestTuplesSpread(t *testing.T) {
	w := perfect(t, sim.Config{Seed: 2, Strict: true, Poison: true}, 36)
	w.must(w.do(w.nodes[5], p2p.Publish{Name: "song", Size: 1000, Seed: 1}).Err)
	w.Run(14 * time.Second)
	group := int(ring.Bits(64).Hash("song") % 6)
	for _, s := range w.states() {
		has := slices.Contains(detail(s).Tuples, kelips.Tuple{Name: "song", Home: w.nodes[5]})
		if want := groupOf(s.Self, 6) == group; has != want {
			t.Errorf("%v of group %d has the tuple: %v, want %v", s.Self, detail(s).Group, has, want)
		}
		if stores := len(s.Stored) > 0; stores != (s.Self == w.nodes[5]) {
			t.Errorf("%v stores %v", s.Self, s.Stored)
		}
	}
}

// Ideal states are as large as the paper's S(k, n) says, and survive JSON; nodes
// that take them up know what they say, and find all at once.
func TestIdeal(t *testing.T) {
	w := perfect(t, sim.Config{Seed: 3}, 50, "groups=5")
	if err := kelips.Whole(w.states()); err != nil {
		t.Fatal(err)
	}
	for _, s := range w.states() {
		d := detail(s)
		if len(d.Contacts) != 2*4 || len(d.Members) != members(w.nodes, 5, d.Group)-1 {
			t.Errorf("%v has %d contacts and %d members", s.Self, len(d.Contacts), len(d.Members))
		}
		b, err := json.Marshal(d)
		w.must(err)
		var back kelips.Detail
		w.must(json.Unmarshal(b, &back))
		if !reflect.DeepEqual(back, d) {
			t.Errorf("through JSON\n got %+v\nwant %+v", back, d)
		}
		if entry := d.Entry("contact in group 3"); d.Group != 3 && len(entry) != 2 || d.Group == 3 && entry != nil {
			t.Errorf("of %+v, contacts in group 3 are %v", d, entry)
		}
	}
}

func members(nodes []p2p.Addr, k, group int) int {
	n := 0
	for _, a := range nodes {
		if groupOf(a, k) == group {
			n++
		}
	}
	return n
}

// A node that crashed has its files still when it comes back, and what is removed
// is gone at once, though tuples of it linger.
func TestFilesOutliveACrash(t *testing.T) {
	for _, place := range []string{"place=lecture", "place=paper"} {
		w := perfect(t, sim.Config{Seed: 4, Strict: true, Poison: true}, 16, "groups=4", place)
		r := w.do(w.nodes[3], p2p.Publish{Name: "song", Size: 1000, Seed: 1})
		w.must(r.Err)
		w.Run(20 * time.Second)
		home := r.Found[0]
		w.must(w.Crash(home))
		asker := w.nodes[slices.IndexFunc(w.nodes, func(a p2p.Addr) bool { return a != home })]
		if r := w.do(asker, p2p.Find{Name: "song"}); !errors.Is(r.Err, p2p.ErrTimeout) {
			t.Errorf("%s: with the home dead a find ends with %v", place, r.Err)
		}
		w.must(w.Restart(home))
		w.Run(5 * time.Second)
		w.must(w.do(asker, p2p.Fetch{Name: "song"}).Err)
		w.must(w.do(w.nodes[3], p2p.Remove{Name: "song"}).Err)
		if r := w.do(asker, p2p.Find{Name: "song"}); !errors.Is(r.Err, p2p.ErrNotFound) {
			t.Errorf("%s: what is removed is found at %v, %v", place, r.Found, r.Err)
		}
	}
}

// Where groups are many and nodes few, a file whose group is empty has its tuples
// in the next that is not; and a node that is alone has a place for all of them.
func TestEmptyGroups(t *testing.T) {
	for _, n := range []int{1, 2, 5} {
		w := perfect(t, sim.Config{Seed: 5}, n, "groups=100")
		for i := range 20 {
			name := fmt.Sprint("file ", i)
			w.must(w.do(w.nodes[i%n], p2p.Publish{Name: name, Size: 10, Seed: 1}).Err)
			if r := w.do(w.nodes[(i+1)%n], p2p.Find{Name: name}); r.Err != nil || r.Found[0] != w.nodes[i%n] {
				t.Errorf("%d nodes: %s is found at %v, %v", n, name, r.Found, r.Err)
			}
		}
	}
}

// Networks with other numbers of groups take no notice of each other.
func TestOtherGroups(t *testing.T) {
	w := perfect(t, sim.Config{Seed: 6}, 4, "groups=2")
	w.cfg.Groups = 3
	w.add(nil)
	w.Run(time.Minute)
	for _, s := range w.states()[:4] {
		if slices.Contains(s.Neighbours, w.nodes[4]) {
			t.Errorf("%v knows %v, which has other groups", s.Self, w.nodes[4])
		}
	}
}

// Section 3.1: gossip is spatially weighted, so nodes hear most from those near by;
// and farthest eviction leaves contacts that are near.
func TestNearNodes(t *testing.T) {
	// nearness is the share of gossip and of contacts of node 1 that are on its side.
	nearness := func(changes ...string) (gossip, contacts float64) {
		side := func(a p2p.Addr) bool { return (a.IP()-sim.IP(1))%2 == 0 }
		near, all := 0.0, 0.0
		w := newWorld(t, sim.Config{Seed: 7, Model: twoSides(61), Watch: func(e *sim.Event) {
			if e.What == sim.Send && e.Kind == "gossip" {
				if all++; side(sim.Addr(e.Node)) == side(e.Peer) {
					near++
				}
			}
		}}, append(changes, "groups=4", "gossip=500ms")...)
		var addrs []p2p.Addr
		for i := range 60 {
			addrs = append(addrs, sim.Addr(i+1))
		}
		for _, s := range kelips.Protocol.Ideal(w.cfg, addrs) {
			w.add(&s)
		}
		w.Run(30 * time.Second)
		near, all = 0, 0
		w.Run(10 * time.Second)
		same, contactsOf := 0.0, 0.0
		for _, s := range w.states() {
			for _, a := range detail(s).Contacts {
				if contactsOf++; side(s.Self) == side(a) {
					same++
				}
			}
		}
		return near / all, same / contactsOf
	}
	g, c := nearness("weight=2", "eviction=farthest")
	if g < 0.75 || c < 0.8 { // every third target is any
		t.Errorf("weighted: %.2f of the gossip and %.2f of the contacts are near, want 0.75 and 0.8 or more", g, c)
	}
	g, c = nearness("weight=0", "eviction=oldest")
	if g > 0.6 || c > 0.6 {
		t.Errorf("not weighted: %.2f of the gossip and %.2f of the contacts are near, want about a half", g, c)
	}
}

// twoSides is a network in which nodes with even and with odd numbers are far
// apart.
func twoSides(n int) linkmodel.Model {
	m := linkmodel.Model{Default: linkmodel.Link{Delay: 100 * time.Millisecond}}
	for i := range n {
		for j := i % 2; j < n; j += 2 {
			m.Pairs = append(m.Pairs, linkmodel.Pair{From: sim.Addr(i), To: sim.Addr(j), Link: linkmodel.Link{Delay: 5 * time.Millisecond}})
		}
	}
	return m
}

// One seed, one run: on any machine this is the trace. A change of the simulator
// or of a message moves it; then the new number belongs here.
func TestGoldenHash(t *testing.T) {
	const want = 0x58e13a5d117ce421
	hash := func(seed uint64) uint64 {
		w := joining(t, sim.Config{Seed: seed}, 16, "groups=4")
		w.settles(kelips.Whole, time.Minute)
		w.must(w.do(w.nodes[3], p2p.Publish{Name: "song", Size: 1 << 20, Seed: 5}).Err)
		w.must(w.Crash(w.nodes[7]))
		w.must(w.do(w.nodes[9], p2p.Fetch{Name: "song"}).Err)
		w.Run(10 * time.Second)
		return w.Hash()
	}
	if got := hash(1); got != want {
		t.Errorf("trace of seed 1 is %#x, want %#x", got, uint64(want))
	}
	if hash(2) == want {
		t.Error("another seed gives the same trace")
	}
}

// A node that knows nobody any more asks the introducer again, and others find it
// there.
func TestAloneAgain(t *testing.T) {
	w := newWorld(t, sim.Config{Seed: 8}, "timeout=5s", "contact-timeout=5s")
	w.add(nil)
	w.Run(2 * time.Second)
	w.add(nil)
	w.settles(kelips.Whole, 20*time.Second)
	w.must(w.Crash(w.nodes[1]))
	w.Run(20 * time.Second)
	w.nodes = append(w.nodes, sim.Addr(9))
	w.must(w.Spawn(harness.Spec{Index: 9, Protocol: kelips.Protocol, Config: w.cfg, Hosts: map[string]p2p.Addr{"intro": sim.Addr(0)}}))
	w.settles(kelips.Whole, time.Minute)
}
