package resident

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"peerbed/harness"
	"peerbed/node/control"
)

// A Resident serves one cluster to the commands of its user.
type Resident struct {
	folder  *Folder
	cluster *harness.Cluster
	began   time.Time
	lease   time.Duration
	say     io.Writer

	step  chan struct{} // held by whoever changes the cluster
	ended chan struct{} // closed when nothing is left; closing is its error
	over  func(error)   // begins the end, for a reason

	mu       sync.Mutex // for what follows
	closing  error
	expires  time.Time
	requests int    // under way, that hold the lease
	doing    string // the step under way
	churns   int    // so far
}

// errClosing is what comes too late.
var errClosing = errors.New("this cluster is going down")

// New makes a resident of a cluster and the folder that it has claimed; both
// are its own from now on. A lease is how long it stays if nobody asks
// anything; log hears of its end.
func New(f *Folder, c *harness.Cluster, lease time.Duration, log io.Writer) *Resident {
	r := &Resident{folder: f, cluster: c, began: time.Now(), lease: lease, say: log,
		step: make(chan struct{}, 1), ended: make(chan struct{})}
	r.renew(0)
	return r
}

// watchEvery is how often a resident looks at its lease and its folder.
const watchEvery = 200 * time.Millisecond

// Listen makes the socket. Only this user can enter its folder, and only this
// user may write to it.
func (f *Folder) Listen() (net.Listener, error) {
	path := filepath.Join(f.path, socketName)
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("no socket for the commands: %w; if its path is too long, set TMPDIR to a shorter one, such as /tmp", err)
	}
	return l, os.Chmod(path, 0o600)
}

// Serve answers on l until the cluster is to end: by down, by ctx, by its
// lease, or because nobody can reach it any more. Then it closes the cluster
// and removes the folder. The error says what could not be removed.
func (r *Resident) Serve(ctx context.Context, l net.Listener) error {
	ctx, over := context.WithCancelCause(ctx)
	r.over = over
	served := make(chan error, 1)
	serving, stop := context.WithCancel(context.Background())
	go func() { served <- control.Serve(serving, l, r.handler(ctx), time.Second) }()
	r.watch(ctx)
	r.end(context.Cause(ctx))
	stop()
	return errors.Join(r.closing, <-served, r.folder.lock.Close())
}

// watch returns when the cluster is to end.
func (r *Resident) watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		switch {
		case !r.folder.reachable():
			r.over(errors.New("its state folder is gone"))
		case r.expired():
			r.over(fmt.Errorf("nobody has asked anything for %v", r.lease))
		}
	}
}

// end closes the cluster and frees the name, after the step under way.
func (r *Resident) end(why error) {
	fmt.Fprintf(r.say, "peerbed: %s goes down: %v\n", r.folder.Name, why)
	r.step <- struct{}{} // for good
	err := errors.Join(r.cluster.Close(), r.folder.remove())
	r.mu.Lock()
	r.closing = err
	r.mu.Unlock()
	close(r.ended)
}

// renew begins the lease anew, as requests begin (+1) and end (-1).
func (r *Resident) renew(requests int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests += requests
	r.expires = time.Now().Add(r.lease)
}

func (r *Resident) expired() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests == 0 && time.Now().After(r.expires)
}

// handler is the API. over ends when the resident does: steps that wait give
// up.
func (r *Resident) handler(over context.Context) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", get(r.status))
	mux.HandleFunc("POST /wish", post(r.wish))
	mux.HandleFunc("GET /progress", r.progress)
	mux.HandleFunc("PUT /blob", r.putBlob)
	mux.HandleFunc("GET /blob", r.getBlob)
	mux.HandleFunc("POST /disturb", post(r.disturb))
	mux.HandleFunc("POST /churn", post(r.churn))
	mux.HandleFunc("POST /wait", post(r.wait))
	mux.HandleFunc("GET /traffic", get(r.traffic))
	mux.HandleFunc("GET /log", r.log)
	all := http.NewServeMux()
	all.HandleFunc("GET /about", get(func(context.Context) (About, error) { return r.about(), nil }))
	all.HandleFunc("POST /down", r.down)
	all.HandleFunc("/", func(w http.ResponseWriter, q *http.Request) {
		r.renew(+1)
		defer r.renew(-1)
		ctx, cancel := context.WithCancelCause(q.Context())
		defer cancel(nil)
		defer context.AfterFunc(over, func() { cancel(errClosing) })()
		mux.ServeHTTP(w, q.WithContext(ctx))
	})
	return all
}

// get and post make handlers of functions.

func get[A any](f func(context.Context) (A, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		a, err := f(q.Context())
		control.Answer(w, a, err)
	}
}

func post[Q, A any](f func(context.Context, Q) (A, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		var body Q
		if control.ReadJSON(w, q, &body) {
			a, err := f(q.Context(), body)
			control.Answer(w, a, err)
		}
	}
}

// down ends the cluster, and answers when it has ended.
func (r *Resident) down(w http.ResponseWriter, _ *http.Request) {
	r.over(errors.New("down"))
	<-r.ended
	control.Answer(w, Done{Text: r.folder.Name + " is down"}, r.closing)
}

// change does one step that changes the cluster, when those before it are done
// or not at all: if ctx ends first. What has begun is finished.
func (r *Resident) change(ctx context.Context, what string, f func() error) error {
	select {
	case r.step <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-r.step }()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.note(what)
	defer r.note("")
	return f()
}

func (r *Resident) note(what string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.doing = what
}

func (r *Resident) about() About {
	c, a := r.cluster, r.cluster.About()
	up := 0
	for i := range c.Size() {
		if c.Up(i) {
			up++
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return About{Name: r.folder.Name, Protocol: c.Protocol().Name, World: a.World, Detail: a.Detail, Seed: c.Seed(),
		Nodes: c.Size(), Up: up, Began: r.began, Lease: r.expires, PID: os.Getpid(), Doing: r.doing}
}
