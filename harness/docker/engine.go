package docker

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"
	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"

	"peerbed/harness/agent"
)

const (
	greeting  = 5 * time.Second  // for the daemon's first answer
	patience  = 60 * time.Second // for any later one; a busy daemon takes a few seconds
	wholeWork = 5 * time.Minute  // for a call that does many things: build, remove all
	goneIn    = time.Second      // and so much more for each node to remove
)

// An engine is a Docker daemon that answers.
type engine struct {
	*client.Client
	at      endpoint
	socket  string // path of its socket on its machine
	local   bool   // which is this one
	shares  bool   // and it shares folders, and sockets in them, with this process
	version string // "20.10.24"
	arch    string // as Go calls it
	maker   *testcontainers.DockerProvider
	calls   string // the system calls that containers may make, as JSON; "": what the engine thinks right
}

// Available tells the daemon that is to be used, "20.10.24 at
// unix:///var/run/docker.sock (DOCKER_HOST)", or, in one sentence, why there is
// none.
func Available(ctx context.Context) (string, error) {
	e, err := connect(ctx)
	if err != nil {
		return "", err
	}
	return e.name(), e.Close()
}

// name says which daemon it is and why that.
func (e *engine) name() string {
	return fmt.Sprintf("%s at %s (%s)", e.version, e.DaemonHost(), e.at.chosen)
}

// connect finds the daemon and agrees on a version of its API.
func connect(caller context.Context) (*engine, error) {
	ctx, cancel := context.WithTimeout(caller, greeting)
	defer cancel()
	at, err := findEndpoint()
	if err != nil {
		return nil, err
	}
	c, err := at.dial()
	if err != nil {
		return nil, err
	}
	v, err := c.ServerVersion(ctx)
	switch {
	case caller.Err() != nil:
		return nil, context.Cause(caller)
	case err != nil:
		return nil, at.noDaemon(c.DaemonHost(), err)
	}
	if v.Os != "linux" {
		return nil, fmt.Errorf("the Docker daemon runs %s containers; switch it to Linux ones, or use -backend proc", v.Os)
	}
	version, _, _ := strings.Cut(v.Version, "+")
	e := &engine{Client: c, at: at, version: version, arch: v.Arch}
	e.find(c.DaemonHost(), v.Platform.Name)
	return e, nil
}

// SocketsVariable, set to "off", has nodes controlled through the agent's
// stream even where the daemon shares its folders with this process.
const SocketsVariable = "PEERBED_SOCKETS"

// usualSocket is where a daemon usually has its socket; see
// agent.RemoteSocketVariable.
const usualSocket = "/var/run/docker.sock"

// find works out where the daemon is. Docker Desktop is in a virtual machine,
// even where a socket of this machine leads to it.
func (e *engine) find(host, platform string) {
	path, unix := strings.CutPrefix(host, "unix://")
	e.local = unix && runtime.GOOS == "linux" && !strings.Contains(platform, "Desktop")
	e.shares = e.local && os.Getenv(SocketsVariable) != "off"
	e.socket = cmp.Or(os.Getenv(agent.RemoteSocketVariable), usualSocket)
	if e.local {
		e.socket = path
	}
}

// noDaemon says why the daemon cannot be had and what would help.
func (at endpoint) noDaemon(host string, err error) error {
	if !strings.HasPrefix(host, "unix://") {
		return at.notThere(host, err)
	}
	switch {
	case errors.Is(err, fs.ErrPermission) || strings.Contains(err.Error(), "permission denied"):
		return fmt.Errorf("this user may not talk to the Docker daemon at %s; run \"sudo usermod -aG docker $USER\" and log in again, or use -backend proc", host)
	case client.IsErrConnectionFailed(err):
		return fmt.Errorf("no Docker daemon answers at %s; start it (sudo systemctl start docker), or use -backend proc", host)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the Docker daemon at %s did not answer within %v; restart it (sudo systemctl restart docker), or use -backend proc", host, greeting)
	}
	return fmt.Errorf("the Docker daemon at %s refuses (%v); Docker Engine 20.10 or newer is needed, or use -backend proc", host, err)
}

// notThere is noDaemon for one that is reached through the network.
func (at endpoint) notThere(host string, err error) error {
	words := err.Error()
	switch {
	case at.certs == "" && strings.Contains(words, "HTTPS server"):
		return fmt.Errorf("the Docker daemon at %s, from %s, speaks only TLS; set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the folder of ca.pem, cert.pem and key.pem", host, at.chosen)
	case at.certs != "" && strings.Contains(words, "HTTP response to HTTPS"):
		return fmt.Errorf("the Docker daemon at %s, from %s, does not speak TLS; unset DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, or mend the context", host, at.chosen)
	case strings.Contains(words, "tls: ") || strings.Contains(words, "x509: "):
		return fmt.Errorf("the Docker daemon at %s, from %s, and the certificates in %s do not fit (%v); DOCKER_CERT_PATH or the context must name those made for it", host, at.chosen, at.certs, errors.Unwrap(err))
	case client.IsErrConnectionFailed(err) || errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no Docker daemon answers at %s, from %s; start it there, or choose another one, or use -backend proc", host, at.chosen)
	}
	return fmt.Errorf("the Docker daemon at %s, from %s, refuses (%v); Docker Engine 20.10 or newer is needed, or use -backend proc", host, at.chosen, err)
}

// errDaemonGone is what calls return once the daemon has died.
var errDaemonGone = errors.New("the Docker daemon no longer answers: it was stopped or has crashed, and the run is over; start it again (sudo systemctl start docker) and repeat the run, which then also removes what this one left")

// explain puts an error of the daemon into words.
func explain(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case broken(err):
		return errDaemonGone
	}
	return err
}

// broken reports whether the connection to the daemon could not be made or was
// cut in the middle of a call.
func broken(err error) bool {
	return client.IsErrConnectionFailed(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// errSlow is the cause when the daemon takes longer than patience.
var errSlow = fmt.Errorf("the Docker daemon did not answer within %v; this machine may be overloaded (use fewer nodes) or the daemon stuck (sudo systemctl restart docker)", patience)

// call makes one call of the daemon, with a time limit.
func call(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errSlow)
	defer cancel()
	return explain(ctx, f(ctx))
}

// quiet is testcontainers' logger.
type quiet struct{}

func (quiet) Printf(string, ...any) {}

// quieten sets, before its first use, what testcontainers reads once in a
// process: no reaper, no talk, and no search for the daemon at a gateway, which
// it begins where a file /.dockerenv exists.
var quieten = sync.OnceFunc(func() {
	os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
	if os.Getenv("TESTCONTAINERS_HOST_OVERRIDE") == "" {
		os.Setenv("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1")
	}
	tclog.SetDefault(quiet{})
})

// prepare makes testcontainers ready to create containers on this engine.
func (e *engine) prepare() (err error) {
	quieten()
	defer func() { // it looks for a daemon by itself, and panics if there is none
		if p := recover(); p != nil {
			err = fmt.Errorf("testcontainers: %v", p)
		}
	}()
	var p *testcontainers.DockerProvider
	err = e.at.within(func() (err error) {
		p, err = testcontainers.NewDockerProvider(
			testcontainers.WithDefaultBridgeNetwork("bridge"), testcontainers.WithLogger(quiet{}))
		return err
	})
	if err != nil {
		return fmt.Errorf("testcontainers: %w", err)
	}
	if !testcontainers.ReadConfig().Config.RyukDisabled {
		return errors.New("testcontainers was used before in this process with its reaper on; set TESTCONTAINERS_RYUK_DISABLED=true")
	}
	p.SetClient(&sameImage{Client: e.Client})
	e.maker = p
	return e.chooseCalls()
}

// chooseCalls holds containers of Engines before 23 (API 1.42) to the system
// calls that later ones allow: without sockets of the families that lead past
// all networks, to the hypervisor (AF_VSOCK) for one.
func (e *engine) chooseCalls() error {
	if !versions.LessThan(e.ClientVersion(), "1.42") {
		return nil
	}
	return call(context.Background(), func(ctx context.Context) error {
		i, err := e.Info(ctx)
		if strings.Contains(strings.Join(i.SecurityOptions, " "), "seccomp") {
			e.calls = systemCalls()
		}
		return err
	})
}

// create makes a container and returns its id. It does so even if ctx ends
// meanwhile: the daemon would go on, and nobody knew what it has made.
func (e *engine) create(ctx context.Context, r testcontainers.ContainerRequest) (id string, err error) {
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	err = call(context.WithoutCancel(ctx), func(ctx context.Context) error {
		c, err := e.maker.CreateContainer(ctx, r)
		if err == nil {
			id = c.GetContainerID()
		}
		return err
	})
	return id, err
}

func (e *engine) start(ctx context.Context, id string) error {
	return call(ctx, func(ctx context.Context) error { return e.ContainerStart(ctx, id, container.StartOptions{}) })
}

// remove kills and removes a container. One that is gone, or going, is no
// error.
func (e *engine) remove(ctx context.Context, id string) error {
	return call(ctx, func(ctx context.Context) error {
		err := e.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
		if errdefs.IsNotFound(err) || err != nil && strings.Contains(err.Error(), "already in progress") {
			return nil
		}
		return err
	})
}

// lastWords returns the end of what a container has printed, in one line.
func (e *engine) lastWords(ctx context.Context, id string) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), greeting)
	defer cancel()
	var text bytes.Buffer
	if err := e.print(ctx, id, "10", &text); err != nil || text.Len() == 0 {
		return "it left no words"
	}
	return strings.Join(strings.Split(strings.TrimSpace(text.String()), "\n"), " | ")
}

// labelled is a filter for things with the label.
func labelled(label string) filters.Args { return filters.NewArgs(filters.Arg("label", label)) }
