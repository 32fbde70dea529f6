package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// callTimeout bounds one call of the daemon. Removing a container takes it
// tenths of a second, many at once a few seconds.
const callTimeout = 60 * time.Second

// A daemon is the part of the Docker API that removing takes.
type daemon struct {
	http http.Client
	api  string // "/v1.41"
}

func newDaemon(socket, api string) *daemon {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	return &daemon{http.Client{Transport: &http.Transport{DialContext: dial}, Timeout: callTimeout}, "/v" + api}
}

// A thing is a container or a network as a list shows it.
type thing struct {
	ID      string `json:"Id"`
	State   string // of containers: "running", "exited"
	Labels  map[string]string
	Options map[string]string // of networks: the driver's
}

// lives reports whether a container's process runs, or will be started again
// by the daemon.
func (t thing) lives() bool { return t.State == "running" || t.State == "restarting" }

// containers lists those with the label, running or not.
func (d *daemon) containers(ctx context.Context, label string) ([]thing, error) {
	return d.list(ctx, "/containers/json?all=1&filters=", label)
}

func (d *daemon) networks(ctx context.Context, label string) ([]thing, error) {
	return d.list(ctx, "/networks?filters=", label)
}

func (d *daemon) list(ctx context.Context, path, label string) ([]thing, error) {
	filter, err := json.Marshal(map[string][]string{"label": {label}})
	if err != nil {
		return nil, err
	}
	var all []thing
	err = d.call(ctx, "GET", path+url.QueryEscape(string(filter)), &all)
	return all, err
}

// removeContainer kills it and removes it with its volumes.
func (d *daemon) removeContainer(ctx context.Context, id string) error {
	return d.call(ctx, "DELETE", "/containers/"+id+"?force=1&v=1", nil)
}

// startContainer starts one that has ended. One that runs is no error.
func (d *daemon) startContainer(ctx context.Context, id string) error {
	return d.call(ctx, "POST", "/containers/"+id+"/start", nil)
}

func (d *daemon) removeNetwork(ctx context.Context, id string) error {
	return d.call(ctx, "DELETE", "/networks/"+id, nil)
}

var errDaemonDown = errors.New("the Docker daemon does not answer")

// call makes one call. What is gone already counts as removed, and what runs
// already as started.
func (d *daemon) call(ctx context.Context, method, path string, reply any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://docker"+d.api+path, nil)
	if err != nil {
		return err
	}
	resp, err := d.http.Do(req)
	if err != nil {
		return fmt.Errorf("%w: %w", errDaemonDown, err)
	}
	defer resp.Body.Close()
	if method == "DELETE" && resp.StatusCode == http.StatusNotFound {
		return nil
	}
	if resp.StatusCode >= 300 && resp.StatusCode != http.StatusNotModified {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
		return fmt.Errorf("docker: %s %s: %s", method, path, strings.TrimSpace(string(text)))
	}
	if reply == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(reply)
}
