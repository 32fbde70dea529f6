package experiments

import (
	"math"
	"slices"
	"time"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/bittorrent"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

const (
	mebi    = 1 << 20
	theFile = "ubuntu.iso"
	started = 5 * time.Second // by then the seed is known to the tracker
)

// A flock is a simulated swarm: node 0 is the tracker and takes no part in it,
// those that publish are the seeds, all others leechers.
type flock struct {
	*sim.World
	t     *harness.T
	p     *p2p.Protocol
	size  int64
	nodes int
	up    func(i int) int64 // bytes a second that node i sends at most; 0: any
	down  int64
	watch []func(*sim.Event)
	done  map[int]time.Duration // when a leecher had all
	ended []harness.Outcome
}

// A flocking says what a flock is made of.
type flocking struct {
	size     int64
	nodes    int // leechers and one seed
	up, down int64
	upOf     func(i int) int64 // instead of up
	config   []string
	configOf func(i int) []string // besides
	p        *p2p.Protocol        // nil: BitTorrent
}

// gather starts a tracker, a seed (node 1) and leechers (from node 2 on) and lets
// the seed publish.
func gather(t *harness.T, k flocking) *flock {
	t.Helper()
	f := &flock{t: t, p: k.p, size: k.size, nodes: k.nodes, up: k.upOf, down: k.down, done: map[int]time.Duration{}}
	if f.p == nil {
		f.p = bittorrent.Protocol
	}
	if f.up == nil {
		f.up = func(int) int64 { return k.up }
	}
	model := linkmodel.Model{Default: linkmodel.Link{Delay: 10 * time.Millisecond}}
	for i := 1; i <= k.nodes; i++ {
		model.Access = append(model.Access, linkmodel.Access{Node: sim.Addr(i), Up: f.up(i), Down: k.down})
	}
	f.World = sim.New(sim.Config{Seed: t.Seed(), Model: model, Watch: func(e *sim.Event) {
		for _, w := range f.watch {
			w(e)
		}
	}})
	for i := range k.nodes + 1 {
		changes := append([]string{"tracker=http://" + sim.Addr(0).String() + "/announce"}, k.config...)
		if i == 0 {
			changes = append(changes, "role=tracker", "interval=30s")
		}
		if k.configOf != nil {
			changes = append(changes, k.configOf(i)...)
		}
		cfg, err := p2p.With(f.p.Config, changes...)
		if err == nil {
			err = f.Spawn(harness.Spec{Index: i, Protocol: f.p, Config: cfg})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	f.Do(sim.Addr(1), p2p.Publish{Name: theFile, Size: k.size, Seed: 1}, func(o harness.Outcome) {
		if o.Err != nil {
			t.Error(o.Err)
		}
	})
	f.Run(started)
	return f
}

// fetch lets a node begin its download.
func (f *flock) fetch(i int) {
	f.Do(sim.Addr(i), p2p.Fetch{Name: theFile}, func(o harness.Outcome) {
		f.ended = append(f.ended, o)
		if o.Err == nil {
			f.done[i] = o.Took
		}
	})
}

// fetchAll lets all leechers begin at once, and returns when all have ended, or
// after so long.
func (f *flock) fetchAll(limit time.Duration) {
	for i := 2; i <= f.nodes; i++ {
		f.fetch(i)
	}
	f.RunUntil(func() bool { return len(f.ended) == f.nodes-1 }, limit)
}

// took lists how long the leechers from..to-1 took, in seconds. Who never had
// all counts as never.
func (f *flock) took(from, to int) (seconds []float64) {
	for i := from; i < to; i++ {
		if d, ok := f.done[i]; ok {
			seconds = append(seconds, d.Seconds())
		}
	}
	return seconds
}

// last is the longest of them; mean their mean.
func last(seconds []float64) float64 { return slices.Max(append(seconds, 0)) }

func mean(seconds []float64) (m float64) {
	for _, s := range seconds {
		m += s / float64(len(seconds))
	}
	return m
}

// deviation is the standard deviation of values.
func deviation(values []float64) float64 {
	m, sum := mean(values), 0.0
	for _, v := range values {
		sum += (v - m) * (v - m) / float64(len(values))
	}
	return math.Sqrt(sum)
}

// torrent is what node i says of the file.
func (f *flock) torrent(i int) bittorrent.TorrentState {
	s, err := f.Inspect(sim.Addr(i))
	if err != nil {
		return bittorrent.TorrentState{}
	}
	for _, t := range s.Detail.(bittorrent.Detail).Torrents {
		if t.Name == theFile {
			return t
		}
	}
	return bittorrent.TorrentState{}
}

// fluid is the least time in which a seed can give a file to so many leechers,
// all of which help: max(F/us, F/d, N F/(us + sum of ui)), in seconds.
func fluid(size, seed, up, down float64, leechers int) float64 {
	n := float64(leechers)
	return max(size/seed, size/down, n*size/(seed+n*up))
}

// slots watches that no node ever has more neighbours unchoked than five, by
// what they send one another, and when they choke (claims B6 and B7).
type slots struct {
	open  map[[2]int]bool // node and link
	count map[int]int
	most  int
	off   int // chokes at other times than those at which it is decided
	seen  int
	round time.Duration
	eager bool
}

func (s *slots) hear(e *sim.Event) {
	key := [2]int{e.Node, int(e.Link)}
	closed := e.What == sim.Close || e.What == sim.Hear && e.Kind == "down"
	switch e.Msg.(type) {
	case *bittorrent.Unchoke:
		if e.What != sim.Send {
			return
		}
		s.open[key] = true
		s.count[e.Node]++
		s.most = max(s.most, s.count[e.Node])
		if !s.eager {
			s.decide(e)
		}
	case *bittorrent.Choke:
		if e.What != sim.Send {
			return
		}
		s.decide(e)
		closed = true
	case *p2p.Down:
		closed = true
	}
	if closed && s.open[key] {
		delete(s.open, key)
		s.count[e.Node]--
	}
}

func (s *slots) decide(e *sim.Event) {
	s.seen++
	if e.At%s.round != 0 {
		s.off++
	}
}

func watchSlots(round time.Duration, eager bool) *slots {
	return &slots{open: map[[2]int]bool{}, count: map[int]int{}, round: round, eager: eager}
}
