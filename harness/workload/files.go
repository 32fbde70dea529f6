package workload

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"peerbed/harness/internal/exact"
	"peerbed/harness/plan"
)

// What Napster's own window said one evening: 740,043 files of 2,991 GB in
// 5,873 libraries.
const (
	FilesPerUser = 126       // 740,043 by 5,873
	MeanFile     = 4_040_000 // bytes: 2,991 GB by 740,043
)

// Sizes is a lognormal law of file sizes.
type Sizes struct {
	Mean  int64   // in bytes
	Sigma float64 // deviation of the logarithm; 0: all are of the mean size
}

// Measured is the sizes of the files that were shared by Napster: the mean is
// the measured one, the spread (half are below 61 % of it) is ours.
var Measured = Sizes{Mean: MeanFile, Sigma: 1}

// Scaled returns the law with all sizes multiplied: Measured.Scaled(0.001) has
// files of 4 kB on average, so that a hundred containers need not hold 50 GB.
func (s Sizes) Scaled(by float64) Sizes {
	s.Mean = int64(math.Round(float64(s.Mean) * by))
	return s
}

// Draw draws a size, of a byte at least.
func (s Sizes) Draw(r *rand.Rand) int64 {
	if s.Sigma == 0 {
		return max(s.Mean, 1)
	}
	half := float64(s.Sigma*s.Sigma) / 2
	size := float64(s.Mean) * exact.Exp(float64(s.Sigma*exact.Normal(r))-half)
	return int64(min(max(size, 1), math.MaxInt64/2))
}

// Check reports what makes no sense.
func (s Sizes) Check() error {
	if s.Mean < 1 || !(s.Sigma >= 0 && s.Sigma <= 5) {
		return fmt.Errorf("Sizes with Mean %d and Sigma %v: want 1 or more, and 0 to 5", s.Mean, s.Sigma)
	}
	return nil
}

// or returns other if s is not given.
func (s Sizes) or(other Sizes) Sizes {
	if s == (Sizes{}) {
		return other
	}
	return s
}

// Libraries has every node publish what its user shares, the nodes taking
// turns at equal gaps. The next run's workloads can ask for these files.
type Libraries struct {
	Files int   // each node's; 0: FilesPerUser
	Sizes Sizes // zero: Measured
	// From and For say when, within the run; 0 and 0: all of it.
	From, For time.Duration
}

// Events draws the sizes.
func (l Libraries) Events(f plan.Facts) ([]plan.Event, error) {
	each, sizes := l.Files, l.Sizes.or(Measured)
	if each == 0 {
		each = FilesPerUser
	}
	length := f.For - l.From
	if l.For > 0 {
		length = min(l.For, length)
	}
	if err := sizes.Check(); err != nil {
		return nil, err
	}
	if each < 0 || l.From < 0 || length < 0 {
		return nil, fmt.Errorf("Libraries of %d files, From %v For %v: want 0 or more, within the run", each, l.From, l.For)
	}
	r, total := f.Rand(), each*f.Nodes
	events := make([]plan.Event, total)
	for k := range events {
		at := l.From + length/time.Duration(total)*time.Duration(k)
		events[k] = publish(f, at, k%f.Nodes, k, sizes.Draw(r))
	}
	return events, nil
}

// publish makes the event in which a node publishes the k-th file of its plan,
// under a name that no other plan gives.
func publish(f plan.Facts, at time.Duration, node, k int, size int64) plan.Event {
	return plan.Event{At: at, Do: plan.Publish, Nodes: []int{node}, Name: fmt.Sprintf("file-%08x-%d", uint32(f.Seed), k), Size: size}
}

// Mix has random nodes publish, find and fetch, in the proportions given, at
// random times. What was published before, in the run too, can be asked for;
// an earlier file is a more popular one. While there is none, all publish.
type Mix struct {
	Rate                 float64 // a second, on average, of all nodes and kinds together
	Publish, Find, Fetch float64 // weights: 1, 8 and 1 publish a tenth of the time
	Keys                 Keys    // nil: Uniform
	Sizes                Sizes   // of what is published; zero: Measured
	Steady               bool    // at equal gaps, as in Lookups
	// From and For say when, within the run; 0 and 0: always.
	From, For time.Duration
}

// Events draws when, who and what.
func (m Mix) Events(f plan.Facts) ([]plan.Event, error) {
	times, sizes := arrivals{m.Rate, m.Steady, m.From, m.For}, m.Sizes.or(Measured)
	keys, err := chosen(m.Keys)
	if err = errors.Join(times.check(), sizes.Check(), m.check(f), err); err != nil {
		return nil, err
	}
	r := f.Rand()
	known, published := len(f.Files), 0
	var events []plan.Event
	for at := range times.all(f, r) {
		do, node := m.draw(r), r.IntN(f.Nodes)
		if do != plan.Publish && known+published > 0 {
			events = append(events, plan.Event{At: at, Do: do, Nodes: []int{node}})
			continue
		}
		events = append(events, publish(f, at, node, published, sizes.Draw(r)))
		published++
	}
	name(events, f.Files, keys.Chooser(max(known+published, 1)), r)
	return events, nil
}

// name chooses what is asked for: of all the files there will be, those that
// nobody has published yet are passed over.
func name(events []plan.Event, files []string, choose func(*rand.Rand) int, r *rand.Rand) {
	files = files[:len(files):len(files)]
	for i := range events {
		e := &events[i]
		if e.Do == plan.Publish {
			files = append(files, e.Name)
			continue
		}
		k := choose(r)
		for k >= len(files) {
			k = choose(r)
		}
		e.Name = files[k]
	}
}

func (m Mix) check(f plan.Facts) error {
	sum := m.Publish + m.Find + m.Fetch
	if !(m.Publish >= 0 && m.Find >= 0 && m.Fetch >= 0 && sum > 0 && sum < math.Inf(1)) {
		return fmt.Errorf("Mix of %v publishes, %v finds and %v fetches: want weights of 0 or more, not all 0", m.Publish, m.Find, m.Fetch)
	}
	if m.Publish == 0 && len(f.Files) == 0 {
		return errors.New("Mix without Publish before anything was published")
	}
	return nil
}

// draw chooses what is done.
func (m Mix) draw(r *rand.Rand) plan.Verb {
	switch at := r.Float64() * (m.Publish + m.Find + m.Fetch); {
	case at < m.Publish:
		return plan.Publish
	case at < m.Publish+m.Find:
		return plan.Find
	}
	return plan.Fetch
}
