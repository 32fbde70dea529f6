package harness

import (
	"sync"
	"time"
)

// A ticks is what the processors of this machine have counted.
type ticks struct{ busy, all uint64 }

func (t ticks) share(earlier ticks) float64 {
	if t.all <= earlier.all {
		return 0
	}
	return float64(t.busy-earlier.busy) / float64(t.all-earlier.all)
}

// A gauge looks at the processors once in a while. nil measures nothing.
type gauge struct {
	read    func() (ticks, bool)
	first   ticks
	last    ticks
	looks   int
	full    int
	quit    chan struct{}
	stopped sync.WaitGroup
}

// lookEvery is how often: less often would miss moments of saturation, more
// often would take kernels' ticks of 10 ms for all or nothing.
const lookEvery = time.Second

// newGauge begins to look; nil: this machine does not tell.
func newGauge(read func() (ticks, bool)) *gauge {
	g := &gauge{read: read, quit: make(chan struct{})}
	var ok bool
	if g.first, ok = read(); !ok {
		return nil
	}
	g.last = g.first
	g.stopped.Go(g.watch)
	return g
}

func (g *gauge) watch() {
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			g.look()
		case <-g.quit:
			return
		}
	}
}

func (g *gauge) look() {
	now, ok := g.read()
	if !ok {
		return
	}
	g.looks++
	if now.share(g.last) > fullBusy {
		g.full++
	}
	g.last = now
}

// stop ends it and takes a last look, if there was none.
func (g *gauge) stop() {
	if g == nil {
		return
	}
	close(g.quit)
	g.stopped.Wait()
	if g.looks == 0 {
		g.look()
	}
}

// shares returns how busy the processors were on average, and the share of the
// looks at which they were full. Call it after stop.
func (g *gauge) shares() (busy, full float64) {
	if g == nil || g.looks == 0 {
		return 0, 0
	}
	return g.last.share(g.first), float64(g.full) / float64(g.looks)
}
