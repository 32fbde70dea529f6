package agent

import (
	"context"
	"errors"
	"io"
	"os"
	"time"
)

const (
	watching = time.Minute // how long a watch cares, once the harness is gone
	quiet    = 3           // how many times in a row it must find nothing
	revivals = 3           // how often it starts an agent that has ended
)

// Watch is for a process of its own beside the harness: it waits for the end of
// life, which the harness holds open, and then sees to what no agent answers
// for, because there was none yet, or none any more. An agent that runs is left
// to its work, and one that has ended is started again to do it: packet tables
// are beyond a watch, which has only the rights of the harness.
func (r Run) Watch(life io.Reader) error {
	io.Copy(io.Discard, life) // however it ends
	ctx, cancel := context.WithTimeout(context.Background(), watching)
	defer cancel()
	s, started := &server{Run: r, daemon: newDaemon(r.Docker, r.API)}, 0
	for still := 0; still < quiet; {
		left, err := s.survey(ctx, &started)
		if still++; left || err != nil {
			still = 0
		}
		if !wait(ctx) {
			return err
		}
	}
	return errors.Join(os.RemoveAll(r.Dir+".new"), os.RemoveAll(r.Dir))
}

// survey has an agent do its work, or removes what none answers for, and
// reports whether there was anything. started counts the agents it has started.
func (s *server) survey(ctx context.Context, started *int) (left bool, err error) {
	things, err := s.daemon.containers(ctx, LabelRun+"="+s.ID)
	if err != nil {
		return true, err
	}
	for _, t := range things {
		switch {
		case t.Labels[LabelRole] != RoleAgent:
		case t.lives():
			return true, nil
		case t.State == "exited" && *started < revivals:
			*started++
			return true, s.daemon.startContainer(ctx, t.ID)
		}
	}
	networks, err := s.daemon.networks(ctx, LabelRun+"="+s.ID)
	if err != nil || len(things)+len(networks) == 0 {
		return false, err
	}
	return true, errors.Join(
		s.each(things, func(t thing) error { return s.daemon.removeContainer(ctx, t.ID) }),
		s.each(networks, func(t thing) error { return s.daemon.removeNetwork(ctx, t.ID) }))
}
