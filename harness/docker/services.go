package docker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/pkg/jsonmessage"
	"github.com/testcontainers/testcontainers-go"
)

// A Service is a program of others that stands beside runs, on this machine's
// loopback: a Grafana, a Prometheus.
type Service struct {
	Name        string
	Image       string
	Command     []string
	Env         map[string]string
	HostNetwork bool              // it listens on loopback of the machine itself
	Ports       []string          // else: "127.0.0.1:4040:4040"
	Files       map[string][]byte // by their path in the container
	Ready       string            // address on loopback that answers 200 when it is up
}

// roleService marks a service's container. It has no agent: the lock of its
// folder says whether it is still wanted.
const roleService = "service"

// gettingUp is how long a service may take to answer; a Pyroscope takes two minutes.
const gettingUp = 4 * time.Minute

// Serve starts services, calls up with the names of those that answer, waits
// until ctx ends, and removes them. The first must start; of others it tells
// what is in the way, and goes on. Images that the daemon lacks it is told to
// fetch. What a killed process leaves, the next run removes, or Clean.
func Serve(ctx context.Context, services []Service, tell func(string, ...any), up func(names []string)) (err error) {
	d, err := openDesk(ctx, "services", tell)
	defer func() { err = errors.Join(err, d.Close()) }()
	if err != nil {
		return err
	}
	if !d.engine.local {
		return fmt.Errorf("the Docker daemon %s is not on this machine: what it starts cannot reach the runs here", d.engine.name())
	}
	top, err := home()
	if err != nil {
		return err
	}
	if d.folder, err = newFolder(ctx, filepath.Join(top, d.id)); err != nil { // its lock keeps sweeps away
		return err
	}
	defer func() { err = errors.Join(err, d.engine.removeRun(context.WithoutCancel(ctx), d.id)) }()
	names, err := d.serveAll(ctx, services, tell)
	if err != nil {
		return err
	}
	up(names)
	<-ctx.Done()
	return nil
}

func (d desk) serveAll(ctx context.Context, services []Service, tell func(string, ...any)) (names []string, err error) {
	for i, s := range services {
		switch err := d.serve(ctx, s, tell); {
		case err == nil:
			names = append(names, s.Name)
		case i == 0 || ctx.Err() != nil:
			return nil, err
		default:
			tell("without %s: %v", s.Name, err)
		}
	}
	return names, nil
}

// serve starts one service and waits until it answers.
func (d desk) serve(ctx context.Context, s Service, tell func(string, ...any)) error {
	if err := free(s.Ready); err != nil {
		return err
	}
	if err := d.engine.fetch(ctx, s.Image, tell); err != nil {
		return err
	}
	id, err := d.engine.create(ctx, d.serviceRequest(s))
	if err == nil {
		err = d.engine.start(ctx, id)
	}
	if err != nil {
		return fmt.Errorf("cannot start %s: %w", s.Name, err)
	}
	tell("%s is getting up", s.Name)
	if err := d.engine.answers(ctx, id, s.Ready); err != nil {
		return fmt.Errorf("%s did not get up: %w; its last words: %s", s.Name, err, d.engine.lastWords(ctx, id))
	}
	return nil
}

// free says who else has the port of an address.
func free(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", u.Host)
	if err != nil {
		return fmt.Errorf("%s is taken by another program; end that one first", u.Host)
	}
	return l.Close()
}

// fetch has the daemon get an image that it has not.
func (e *engine) fetch(ctx context.Context, name string, tell func(string, ...any)) error {
	err := call(ctx, func(ctx context.Context) error {
		_, err := e.ImageInspect(ctx, name)
		return err
	})
	if !errdefs.IsNotFound(err) {
		return err
	}
	tell("the Docker daemon fetches %s", name)
	r, err := e.ImagePull(ctx, name, image.PullOptions{})
	if err == nil {
		err = jsonmessage.DisplayJSONMessagesStream(r, io.Discard, 0, false, nil)
		r.Close()
	}
	if err != nil {
		return fmt.Errorf("the image %s is not on this machine, and the Docker daemon cannot get it (%w)", name, err)
	}
	return nil
}

// serviceRequest describes the container of a service. It has no capability, and
// what it writes goes with it.
func (d desk) serviceRequest(s Service) testcontainers.ContainerRequest {
	r := testcontainers.ContainerRequest{
		Name: "peerbed-" + d.id + "-" + s.Name, Image: s.Image, Cmd: s.Command, Env: s.Env, Labels: d.labels(roleService),
		ExposedPorts: s.Ports,
		HostConfigModifier: func(h *container.HostConfig) {
			h.CapDrop, h.SecurityOpt = []string{"ALL"}, []string{"no-new-privileges"}
			if s.HostNetwork {
				h.NetworkMode = "host"
			}
		},
	}
	for path, content := range s.Files {
		r.Files = append(r.Files, testcontainers.ContainerFile{Reader: bytes.NewReader(content), ContainerFilePath: path, FileMode: 0o644})
	}
	slices.SortFunc(r.Files, func(a, b testcontainers.ContainerFile) int {
		return strings.Compare(a.ContainerFilePath, b.ContainerFilePath)
	})
	return r
}

// answers waits until an address answers 200, or its container has ended.
func (e *engine) answers(ctx context.Context, id, address string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, gettingUp, fmt.Errorf("%s has not answered for %v", address, gettingUp))
	defer cancel()
	asker := http.Client{Timeout: greeting}
	every := time.NewTicker(time.Second / 2)
	defer every.Stop()
	for {
		if c, err := e.ContainerInspect(ctx, id); err == nil && !c.State.Running {
			return fmt.Errorf("it ended with status %d", c.State.ExitCode)
		}
		if r, err := asker.Get(address); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-every.C:
		}
	}
}
