package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// A Run is one run of the testbed, as its agent knows it.
type Run struct {
	ID     string // as in LabelRun
	Dir    string // its folder
	Socket string // the lease's, in that folder
	Docker string // the daemon's socket
	API    string // the version of the Docker API that the harness speaks
	Hold   bool   // the folder is a volume that the harness does not see: see Doors
}

// Serve meets the harness at the lease's socket and serves it until ctx is done
// or the connection breaks; then it removes what the run has made, the agent's
// own container last. Whatever it must know it reads from the daemon, so an
// agent that is started anew goes on where the last one stopped. The error says
// what could not be removed.
func (r Run) Serve(ctx context.Context) error {
	s := &server{Run: r, daemon: newDaemon(r.Docker, r.API), doors: doors{dir: r.Dir}, eye: eye{run: r.ID}, shaper: shaper{run: r.ID}}
	err := s.remember(ctx)
	conn, missed := s.meet(ctx)
	if err = errors.Join(err, missed); missed == nil {
		err = errors.Join(err, s.serve(ctx, conn))
	}
	s.stay()
	// The lease is over: what follows must happen, whatever ended it.
	ctx = context.WithoutCancel(ctx)
	s.clean(ctx, patience)
	time.Sleep(linger * pause) // a call that the harness was making may still make something
	for _, what := range s.clean(ctx, patience) {
		err = errors.Join(err, errors.New(what))
	}
	return errors.Join(err, s.removeSelf(ctx))
}

// linger is for how many pauses a cleaning is looked after. The daemon goes on
// with what it was asked for when the one who asked is gone.
const linger = 6

// meet dials the harness; where the harness cannot be dialled, it is awaited.
func (s *server) meet(ctx context.Context) (net.Conn, error) {
	if s.Hold {
		return s.doors.open(ctx, s.Socket)
	}
	return (&net.Dialer{Timeout: meeting}).DialContext(ctx, "unix", s.Socket)
}

// meeting is how long an agent and its harness may take to find each other.
const meeting = 15 * time.Second

// remember reads what an earlier agent of the run was told: the neighbour limits,
// from the labels of its container.
func (s *server) remember(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, meeting)
	defer cancel()
	all, err := s.daemon.containers(ctx, LabelRun+"="+s.ID)
	if err != nil {
		return err
	}
	for _, t := range all {
		if t.Labels[LabelRole] == RoleAgent {
			s.before = ParseLimits(t.Labels[LabelLimits])
			return nil
		}
	}
	s.astray = fmt.Errorf("the daemon at the usual socket of the Docker daemon's machine is another one: it knows no agent of run %s; set %s to the path of the right one", s.ID, RemoteSocketVariable)
	return nil
}

type server struct {
	Run
	daemon   *daemon
	doors    doors
	shaper   shaper
	astray   error // why this is not the run's daemon; nil: it is
	cleaning sync.Mutex

	mu     sync.Mutex // guards what follows
	eye    eye
	spread *spread // nil: the nodes stay on one bridge
	before Limits
}

// serve answers on the one connection until it breaks or ctx is done.
func (s *server) serve(ctx context.Context, conn net.Conn) error {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	h := http.Server{Handler: s.handler(), Protocols: &protocols, HTTP2: &http.HTTP2Config{MaxConcurrentStreams: maxUnderWay}}
	l := newLine(conn)
	defer context.AfterFunc(ctx, func() { l.Close() })()
	if err := h.Serve(l); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// maxUnderWay is how many calls may be open at once; a node's line is one.
const maxUnderWay = 1 << 16

func (s *server) handler() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /health", answer(func(context.Context, any) (any, error) { return nil, nil }))
	m.HandleFunc("PUT /doors/{node}", s.doors.make)
	m.HandleFunc("POST /doors/{node}", s.doors.pass)
	m.HandleFunc("PUT /guard", answer(s.guard))
	m.HandleFunc("PUT /rules", answer(s.rules))
	m.HandleFunc("GET /seen", answer(s.seen))
	m.HandleFunc("GET /crossings", answer(s.crossings))
	m.HandleFunc("PUT /neighbours", answer(s.raise))
	m.HandleFunc("POST /end", answer(func(ctx context.Context, _ any) (any, error) {
		return s.clean(context.WithoutCancel(ctx), 0), s.astray
	}))
	return m
}

// answer turns f into a handler: the request's JSON in, the reply's JSON out.
func answer[T any](f func(context.Context, T) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body T
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		reply, err := f(r.Context(), body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		// A write fails only if the harness is gone, which serve notices.
		_ = json.NewEncoder(w).Encode(reply)
	}
}

// guard closes the network, spreads the nodes over its bridges and drops the
// tables and trunks of runs without a network: runs make theirs before the guard
// and remove it before the tables.
func (s *server) guard(ctx context.Context, g Guard) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.astray != nil {
		return nil, s.astray
	}
	err := setGuard(s.ID, g)
	if err == nil && g.Shards > 0 && s.spread == nil {
		s.spread, err = newSpread(s.ID, g.Shards)
	}
	if err != nil {
		return nil, err
	}
	if g.Ways {
		if err := countWays(s.ID); err != nil {
			return nil, err
		}
	}
	alive, err := s.daemon.networks(ctx, LabelBed)
	if err != nil {
		return nil, fmt.Errorf("cannot list networks: %w", err)
	}
	return nil, uproot(func(run string) bool {
		for _, t := range alive {
			if t.Labels[LabelRun] == run {
				return false
			}
		}
		return run != s.ID
	})
}

// stay lets the nodes where they are.
func (s *server) stay() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.spread != nil {
		s.spread.end()
	}
}

func (s *server) rules(_ context.Context, r Rules) (any, error) {
	began := time.Now()
	err := setRules(s.ID, r)
	took := time.Since(began)
	if err == nil {
		err = s.shaper.set(r.Links)
	}
	return took, err
}

func (s *server) seen(context.Context, any) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.eye.look()
}

func (s *server) raise(_ context.Context, r Raise) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = r.Before
	if err := raiseLimits(LimitsPath, r.Entries); err != nil {
		return nil, err
	}
	return readLimits(LimitsPath)
}

// removeSelf ends the agent's own container, and so this process.
func (s *server) removeSelf(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	all, err := s.daemon.containers(ctx, LabelRun+"="+s.ID)
	if err != nil {
		return err
	}
	return s.each(all, func(t thing) error { return s.daemon.removeContainer(ctx, t.ID) })
}
