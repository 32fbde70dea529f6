package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	removals = 4               // at once; more waits inside the daemon, and see cleanNetworks
	patience = 5 * time.Minute // with a daemon that is away, perhaps restarting, once nobody waits
	tries    = 10              // at what the daemon believes in use
)

// pause is the time between attempts; tests have less of it.
var pause = 500 * time.Millisecond

// clean removes all of the run but the agent's own container, and returns what
// would not go. Doing it again does no harm. While nodes may live, the guard
// and the rules stay. A daemon that does not answer is waited for only with
// patience: a harness that asks wants to know at once.
func (s *server) clean(ctx context.Context, patience time.Duration) Left {
	s.cleaning.Lock()
	defer s.cleaning.Unlock()
	if err := s.cleanContainers(ctx, patience); err != nil {
		return Left{err.Error()}
	}
	var left Left
	for _, err := range []error{
		s.cleanNetworks(ctx),
		uproot(func(run string) bool { return run == s.ID }),
		s.restoreLimits(ctx),
		s.removeFolder(),
	} {
		if err != nil {
			left = append(left, err.Error())
		}
	}
	return left
}

// uproot removes from the kernel what runs have there of which gone says that they
// are no more: packet tables, and the trunks between bridges.
func uproot(gone func(run string) bool) error {
	return errors.Join(dropTables(gone), dropTrunks(gone))
}

// removeFolder empties a volume, which goes with the agent's container, and
// removes an ordinary folder.
func (s *server) removeFolder() error {
	if !s.Hold {
		return os.RemoveAll(s.Dir)
	}
	s.doors.close()
	all, err := filepath.Glob(filepath.Join(s.Dir, "*"))
	for _, path := range all {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}

// cleanContainers removes the run's nodes, and again those that a call of the
// harness was still making meanwhile.
func (s *server) cleanContainers(ctx context.Context, patience time.Duration) error {
	end := time.Now().Add(patience)
	for try := 1; ; try++ {
		all, err := s.nodes(ctx)
		if err == nil && len(all) == 0 {
			return nil
		}
		if err == nil {
			err = s.each(all, func(t thing) error { return s.daemon.removeContainer(ctx, t.ID) })
		}
		enough := try >= tries
		if errors.Is(err, errDaemonDown) {
			enough = time.Now().After(end)
		}
		if err != nil && (enough || !wait(ctx)) {
			return fmt.Errorf("containers of run %s remain: %w", s.ID, err)
		}
	}
}

// nodes lists the run's containers but the agent's own.
func (s *server) nodes(ctx context.Context) ([]thing, error) {
	all, err := s.daemon.containers(ctx, LabelRun+"="+s.ID)
	nodes := all[:0]
	for _, t := range all {
		if t.Labels[LabelRole] != RoleAgent {
			nodes = append(nodes, t)
		}
	}
	return nodes, err
}

// each does f to all things, several at once, and joins the errors.
func (s *server) each(things []thing, f func(thing) error) error {
	errs := make([]error, len(things))
	slots := make(chan struct{}, removals)
	var all sync.WaitGroup
	for i, t := range things {
		slots <- struct{}{}
		all.Go(func() {
			errs[i] = f(t)
			<-slots
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// cleanNetworks tries some times: engines have been seen to refuse for a while
// ("has active endpoints") after the last container was gone. Engine 20.10
// refuses until it is restarted once its count of what is on the network is
// wrong: it counts in a race when several containers leave at once
// (moby/moby#43286). Of 13 runs of 100 nodes that removed eight at once three
// ended so, and none of 13 that removed four, which took no longer.
func (s *server) cleanNetworks(ctx context.Context) error {
	var err error
	for range tries {
		var all []thing
		if all, err = s.daemon.networks(ctx, LabelRun+"="+s.ID); err == nil {
			err = s.each(all, func(t thing) error { return s.daemon.removeNetwork(ctx, t.ID) })
		}
		if err == nil || !wait(ctx) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("the network of run %s remains: %w", s.ID, err)
	}
	return nil
}

// restoreLimits writes back the neighbour limits that the first run found, if
// this is the last.
func (s *server) restoreLimits(ctx context.Context) error {
	if s.before == (Limits{}) {
		return nil
	}
	agents, err := s.daemon.containers(ctx, LabelRole+"="+RoleAgent)
	if err != nil {
		return fmt.Errorf("neighbour limits not restored to %v: %w", s.before, err)
	}
	for _, t := range agents {
		if t.lives() && t.Labels[LabelRun] != s.ID {
			return nil
		}
	}
	return writeLimits(LimitsPath, s.before)
}

func wait(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}
