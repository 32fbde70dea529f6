package experiments

import (
	"fmt"
	"math"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/bittorrent"
)

// The claims about choking: who gives to whom.

// TestBitTorrentB4TitForTat has leechers of three classes of upload, and one
// seed: who gives more gets more, and mostly from those who give as much.
func TestBitTorrentB4TitForTat(t *testing.T) {
	const leechers = 24
	classes := []int64{32 << 10, 128 << 10, 512 << 10}
	class := func(i int) int { return i % len(classes) }
	harness.Repeat(t, size(1, 10), func(t *harness.T) {
		f := gather(t, flocking{size: 96 * mebi, nodes: leechers + 1, down: 4 * mebi, config: []string{"piece=65536"},
			upOf: func(i int) int64 {
				if i == 1 {
					return 2 * mebi
				}
				return classes[class(i)]
			}})
		for i := 2; i <= f.nodes; i++ {
			f.fetch(i)
		}
		f.Run(90 * time.Second)
		var sent, got []float64
		rate := make([]float64, len(classes))
		same, all := 0.0, 0.0
		for i := 2; i <= f.nodes; i++ {
			s := f.torrent(i)
			sent, got = append(sent, float64(s.Sent)), append(got, float64(s.Received))
			rate[class(i)] += float64(s.Received)
			for _, p := range s.Peers {
				if j := f.number(p); class(i) == len(classes)-1 && j > 1 { // what the fast ones give
					all += float64(p.Sent)
					if class(j) == class(i) {
						same += float64(p.Sent)
					}
				}
			}
		}
		t.Want("correlation of bytes sent and received", correlation(sent, got), harness.AtLeast(0.5))
		t.Want("what the middle class gets, of what the slow one gets", rate[1]/rate[0], harness.AtLeast(1.05))
		t.Want("what the fast class gets, of what the middle one gets", rate[2]/rate[1], harness.AtLeast(1.05))
		t.Want("what the fast give to the fast, of all that they give (by chance 0.30)", same/all, harness.AtLeast(0.4))
	})
}

// number says which node a neighbour is, by where it listens.
func (f *flock) number(p bittorrent.PeerState) int { return int(p.Addr.IP() - sim.IP(0)) }

func correlation(a, b []float64) float64 {
	ma, mb, sum := mean(a), mean(b), 0.0
	for i := range a {
		sum += (a[i] - ma) * (b[i] - mb) / float64(len(a))
	}
	return sum / deviation(a) / deviation(b)
}

// TestBitTorrentB5Seeds has one seed choose by the older rule, those that take
// fastest, and by the newer, each for a while: the newer is the fairer one.
func TestBitTorrentB5Seeds(t *testing.T) {
	const leechers = 20
	harness.Repeat(t, size(1, 10), func(t *harness.T) {
		fair := map[string]float64{}
		for _, rule := range []string{"fastest", "rotate"} {
			f := gather(t, flocking{size: 256 * mebi, nodes: leechers + 1, up: mebi / 2, down: mebi, config: []string{"seed-rule=" + rule},
				configOf: func(i int) []string {
					if i > 1 { // so that they want nothing but the seed's
						return []string{"freeload=true"}
					}
					return nil
				}})
			for i := 2; i <= f.nodes; i++ {
				f.fetch(i)
			}
			f.Run(5 * time.Minute)
			var bytes []float64
			for _, p := range f.torrent(1).Peers {
				bytes = append(bytes, float64(p.Sent))
			}
			fair[rule] = jain(bytes)
		}
		t.Want("fairness of the newer rule", fair["rotate"], harness.AtLeast(0.4))
		t.Want("fairness of the older rule, of that of the newer", fair["fastest"]/fair["rotate"], harness.AtMost(0.9))
	})
}

// jain is Jain's index of fairness: 1 if all are equal, 1/n if one has all.
func jain(x []float64) float64 {
	sum, squares := 0.0, 0.0
	for _, v := range x {
		sum += v
		squares += v * v
	}
	return sum * sum / squares / float64(len(x))
}

// TestBitTorrentB6Slots asks at every event of a swarm whether a node has more
// than five neighbours unchoked (B6), and whether it chooses at multiples of ten
// seconds (B7). With slots given away as soon as they are free, and others
// choked when they are chosen anew only.
func TestBitTorrentB6Slots(t *testing.T) {
	harness.Repeat(t, size(1, 10), func(t *harness.T) {
		for _, eager := range []bool{false, true} {
			s := watchSlots(10*time.Second, eager)
			f := gather(t, flocking{size: 16 * mebi, nodes: 17, up: mebi / 4, down: 2 * mebi, config: []string{fmt.Sprint("eager=", eager)}})
			f.watch = append(f.watch, s.hear)
			f.fetchAll(time.Hour)
			at := fmt.Sprintf("eager %v: ", eager)
			t.Want(at+"leechers that have all", float64(len(f.done)), harness.Exactly(16))
			t.Want(at+"most that are unchoked at once", float64(s.most), harness.Exactly(5))
			t.Want(at+"choices", float64(s.seen), harness.AtLeast(50))
			t.Want(at+"choices at other times than every 10 s", float64(s.off), harness.Exactly(0))
		}
	})
}

// TestBitTorrentB8Optimistic counts whom a seed without other slots unchokes: one
// every third time that it chooses (here every 2 s, to see more of them in an
// hour), all equally often, so that a newcomer waits for three times as long as
// that, times those who wait.
func TestBitTorrentB8Optimistic(t *testing.T) {
	const leechers, hours = 10, 1
	harness.Repeat(t, size(1, 10), func(t *harness.T) {
		f := gather(t, flocking{size: 256 * mebi, nodes: leechers + 1, down: mebi, config: []string{"slots=0", "eager=false", "give-up=9m", "up-rate=16384", "rechoke=2s"}, configOf: func(i int) []string {
			if i > 1 {
				return []string{"freeload=true"}
			}
			return nil
		}})
		times := map[int]int{}
		all := 0.0
		f.watch = append(f.watch, func(e *sim.Event) {
			if _, ok := e.Msg.(*bittorrent.Unchoke); ok && e.What == sim.Send && e.Node == 1 {
				times[int(e.Link)]++
				all++
			}
		})
		for i := 2; i <= f.nodes; i++ {
			f.fetch(i)
		}
		f.Run(hours * time.Hour)
		chi := 0.0
		for i := range times { // any order: a sum
			chi += math.Pow(float64(times[i])-all/leechers, 2) / (all / leechers)
		}
		t.Want("neighbours that were ever unchoked", float64(len(times)), harness.Exactly(leechers))
		t.Want("seconds between two", hours*3600/all, harness.Near(6, 0.2))
		t.Want("chi squared of who it is, 9 degrees of freedom", chi, harness.AtMost(21.7)) // 0.99 of draws; it never draws one twice running, which makes it smaller
	})
}

// TestBitTorrentB8Newcomers has a newcomer with nothing to give meet leechers that
// give to one another: it gets something because one slot asks for nothing.
func TestBitTorrentB8Newcomers(t *testing.T) {
	harness.Repeat(t, size(1, 10), func(t *harness.T) {
		for _, optimistic := range []bool{true, false} {
			f := gather(t, flocking{size: 96 * mebi, nodes: 15, upOf: fastSeed, down: mebi, config: []string{fmt.Sprint("optimistic=", optimistic), "eager=false", "give-up=9m"},
				configOf: func(i int) []string {
					if i == 1 {
						return []string{"optimistic=true", "slots=8"}
					}
					return nil
				}})
			for i := 2; i < f.nodes; i++ {
				f.fetch(i)
			}
			f.Run(2 * time.Minute)
			if err := f.Crash(sim.Addr(1)); err != nil { // the seed gives to anybody
				t.Fatal(err)
			}
			f.fetch(f.nodes)
			f.Run(2 * time.Minute)
			got := float64(f.torrent(f.nodes).Received) / mebi
			if optimistic {
				t.Want("MiB that a newcomer gets in two minutes", got, harness.AtLeast(1))
			} else {
				t.Want("without an optimistic unchoke (control)", got, harness.AtMost(0.1))
			}
		}
	})
}

// fastSeed is an upload of 256 KiB/s, and of a seed (node 1) of four times that:
// else all that leechers could give to one another is what it has just given to
// one of them, and nobody can get more than anybody else.
func fastSeed(i int) int64 {
	if i == 1 {
		return mebi
	}
	return mebi / 4
}

// TestBitTorrentB9FreeRiders has some in the swarm that give nothing: while seeds
// are few they get less than half of what the others do.
func TestBitTorrentB9FreeRiders(t *testing.T) {
	const leechers, riders = 24, 4
	harness.Repeat(t, size(1, 10), func(t *harness.T) {
		f := gather(t, flocking{size: 64 * mebi, nodes: leechers + 1, upOf: fastSeed, down: 2 * mebi, configOf: func(i int) []string {
			if i >= 2 && i < 2+riders {
				return []string{"freeload=true"}
			}
			return nil
		}})
		for i := 2; i <= f.nodes; i++ {
			f.fetch(i)
		}
		f.Run(3 * time.Minute)
		var riding, giving []float64
		for i := 2; i <= f.nodes; i++ {
			got := float64(f.torrent(i).Received)
			if i < 2+riders {
				riding = append(riding, got)
			} else {
				giving = append(giving, got)
			}
		}
		t.Want("what a free rider gets, of what the others do", mean(riding)/mean(giving), harness.AtMost(0.5))
	})
}
