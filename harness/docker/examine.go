package docker

import (
	"context"
	"fmt"
	"strings"

	"github.com/docker/docker/api/types/system"

	"peerbed/harness/agent"
)

// An Examination is what there is for runs on containers, found by looking and
// by trying.
type Examination struct {
	Socket  string // of the daemon, and who named it: "unix:///var/run/docker.sock (DOCKER_HOST)"
	Missing error  // why there is no daemon to be used; then only Machine is filled in

	Version, API string
	Storage      string // "overlay2"
	Cgroup       string // "2, systemd"
	Rootless     bool
	Unlimited    []string // what containers cannot be limited in
	Image        bool     // the image was there; else it was made
	Machine      agent.Machine
	Room         Room

	Untried error // why no agent could try anything; nil: it did
	Tried   agent.Report
}

// Room is for how many containers of nodes there is enough of each; 0: it
// could not be told.
type Room struct{ Memory, ProcessIDs, Files int }

func (s supply) room() Room {
	return Room{
		Memory:     int(s.memory / nodeMemory),
		ProcessIDs: max(s.ids-s.tasks, 0) / nodeTasks,
		Files:      s.files / nodeFiles,
	}
}

// Examine looks at the daemon and this machine. With try it also has an agent
// try, in a container that lives for a moment, what a run needs it for; the
// image is made for that if need be, as a run would.
func Examine(ctx context.Context, try bool, tell func(string, ...any)) (x Examination) {
	x.Machine = agent.Look()
	x.Room = supply{memory: x.Machine.MemoryFree, ids: x.Machine.ProcessIDs, tasks: tasks()}.room()
	d, err := openDesk(ctx, "doctor", tell)
	//lint:ignore SA5001 a desk that failed to open has things to give back too
	defer d.Close() // what it could not remove is swept by the next run
	if x.Missing = err; err != nil {
		return x
	}
	x.Socket, x.Version, x.API = fmt.Sprintf("%s (%s)", d.engine.DaemonHost(), d.engine.at.chosen), d.engine.version, d.engine.ClientVersion()
	x.Room = d.engine.supplies().room()
	if x.Missing = x.inform(ctx, d.engine); x.Missing != nil || !try {
		return x
	}
	images, _ := d.engine.images(ctx) // an error shows again at once
	x.Tried, x.Untried = d.do(ctx, agent.Job{Try: true})
	for _, i := range images {
		x.Image = x.Image || strings.Contains(strings.Join(i.RepoTags, " "), d.image)
	}
	if !d.engine.local { // this machine is not the daemon's
		x.Machine, x.Room = x.Tried.Machine, suppliesOf(x.Tried.Machine).room()
	}
	return x
}

// inform takes what the daemon says of itself.
func (x *Examination) inform(ctx context.Context, e *engine) error {
	var i system.Info
	err := call(ctx, func(ctx context.Context) (err error) {
		i, err = e.Info(ctx)
		return err
	})
	if err != nil {
		return err
	}
	x.Storage, x.Cgroup = i.Driver, i.CgroupVersion+", "+i.CgroupDriver
	x.Rootless = strings.Contains(strings.Join(i.SecurityOptions, " "), "rootless")
	for _, l := range []struct {
		what string
		can  bool
	}{{"memory", i.MemoryLimit}, {"processes", i.PidsLimit}, {"processor time", i.CPUCfsQuota}} {
		if !l.can {
			x.Unlimited = append(x.Unlimited, l.what)
		}
	}
	return nil
}
