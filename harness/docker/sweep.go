package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"

	"peerbed/harness/agent"
)

// young is how long a run is left alone whose agent has been made and not yet
// started; the folder, whose lock would tell, may be another user's.
const young = 2 * time.Minute

// A leftover is what a run has on the daemon.
type leftover struct {
	agent      container.ContainerState // of its agent, which comes first and goes last; "": it has none
	containers int                      // with the agent
	name       string                   // what the run is called, for people
	started    time.Time
	limits     agent.Limits // neighbour limits that its agent was to restore
}

// sweep removes what runs have left whose harness and agent are both gone, and
// the folders of such runs. It returns the machine's neighbour limits as they
// were before any run that still shows, if there is one. What cannot be removed
// is reported and left for the next run.
func (e *engine) sweep(ctx context.Context, top string, progress func(string, ...any)) agent.Limits {
	runs, err := e.leftovers(ctx)
	if err != nil {
		progress("cannot look for leftovers of earlier runs: %v", err)
	}
	var before agent.Limits
	for id, r := range runs {
		if r.limits != (agent.Limits{}) {
			before = r.limits
		}
		if !runFolder.MatchString(id) || r.alive(filepath.Join(top, id)) {
			continue
		}
		switch err := e.removeRun(ctx, id); {
		case err == nil:
			progress("removed what run %s had left", id)
		case !errors.Is(err, errStuck): // which Close has told, and clean tells
			progress("some of run %s remains: %v", id, err)
		}
	}
	sweepFolders(top, progress)
	return before
}

// alive reports whether somebody still answers for the run.
func (r *leftover) alive(folder string) bool {
	switch {
	case r.agent == container.StateRunning, r.agent == container.StateRestarting: // it clears up by itself
		return true
	case r.agent == container.StateCreated && time.Since(r.started) < young:
		return true
	}
	_, err := os.Stat(folder)
	return err == nil && !abandoned(folder)
}

// abandoned reports whether nobody holds the lock of a run's folder.
func abandoned(folder string) bool {
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // one try
	unlock, err := lockFile(ctx, filepath.Join(folder, lockName))
	if err != nil {
		return errors.Is(err, os.ErrNotExist)
	}
	unlock()
	return true
}

// runFolder is what the id of a run, and so its folder, is like.
var runFolder = regexp.MustCompile(`^[0-9a-f]{8}$`)

// sweepFolders removes the folders of this user's runs that are over.
func sweepFolders(top string, progress func(string, ...any)) {
	entries, err := os.ReadDir(top)
	if err != nil {
		progress("cannot look for leftovers of earlier runs: %v", err)
	}
	for _, d := range entries {
		path := filepath.Join(top, d.Name())
		if !runFolder.MatchString(d.Name()) || !abandoned(path) {
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			progress("some of run %s remains: %v", d.Name(), err)
		}
	}
}

// leftovers lists what is on the daemon, by run.
func (e *engine) leftovers(ctx context.Context) (map[string]*leftover, error) {
	cs, ns, err := e.things(ctx, agent.LabelBed+"=1")
	runs := map[string]*leftover{}
	of := func(labels map[string]string) *leftover {
		id := labels[agent.LabelRun]
		if runs[id] == nil {
			unix, _ := strconv.ParseInt(labels[agent.LabelStarted], 10, 64)
			runs[id] = &leftover{name: labels[agent.LabelName], started: time.Unix(unix, 0)}
		}
		return runs[id]
	}
	for _, c := range cs {
		r := of(c.Labels)
		r.containers++
		if role := c.Labels[agent.LabelRole]; role == agent.RoleAgent || role == agent.RoleJob {
			r.agent = c.State
			r.limits = agent.ParseLimits(c.Labels[agent.LabelLimits])
		}
	}
	for _, n := range ns {
		of(n.Labels)
	}
	return runs, err
}

// things lists containers and networks with a label.
func (e *engine) things(ctx context.Context, label string) (cs []container.Summary, ns []network.Summary, err error) {
	err = call(ctx, func(ctx context.Context) (err error) {
		if cs, err = e.ContainerList(ctx, container.ListOptions{All: true, Filters: labelled(label)}); err != nil {
			return err
		}
		ns, err = e.NetworkList(ctx, network.ListOptions{Filters: labelled(label)})
		return err
	})
	return cs, ns, err
}

// networkTries is how often the removal of a network is tried when its last
// containers have just gone, removals how many of these go at once; see the
// agent.
const (
	networkTries = 5
	removals     = 4
)

// errStuck says that only a network is left, and that nothing is on it. The
// agent's cleanNetworks tells how that comes about: the daemon's store has no
// endpoint of the network left, and counts one.
var errStuck = errors.New("its network remains, which the Docker daemon takes for in use though nothing is on it (a defect of Engine 20.10, which does no harm); it goes after \"sudo systemctl restart docker\"")

// removeRun removes all that carries the run's label, the agent first: it
// would only do the same.
func (e *engine) removeRun(ctx context.Context, id string) error {
	cs, ns, err := e.things(ctx, agent.LabelRun+"="+id)
	if err != nil {
		return fmt.Errorf("the containers and the network of run %s remain: %w", id, err)
	}
	errs := make([]error, len(cs)+len(ns))
	var all sync.WaitGroup
	slots := make(chan struct{}, removals)
	for i, c := range cs {
		slots <- struct{}{}
		all.Go(func() {
			errs[i] = e.remove(ctx, c.ID)
			<-slots
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	tries := networkTries
	if len(cs) == 0 { // it has been tried before
		tries = 1
	}
	for i, n := range ns {
		errs[len(cs)+i] = stuck(e.removeNetwork(ctx, n.ID, tries))
	}
	return errors.Join(append(errs, e.removeVolumes(ctx, id))...)
}

func (e *engine) removeNetwork(ctx context.Context, id string, tries int) (err error) {
	for try := range tries {
		err = call(ctx, func(ctx context.Context) error { return e.NetworkRemove(ctx, id) })
		if errdefs.IsNotFound(err) { // somebody else was faster
			return nil
		}
		if err == nil || try == tries-1 {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Second):
		}
	}
	return err
}

// stuck recognises the daemon's words for a network that it believes in use.
func stuck(err error) error {
	if err != nil && strings.Contains(err.Error(), "has active endpoints") {
		return errStuck
	}
	return err
}

func (e *engine) removeVolumes(ctx context.Context, id string) error {
	all, err := e.volumes(ctx, id)
	for _, name := range all {
		err = errors.Join(err, call(ctx, func(ctx context.Context) error { return e.VolumeRemove(ctx, name, false) }))
	}
	return err
}
