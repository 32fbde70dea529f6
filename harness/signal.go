package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// opened holds the clusters of tests, to be closed when the user interrupts
// them: a test's Cleanup does not run then. (A program has its context.)
var opened = struct {
	sync.Mutex
	clusters map[*Cluster]bool
	ctx      context.Context // ends with an interrupt; nil: nobody watches yet
	opening  sync.RWMutex    // read-held while a cluster opens; for good after an interrupt
}{clusters: map[*Cluster]bool{}}

// errInterrupted is the cause of what fails after an interrupt.
var errInterrupted = errors.New("interrupted")

// remember opens a cluster, under a context that an interrupt ends, and has it
// closed on an interrupt.
func remember(open func(context.Context) (*Cluster, error)) (*Cluster, error) {
	ctx := untilInterrupt()
	opened.opening.RLock()
	defer opened.opening.RUnlock()
	c, err := open(ctx)
	if err == nil {
		opened.Lock()
		defer opened.Unlock()
		opened.clusters[c] = true
	}
	return c, err
}

func forget(c *Cluster) {
	opened.Lock()
	defer opened.Unlock()
	delete(opened.clusters, c)
}

// untilInterrupt returns a context that an interrupt ends, which is waited for from
// the first call on.
func untilInterrupt() context.Context {
	opened.Lock()
	defer opened.Unlock()
	if opened.ctx == nil {
		ctx, cancel := context.WithCancelCause(context.Background())
		opened.ctx = ctx
		caught := make(chan os.Signal, 1)
		signal.Notify(caught, os.Interrupt, syscall.SIGTERM)
		go interrupted(caught, cancel)
	}
	return opened.ctx
}

// interrupted closes all clusters, those that are just opening when they have
// given up, and ends the test binary. A second signal ends it at once: the
// worlds' leases then clean up.
func interrupted(caught chan os.Signal, cancel context.CancelCauseFunc) {
	sig := <-caught
	signal.Stop(caught)
	fmt.Fprintf(os.Stderr, "peerbed: %v: cleaning up (once more: at once)\n", sig)
	cancel(errInterrupted)
	opened.opening.Lock()
	opened.Lock()
	clusters := make([]*Cluster, 0, len(opened.clusters))
	for c := range opened.clusters {
		clusters = append(clusters, c)
	}
	opened.Unlock()
	for _, c := range clusters {
		if err := c.Close(); err != nil {
			fmt.Fprintf(os.Stderr, "peerbed: closing: %v\n", err)
		}
	}
	os.Exit(130)
}
