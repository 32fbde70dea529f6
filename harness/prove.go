package harness

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"peerbed/protocols/p2p"
)

// A Proof is what probes through the network under test found after it was
// changed: asked against got.
type Proof struct {
	At     time.Duration // as Fault.Since
	Healed bool          // the fault was over: its links must work again
	Asked  string        // "ways: 12 closed, 6 open"
	Got    string
	Took   time.Duration // 0 where time is virtual
}

const (
	// provingLimit is how long a change of the network may take to show, in
	// this machine's time; where time is virtual a number of rounds says it.
	provingLimit  = 5 * time.Second
	virtualRounds = 20
	// closedPatience is how long a probe waits that must not be answered. One
	// that is answered later than that was on a way that is open, and the
	// next round finds it so.
	closedPatience = 150 * time.Millisecond
	// openPatience is how long one waits that must be, at least and at most.
	openPatience, longestPatience = time.Second, 10 * time.Second
	// datagrams are sent over each way, and manyDatagrams where their loss or
	// their delay is to be measured.
	datagrams, manyDatagrams = 3, 20
	// atOnce bounds how many ways are probed at the same time.
	atOnce = 12
)

// prove probes a sample of ways until the network is as wanted, and fails with
// Infrastructure if that does not come true.
func (c *Cluster) prove() error {
	was := c.proven
	c.proven = c.net
	if c.set.Unproven {
		return nil
	}
	ways := c.ways(&was, &c.net)
	began := time.Now()
	for round := 1; len(ways) > 0; round++ {
		echoes, err := c.probeAll(ways)
		if err != nil {
			return err
		}
		t := c.compare(echoes)
		late := time.Since(began) > provingLimit
		if c.about.Virtual {
			late = round >= virtualRounds
		}
		if t.wrong != nil && !late {
			continue
		}
		took := time.Since(began)
		if c.about.Virtual {
			took = 0
		}
		return c.proved(t, took)
	}
	return nil
}

// proved notes the proof with the faults that have just begun or ended.
func (c *Cluster) proved(t tally, took time.Duration) error {
	c.mu.Lock()
	var last time.Duration
	for _, f := range c.faults {
		if len(f.Nodes) == 0 {
			last = max(last, f.Since, f.Until)
		}
	}
	p := Proof{At: last, Asked: t.asked(), Got: t.got(), Took: took}
	var texts []string
	for i := range c.faults {
		f := &c.faults[i]
		if len(f.Nodes) == 0 && (f.Since == last || f.Until == last) {
			p.Healed = f.Until == last
			f.Proofs = append(f.Proofs, p)
			c.rec.fault(i, *f)
			texts = append(texts, f.Text)
		}
	}
	c.mu.Unlock()
	what := strings.Join(texts, ", ")
	if p.Healed {
		what = "after the " + what
	}
	if t.wrong != nil {
		t.wrong.What = what
		return *t.wrong
	}
	c.say("probed: %s: asked: %s; got: %s, in %v", what, p.Asked, p.Got, took.Round(time.Millisecond))
	return nil
}

// An echoed way is one with what probes found.
type echoed struct {
	way
	datagram, stream Echo
	skipped          bool // one of the nodes could not be asked
}

// probeAll probes all ways by both carriers.
func (c *Cluster) probeAll(ways []way) ([]echoed, error) {
	width := atOnce
	if c.about.Virtual {
		width = 1
	}
	found := make([]echoed, len(ways))
	errs := make([]error, len(ways))
	gate := make(chan struct{}, width)
	var wg sync.WaitGroup
	for i, w := range ways {
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			found[i], errs[i] = c.probe(w)
		})
	}
	wg.Wait()
	return found, errors.Join(errs...)
}

// probe probes one way by both carriers at once.
func (c *Cluster) probe(w way) (echoed, error) {
	e := echoed{way: w}
	var byStream error
	byStreams := func() {
		e.stream, byStream = c.backend.Probe(c.ctx, c.Addr(w.from), c.Addr(w.to), Probing{By: Stream, Patience: w.patience(w.stream)})
	}
	var wg sync.WaitGroup
	if c.about.Virtual {
		byStreams()
	} else {
		wg.Go(byStreams)
	}
	var err error
	e.datagram, err = c.backend.Probe(c.ctx, c.Addr(w.from), c.Addr(w.to), Probing{Count: w.count(), Patience: w.patience(w.back)})
	wg.Wait()
	err = errors.Join(err, byStream)
	if errors.Is(err, p2p.ErrGone) || errors.Is(err, ErrPaused) || !c.lives(w.from) || !c.lives(w.to) {
		e.skipped, err = true, nil
	}
	return e, err
}

func (w way) count() int {
	if w.back && (w.loss > 0 || w.spread > 0) {
		return manyDatagrams
	}
	return datagrams
}

func (w way) patience(open bool) time.Duration {
	if !open {
		return closedPatience
	}
	return min(max(openPatience, 2*w.rtt+8*w.spread+w.queue), longestPatience)
}

// A tally sums up what was asked and what was found, in the same words.
type tally struct {
	open, closed, unheard, walled           int // ways by what is asked of them
	gotOpen, gotClosed, gotUnheard, gotWall int
	sent, there                             int // datagrams over ways that lose some
	loss                                    float64
	answers                                 int // over ways of a known delay
	rtt, gotRTT, spread                     time.Duration
	was                                     time.Duration // rtt before the change
	long                                    bool          // a line may make it longer
	wrong                                   *Infrastructure
}

// compare holds what was found against what is asked. The first difference
// says what is wrong.
func (c *Cluster) compare(all []echoed) tally {
	var t tally
	for _, e := range all {
		if e.skipped {
			continue
		}
		t.count(e)
		if asked, got := e.difference(); asked != "" && t.wrong == nil {
			way := c.Name(e.from) + " to " + c.Name(e.to)
			t.wrong = &Infrastructure{Asked: asked + " from " + way, Got: got}
		}
		t.measure(e, !c.about.Virtual || !c.net.Links.Perfect())
	}
	if t.wrong == nil {
		t.wrong = t.off()
	}
	return t
}

// count counts a way as what is asked of it and, if that is so, as what it is.
func (t *tally) count(e echoed) {
	asked, got := &t.open, &t.gotOpen
	switch {
	case !e.there:
		asked, got = &t.closed, &t.gotClosed
	case !e.back:
		asked, got = &t.unheard, &t.gotUnheard
	case !e.way.stream:
		asked, got = &t.walled, &t.gotWall
	}
	*asked++
	if wrong, _ := e.difference(); wrong == "" {
		*got++
	}
}

// difference says what is asked of the way and not so.
func (e *echoed) difference() (asked, got string) {
	d := fmt.Sprintf("of %d datagrams %d arrived and %d were answered", e.datagram.Sent, e.datagram.There, e.datagram.Back)
	switch {
	case !e.there && e.datagram.There > 0:
		return "no datagram", d
	case e.there && e.datagram.There == 0:
		return "datagrams", d
	case !e.back && e.datagram.Back > 0:
		return "datagrams without an answer", d
	case e.back && e.datagram.Back == 0:
		return "datagrams and their answers", d
	case !e.way.stream && e.stream.Back > 0:
		return "no stream", "one was opened and answered"
	case e.way.stream && !e.streamUnsure && e.stream.Back == 0:
		return "streams", "none could be opened, or it was silent"
	}
	return "", ""
}

// measure adds up loss and delay. The delay of links that nobody has shaped is
// the world's own affair where time is virtual.
func (t *tally) measure(e echoed, timed bool) {
	if e.there && e.back && e.loss > 0 {
		t.sent += e.datagram.Sent
		t.there += e.datagram.There
		t.loss += e.loss * float64(e.datagram.Sent)
	}
	if !timed || !e.back {
		return
	}
	for _, d := range e.datagram.RTTs {
		t.answers++
		t.rtt += e.rtt
		t.was += e.was
		t.gotRTT += d
		t.spread = max(t.spread, e.spread)
		t.long = t.long || !e.anyRate
	}
}

// off says what of loss and delay is not as asked, by five standard deviations.
// A way that takes longer may be the machine's own slowness, which Machine
// judges; here it is taken for the old shape only if it is nearer to that.
func (t *tally) off() *Infrastructure {
	if t.sent > 0 {
		asked, got := t.loss/float64(t.sent), 1-float64(t.there)/float64(t.sent)
		if math.Abs(asked-got) > 5*math.Sqrt(asked*(1-asked)/float64(t.sent))+0.02 {
			return &Infrastructure{Asked: percent(asked) + " of the datagrams lost", Got: percent(got)}
		}
	}
	if t.answers == 0 {
		return nil
	}
	n := time.Duration(t.answers)
	asked, got, was := t.rtt/n, t.gotRTT/n, t.was/n
	noise := time.Duration(5*float64(t.spread)/math.Sqrt(float64(t.answers))) + time.Millisecond
	stays := !t.long && was-asked > leastChange && got > (was+asked)/2+noise
	if got < asked-noise || stays {
		return &Infrastructure{Asked: fmt.Sprintf("%v there and back", round(asked)), Got: round(got).String()}
	}
	return nil
}

// leastChange is what must be taken from a delay for the lack of it to show on
// any machine.
const leastChange = 20 * time.Millisecond

func (t *tally) asked() string {
	return t.words(t.open, t.closed, t.unheard, t.walled, t.loss, t.rtt)
}

func (t *tally) got() string {
	return t.words(t.gotOpen, t.gotClosed, t.gotUnheard, t.gotWall, float64(t.sent-t.there), t.gotRTT)
}

func (t *tally) words(open, closed, unheard, walled int, lost float64, rtt time.Duration) string {
	var parts []string
	add := func(some, n int, what string) {
		if some > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	add(t.closed, closed, "closed")
	add(t.unheard, unheard, "without an answer")
	add(t.walled, walled, "without streams")
	add(t.open, open, "open")
	if t.sent > 0 {
		parts = append(parts, percent(lost/float64(t.sent))+" lost")
	}
	if t.answers > 0 && t.rtt+t.was > 0 { // some delay was asked for, or no more
		parts = append(parts, fmt.Sprintf("%v there and back", (rtt/time.Duration(t.answers)).Round(100*time.Microsecond)))
	}
	return "ways: " + strings.Join(parts, ", ")
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }
