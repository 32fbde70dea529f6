package docker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/volume"

	"peerbed/harness"
	"peerbed/harness/agent"
)

// Clean removes what runs have left on the daemon and in this user's folder:
// containers, networks, volumes, packet tables, raised neighbour limits,
// folders, and the images kept between runs. It knows them by label; nothing
// else is touched. A run is alive while its agent runs or its harness holds
// the lock of its folder, and is given two minutes to begin.
//
// The error joins what could not be looked for; the leftovers say of
// themselves what would not go.
func Clean(ctx context.Context, c harness.Cleaning) ([]harness.Leftover, error) {
	d, err := openDesk(ctx, "clean", c.Tell)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	top, err := home()
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	b := &broom{Cleaning: c, desk: d, top: top}
	err = b.sweep(ctx)
	return b.found, errors.Join(err, d.Close())
}

// A broom is one cleaning.
type broom struct {
	harness.Cleaning
	desk  desk
	top   string
	runs  map[string]*leftover
	found []harness.Leftover
}

// sweep takes the runs first: an image in use cannot be removed, and the
// packet tables must stand while nodes live.
func (b *broom) sweep(ctx context.Context) (err error) {
	if b.runs, err = b.desk.engine.leftovers(ctx); err != nil {
		return err
	}
	for _, name := range b.folders() {
		if b.runs[name] == nil {
			b.runs[name] = &leftover{}
		}
	}
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(b.runs)) {
		errs = append(errs, b.run(ctx, id))
	}
	errs = append(errs, b.machine(ctx))
	if b.Caches() {
		errs = append(errs, b.images(ctx), b.programs())
	}
	return errors.Join(errs...)
}

// removed and stays note what became of something.
func (b *broom) removed(run, kind, name string) {
	b.found = append(b.found, harness.Leftover{Run: run, Kind: kind, Name: name})
}

func (b *broom) stays(run, kind, name, why string) {
	b.found = append(b.found, harness.Leftover{Run: run, Kind: kind, Name: name, Kept: why})
}

// folders lists the folders of this user's runs, by their names.
func (b *broom) folders() (names []string) {
	all, _ := os.ReadDir(b.top) // without a folder there are no runs of this user
	for _, d := range all {
		if runFolder.MatchString(d.Name()) || b.unborn(d) {
			names = append(names, d.Name())
		}
	}
	return names
}

// unbornFolder is what the folder of a run is called until it is locked.
var unbornFolder = regexp.MustCompile(`^[0-9a-f]{8}\.new$`)

// unborn recognises the folder of a run that ended before it began.
func (b *broom) unborn(d os.DirEntry) bool {
	info, err := d.Info()
	return err == nil && unbornFolder.MatchString(d.Name()) && time.Since(info.ModTime()) > young
}

// run removes one run, or tells that it is alive.
func (b *broom) run(ctx context.Context, id string) error {
	alive := b.runs[id].alive(filepath.Join(b.top, id))
	if !b.Takes(id, alive) {
		if alive && b.Run == "" {
			b.stays(id, "run", b.runs[id].name, "it is alive")
		}
		return nil
	}
	there, err := b.desk.engine.everything(ctx, id)
	if err != nil {
		return err
	}
	if !b.Dry {
		b.remove(ctx, id, there)
	}
	b.found = append(b.found, there...)
	b.folder(ctx, id, alive)
	return nil
}

// remove removes the containers, networks and volumes of a run, and marks
// those that stay.
func (b *broom) remove(ctx context.Context, id string, there []harness.Leftover) {
	why := b.desk.engine.removeRun(ctx, id)
	if why == nil {
		return
	}
	still, err := b.desk.engine.everything(ctx, id)
	for i, l := range there {
		if err != nil || slices.Contains(still, l) {
			there[i].Kept, there[i].Failed = why.Error(), !errors.Is(why, errStuck)
		}
	}
}

// folderPatience is how long a harness that lives has to give up a run that
// was removed under it.
const folderPatience = 20 * time.Second

func (b *broom) folder(ctx context.Context, id string, alive bool) {
	path := filepath.Join(b.top, id)
	if _, err := os.Lstat(path); err != nil {
		return
	}
	l := harness.Leftover{Run: id, Kind: "folder", Name: path}
	if !b.Dry {
		if err := removeFolder(ctx, path, alive); err != nil {
			l.Kept, l.Failed = err.Error(), true
		}
	}
	b.found = append(b.found, l)
}

var errHeld = errors.New("the command that began the run still holds it; end that")

func removeFolder(ctx context.Context, path string, alive bool) error {
	for end := time.Now().Add(folderPatience); alive && !abandoned(path); {
		if time.Now().After(end) || ctx.Err() != nil {
			return errHeld
		}
		time.Sleep(100 * time.Millisecond)
	}
	return os.RemoveAll(path)
}

// machine removes the packet tables of runs that have no container left (a
// network may stay, see errStuck), and writes back neighbour limits that a dead
// run has raised.
func (b *broom) machine(ctx context.Context) error {
	if b.Dry {
		return nil // only an agent can tell, and that would be a container more
	}
	r, err := b.desk.do(ctx, agent.Job{})
	if err != nil {
		return fmt.Errorf("packet tables were not looked for: %w", err)
	}
	// A run has an agent before it has tables: what began meanwhile shows now.
	now, err := b.desk.engine.leftovers(ctx)
	if err != nil {
		return err
	}
	j := agent.Job{Limits: b.limits(r.Machine.Neighbours, now)}
	for _, run := range r.Tables {
		if (now[run] == nil || now[run].containers == 0) && (b.Run == "" || b.Run == run) {
			j.Drop = append(j.Drop, run)
		}
	}
	return b.change(ctx, j, r.Machine.Neighbours)
}

// limits returns what the neighbour limits were before the runs that are now
// gone, if they are not so again; zero while there is an agent to do it.
func (b *broom) limits(are agent.Limits, now map[string]*leftover) (before agent.Limits) {
	if are == (agent.Limits{}) { // unreadable: they are not touched
		return before
	}
	for _, r := range now {
		if r.agent != "" {
			return before
		}
	}
	for _, r := range b.runs {
		if r.limits != (agent.Limits{}) && r.limits != are {
			before = r.limits
		}
	}
	return before
}

func (b *broom) change(ctx context.Context, j agent.Job, were agent.Limits) error {
	if len(j.Drop) == 0 && j.Limits == (agent.Limits{}) {
		return nil
	}
	if _, err := b.desk.do(ctx, j); err != nil {
		return fmt.Errorf("packet tables or neighbour limits remain: %w", err)
	}
	for _, run := range j.Drop {
		b.removed(run, "packet tables", agent.TableName(run))
	}
	if j.Limits != (agent.Limits{}) {
		b.removed("", "neighbour limits", fmt.Sprintf("%v, again %v", were, j.Limits))
	}
	return nil
}

// images removes the testbed's images. One that a container uses stays, and
// all do while a run begins: it may be about to use one.
func (b *broom) images(ctx context.Context) error {
	all, err := b.desk.engine.images(ctx)
	if err != nil {
		return fmt.Errorf("images were not looked for: %w", err)
	}
	beginning := b.beginning()
	for _, i := range all {
		l := harness.Leftover{Kind: "image", Name: strings.Join(i.RepoTags, " "), Kept: beginning}
		if beginning == "" && !b.Dry {
			b.removeImage(ctx, i.ID, &l)
		}
		b.found = append(b.found, l)
	}
	return nil
}

// images lists the testbed's.
func (e *engine) images(ctx context.Context) (all []image.Summary, err error) {
	err = call(ctx, func(ctx context.Context) error {
		all, err = e.ImageList(ctx, image.ListOptions{Filters: labelled(labelImage + "=1")})
		return err
	})
	return all, err
}

// removeImage removes an image that no container needs.
func (b *broom) removeImage(ctx context.Context, id string, l *harness.Leftover) {
	err := call(ctx, func(ctx context.Context) error {
		_, err := b.desk.engine.ImageRemove(ctx, id, image.RemoveOptions{})
		return err
	})
	switch {
	case err == nil || errdefs.IsNotFound(err):
	case errdefs.IsConflict(err):
		l.Kept = "a container uses it"
	default:
		l.Kept, l.Failed = err.Error(), true
	}
}

// beginning tells whether a run of this user is between its folder and its
// agent.
func (b *broom) beginning() string {
	for _, id := range b.folders() {
		path := filepath.Join(b.top, id)
		if r := b.runs[id]; id != b.desk.id && !abandoned(path) && (r == nil || r.agent == "") {
			return "run " + id + " is about to use one"
		}
	}
	return ""
}

// programs removes the binaries that are kept so that they need not be linked
// again. Their lock stays: another process may wait for it.
func (b *broom) programs() error {
	dirs, err := filepath.Glob(filepath.Join(b.top, binaryFolder+"*"))
	for _, dir := range dirs {
		for _, name := range []string{nodeProgram, agentProgram} {
			err = errors.Join(err, b.program(filepath.Join(dir, name)))
		}
	}
	return err
}

func (b *broom) program(path string) error {
	if _, err := os.Lstat(path); err != nil {
		return nil
	}
	b.removed("", "program", path)
	if b.Dry {
		return nil
	}
	unlock, err := lockFile(context.Background(), filepath.Join(filepath.Dir(path), lockName))
	if err != nil {
		return err
	}
	defer unlock()
	return os.Remove(path)
}

// everything lists what the daemon has of a run.
func (e *engine) everything(ctx context.Context, id string) (list []harness.Leftover, err error) {
	cs, ns, err := e.things(ctx, agent.LabelRun+"="+id)
	if err != nil {
		return nil, fmt.Errorf("the containers and the network of run %s were not found: %w", id, err)
	}
	for _, c := range cs {
		list = append(list, harness.Leftover{Run: id, Kind: "container", Name: strings.TrimPrefix(c.Names[0], "/")})
	}
	for _, n := range ns {
		list = append(list, harness.Leftover{Run: id, Kind: "network", Name: n.Name})
	}
	vs, err := e.volumes(ctx, id)
	for _, v := range vs {
		list = append(list, harness.Leftover{Run: id, Kind: "volume", Name: v})
	}
	return list, err
}

// volumes lists those of a run, by name.
func (e *engine) volumes(ctx context.Context, id string) (names []string, err error) {
	err = call(ctx, func(ctx context.Context) error {
		all, err := e.VolumeList(ctx, volume.ListOptions{Filters: labelled(agent.LabelRun + "=" + id)})
		for _, v := range all.Volumes {
			names = append(names, v.Name)
		}
		return err
	})
	return names, err
}
