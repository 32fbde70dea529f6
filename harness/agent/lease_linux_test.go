package agent

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"peerbed/harness/backendtest"
	"peerbed/harness/fault"
	"peerbed/protocols/p2p"
)

func TestMain(m *testing.M) {
	pause = 10 * time.Millisecond
	os.Exit(m.Run())
}

// A fakeDaemon answers the calls of the Docker API that an agent makes.
type fakeDaemon struct {
	mu                   sync.Mutex
	containers, networks []thing
	refuse               int                            // removals of networks that fail first
	start                func(d *fakeDaemon, id string) // what becomes of a container that is started
}

func (d *fakeDaemon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/v1.41")
	list := &d.containers
	if strings.HasPrefix(path, "/networks") {
		list = &d.networks
	}
	switch {
	case r.Method == "GET":
		json.NewEncoder(w).Encode(fitting(*list, r.URL.Query().Get("filters")))
	case r.Method == "POST":
		d.start(d, filepath.Base(strings.TrimSuffix(path, "/start")))
	case list == &d.networks && d.refuse > 0:
		d.refuse--
		http.Error(w, "network has active endpoints", http.StatusForbidden)
	default:
		id := filepath.Base(path)
		*list = slices.DeleteFunc(*list, func(t thing) bool { return t.ID == id })
	}
}

// fitting returns the things that a filter by labels lets through.
func fitting(things []thing, filter string) []thing {
	var f struct{ Label []string }
	json.Unmarshal([]byte(filter), &f)
	var list []thing
	for _, t := range things {
		if slices.ContainsFunc(f.Label, func(l string) bool { return t.has(l) }) {
			list = append(list, t)
		}
	}
	return list
}

func (t thing) has(label string) bool {
	name, value, exact := strings.Cut(label, "=")
	got, ok := t.Labels[name]
	return ok && (!exact || got == value)
}

func (d *fakeDaemon) ids() (ids []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range slices.Concat(d.containers, d.networks) {
		ids = append(ids, t.ID)
	}
	return ids
}

func of(id, run, role string) thing {
	return thing{ID: id, State: "running", Labels: map[string]string{LabelBed: "1", LabelRun: run, LabelRole: role}}
}

// twoRuns is a daemon with two runs, of which "mine" ends.
func twoRuns() *fakeDaemon {
	return &fakeDaemon{
		containers: []thing{of("n1", "mine", RoleNode), of("n2", "mine", RoleNode), of("a", "mine", RoleAgent),
			of("m1", "other", RoleNode), of("b", "other", RoleAgent), {ID: "stranger"}},
		networks: []thing{of("net", "mine", ""), of("othernet", "other", ""), {ID: "bridge"}},
		refuse:   2,
	}
}

const others = "m1 b stranger othernet bridge"

// A bench is an agent that runs against a fake daemon, and its harness's end.
type bench struct {
	*Client
	conn   net.Conn
	daemon *fakeDaemon
	dir    string
	ended  chan error
}

func newBench(t *testing.T) *bench {
	t.Helper()
	if os.Getuid() != 0 {
		backendtest.Lacks(t, "packet tables take root")
	}
	top := t.TempDir()
	b := &bench{daemon: twoRuns(), dir: filepath.Join(top, "run"), ended: make(chan error, 1)}
	if err := os.MkdirAll(filepath.Join(b.dir, "n", "1"), 0o700); err != nil {
		t.Fatal(err)
	}
	docker := listenUnix(t, filepath.Join(top, "docker.sock"))
	go http.Serve(docker, b.daemon)
	harness := listenUnix(t, filepath.Join(top, HarnessEnd))
	run := Run{ID: "mine", Dir: b.dir, Socket: harness.Addr().String(), Docker: docker.Addr().String(), API: "1.41"}
	go func() { b.ended <- run.Serve(t.Context()) }()
	conn, err := harness.Accept()
	if err != nil {
		t.Fatal(err)
	}
	b.conn, b.Client = conn, NewClient(func(context.Context) (net.Conn, error) { return conn, nil })
	t.Cleanup(func() { conn.Close() })
	return b
}

func listenUnix(t *testing.T, path string) net.Listener {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// mustEnd waits for the agent's end and wants only others' things left.
func (b *bench) mustEnd(t *testing.T) {
	t.Helper()
	select {
	case err := <-b.ended:
		if err != nil {
			t.Errorf("the agent ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the agent did not end")
	}
	if got := strings.Join(b.daemon.ids(), " "); got != others {
		t.Errorf("left on the daemon: %q, want only what belongs to others: %q", got, others)
	}
	if _, err := os.Stat(b.dir); !os.IsNotExist(err) {
		t.Errorf("the run's folder: error %v, want that it does not exist", err)
	}
}

// "When the connection breaks, however the harness ended, it removes the run's
// containers, network, packet rules and folder, and at last itself."
func TestLeaseEnds(t *testing.T) {
	b := newBench(t)
	b.conn.Close()
	b.mustEnd(t)
}

// "End removes all that the run has made but the agent itself."
func TestEnd(t *testing.T) {
	b := newBench(t)
	left, err := b.End(t.Context())
	if err != nil || len(left) > 0 {
		t.Errorf("End: %q, error %v", left, err)
	}
	if got, want := strings.Join(b.daemon.ids(), " "), "a "+others; got != want {
		t.Errorf("left on the daemon: %q, want %q", got, want)
	}
	b.conn.Close()
	b.mustEnd(t)
}

// A network that will not go is reported, and does not keep the agent.
func TestStubbornNetwork(t *testing.T) {
	b := newBench(t)
	b.daemon.refuse = tries
	left, err := b.End(t.Context())
	if err != nil || len(left) != 1 || !strings.Contains(left[0], "active endpoints") {
		t.Errorf("End: %q, error %v, want the daemon's reason", left, err)
	}
	b.conn.Close()
	b.mustEnd(t)
}

// What the agent refuses comes back as an error that says what was asked.
func TestRefused(t *testing.T) {
	b := newBench(t)
	if err := b.Guard(t.Context(), Guard{Subnet: "nonsense"}); err == nil || !strings.Contains(err.Error(), "/guard") {
		t.Errorf("Guard of a nonsensical subnet: error %v", err)
	}
	if _, err := b.Seen(t.Context()); err == nil || !strings.Contains(err.Error(), "/seen") {
		t.Errorf("Seen without a bridge: error %v", err)
	}
	b.conn.Close()
	b.mustEnd(t)
	if _, err := b.SetRules(t.Context(), Rules{Cuts: []fault.Cut{{From: []p2p.Addr{1 << 16}}}}); err == nil {
		t.Error("SetRules after the end: no error")
	}
}
