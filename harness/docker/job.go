package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/pkg/stdcopy"
	"github.com/testcontainers/testcontainers-go"

	"peerbed/harness"
	"peerbed/harness/agent"
)

// A desk is what doctor and clean work at: it begins as a run does, but has
// no network and no agent of its own, only containers that do one job each.
type desk struct {
	*Backend
	rights []string // the capabilities of its containers
}

// openDesk connects to the daemon. Close gives back all that it took.
func openDesk(ctx context.Context, name string, tell func(string, ...any)) (d desk, err error) {
	if tell == nil {
		tell = func(string, ...any) {}
	}
	d = desk{newBackend(harness.Options{Run: name, Progress: tell}), []string{"NET_ADMIN"}}
	if d.engine, err = connect(ctx); err != nil {
		return d, err
	}
	return d, d.engine.prepare()
}

// do has an agent do a job, in a container that lives no longer than that. It
// makes the image if there is none.
func (d desk) do(ctx context.Context, j agent.Job) (r agent.Report, err error) {
	if err := d.equip(ctx); err != nil {
		return r, err
	}
	request, err := d.jobRequest(j)
	if err != nil {
		return r, err
	}
	id, err := d.engine.create(ctx, request)
	if err != nil {
		return r, fmt.Errorf("cannot make a container: %w", err)
	}
	defer d.engine.remove(context.WithoutCancel(ctx), id)
	if err := d.engine.start(ctx, id); err != nil {
		return r, fmt.Errorf("cannot start a container: %w", err)
	}
	out, err := d.engine.output(ctx, id)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(out, &r); err != nil {
		return r, fmt.Errorf("the agent said %q: %w", out, err)
	}
	return r, nil
}

// equip makes what a job needs: a folder whose lock keeps sweeps away, and the
// image.
func (d desk) equip(ctx context.Context) error {
	if d.image != "" {
		return nil
	}
	top, err := home()
	if err != nil {
		return err
	}
	if d.folder, err = newFolder(ctx, filepath.Join(top, d.id)); err != nil {
		return err
	}
	return d.makeImage(ctx, top, nodePackage)
}

// jobRequest describes the container of a job. It has the agent's rights, less
// the daemon's socket and the folders of runs.
func (d desk) jobRequest(j agent.Job) (testcontainers.ContainerRequest, error) {
	text, err := json.Marshal(j)
	r := d.agentRequest("", agent.Limits{})
	r.Name = "peerbed-" + d.id + "-job"
	r.Cmd = []string{"-job", string(text)}
	r.Labels = d.labels(agent.RoleJob)
	agents := r.HostConfigModifier
	r.HostConfigModifier = func(h *container.HostConfig) {
		agents(h)
		h.CapAdd = d.rights
		h.Mounts = []mount.Mount{bind(hostLimits, agent.LimitsPath, false)}
	}
	return r, err
}

// output waits for a container's end and returns what it has printed, or its
// last words if it failed.
func (e *engine) output(ctx context.Context, id string) (out []byte, err error) {
	err = call(ctx, func(ctx context.Context) error {
		ended, errs := e.ContainerWait(ctx, id, container.WaitConditionNotRunning)
		select {
		case err := <-errs:
			return err
		case how := <-ended:
			if how.StatusCode != 0 {
				return fmt.Errorf("the agent failed: %s", e.lastWords(ctx, id))
			}
		}
		r, err := e.ContainerLogs(ctx, id, container.LogsOptions{ShowStdout: true})
		if err != nil {
			return err
		}
		defer r.Close()
		var text, words bytes.Buffer
		_, err = stdcopy.StdCopy(&text, &words, r)
		out = text.Bytes()
		return err
	})
	return out, err
}
