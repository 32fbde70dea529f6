package control_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"peerbed/node/control"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// table is the Detail of a protocol.
type table struct{ Fingers []p2p.Addr }

var (
	addr  = p2p.MakeAddr(10<<24|1, 7000)
	state = p2p.State{Self: addr, ID: "c0ffee", Neighbours: []p2p.Addr{addr + 1}, Stored: []string{"a", "b"},
		Detail: table{[]p2p.Addr{addr, addr + 2}}}
	result = p2p.Result{Found: []p2p.Addr{addr}, Blob: p2p.Blob{Name: "b", Len: 7}, Hops: 2,
		Path: []p2p.Hop{{Addr: addr}, {Addr: addr + 1, By: "finger 3"}}, ID: "9f"}
)

// A node answers what its test put there.
type node struct {
	started chan struct{}
	op      p2p.Op
	result  p2p.Result
	net     control.Net
	hold    chan struct{} // if set, Do waits for it
	gone    bool
	blobs   map[string]string
}

func (n *node) Health() control.Health { return control.Health{Protocol: "test", Self: addr} }
func (n *node) Start() error           { close(n.started); return nil }

func (n *node) Do(ctx context.Context, op p2p.Op) (p2p.Result, time.Duration) {
	if n.hold != nil {
		<-n.hold
	} else {
		n.op = op
	}
	return n.result, 3 * time.Second
}

func (n *node) Inspect() (p2p.State, error) {
	if n.gone {
		return p2p.State{}, fmt.Errorf("left: %w", p2p.ErrGone)
	}
	return state, nil
}

func (n *node) Counters() (control.CountersReply, error) {
	return control.CountersReply{Traffic: []p2p.Traffic{{Kind: "ping", Class: p2p.Membership, Sent: 4}}, Lag: time.Millisecond}, nil
}

func (n *node) SetNet(w control.Net) error {
	n.net = w
	return w.Links.Check()
}

func (n *node) Probe(q control.ProbeRequest) (control.ProbeReply, error) {
	return control.ProbeReply{Sent: q.Count, RTTs: []time.Duration{q.Timeout / 2}, Series: 1 << 63}, nil
}

func (n *node) Heard(series uint64) (control.HeardReply, error) {
	return control.HeardReply{Heard: int(series >> 62)}, nil
}

func (n *node) PutBlob(name string, from io.Reader) error {
	b, _ := io.ReadAll(io.LimitReader(from, 64))
	n.blobs = map[string]string{name: string(b)}
	_, err := io.Copy(io.Discard, from)
	return err
}

func (n *node) GetBlob(name string) (io.ReadCloser, error) {
	if b, ok := n.blobs[name]; ok {
		return io.NopCloser(strings.NewReader(b)), nil
	}
	return nil, p2p.ErrDisk
}

func TestBlobs(t *testing.T) {
	c, _ := reach(t, &node{})
	const name = "../a b?&ü"
	if err := c.PutBlob(t.Context(), name, strings.NewReader("the bytes")); err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	if err := c.GetBlob(t.Context(), name, &got); err != nil || got.String() != "the bytes" {
		t.Errorf("the blob came back as %q, %v", got.String(), err)
	}
	if err := c.GetBlob(t.Context(), "other", &got); err == nil || !strings.Contains(err.Error(), p2p.ErrDisk.Error()) {
		t.Errorf("a blob that is not there: %v", err)
	}
	long := p2p.Publish{Size: control.MaxBlob + 1}.Bytes()
	w := httptest.NewRecorder()
	control.NewServer(&node{}).ServeHTTP(w, httptest.NewRequest("PUT", "/blob?name=b", long))
	if w.Code != 413 || !strings.Contains(w.Body.String(), "the blob has more than 1073741824 bytes") {
		t.Errorf("a blob that is too long: %d %s", w.Code, w.Body)
	}
}

// reach serves n as a node does for a harness, and returns the harness' end.
func reach(t *testing.T, n *node) (*control.Client, net.Listener) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		control.Serve(ctx, control.Dialled(path, time.Minute), control.NewServer(n), time.Second)
	}()
	t.Cleanup(func() {
		l.Close()
		cancel()
		<-done
	})
	return take(t, l), l
}

func take(t *testing.T, l net.Listener) *control.Client {
	t.Helper()
	l.(*net.UnixListener).SetDeadline(time.Now().Add(10 * time.Second))
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	client := control.NewClient(c)
	t.Cleanup(func() { client.Close() })
	return client
}

func TestClientAndServer(t *testing.T) {
	n := &node{started: make(chan struct{}), result: result}
	c, _ := reach(t, n)
	ctx := t.Context()
	if h, err := c.Health(ctx); err != nil || h != n.Health() {
		t.Errorf("health %+v, %v", h, err)
	}
	if err := c.Start(ctx); err != nil {
		t.Error(err)
	}
	<-n.started
	if s, err := c.Inspect(ctx, table{}); err != nil || !reflect.DeepEqual(s, state) {
		t.Errorf("state %+v, %v, want %+v", s, err, state)
	}
	if r, err := c.Counters(ctx); err != nil || r.Lag != time.Millisecond || len(r.Traffic) != 1 || r.Traffic[0].Sent != 4 {
		t.Errorf("counters %+v, %v", r, err)
	}
	want := control.Net{NotTo: []p2p.Addr{addr}, Links: linkmodel.Model{Plane: &linkmodel.Plane{Side: time.Second, Seed: 3}}}
	if err := c.SetNet(ctx, want); err != nil || !reflect.DeepEqual(n.net, want) {
		t.Errorf("net %+v, %v, want %+v", n.net, err, want)
	}
	r, err := c.Probe(ctx, control.ProbeRequest{To: addr, Timeout: time.Second, Count: 3})
	if err != nil || r.Sent != 3 || len(r.RTTs) != 1 || r.RTTs[0] != time.Second/2 {
		t.Errorf("probe %+v, %v", r, err)
	}
	if heard, err := c.Heard(ctx, r.Series); err != nil || heard != 2 {
		t.Errorf("heard %d, %v", heard, err)
	}
}

func TestWishes(t *testing.T) {
	n := &node{result: result}
	c, _ := reach(t, n)
	for _, op := range []p2p.Op{p2p.Publish{Name: "x", Size: 5, Seed: 1 << 63}, p2p.Find{Name: "x"},
		p2p.Fetch{Name: "ü/\x00"}, p2p.Remove{Name: "x"}, p2p.Leave{}} {
		r, took := c.Do(t.Context(), op)
		if n.op != op {
			t.Errorf("%#v arrived as %#v", op, n.op)
		}
		if took != 3*time.Second || !reflect.DeepEqual(r, result) {
			t.Errorf("result %+v after %v, want %+v", r, took, result)
		}
	}
}

// "p2p errors cross as text + sentinel."
func TestErrorsCross(t *testing.T) {
	n := &node{result: p2p.Result{Err: fmt.Errorf("asked 3 nodes: %w", p2p.ErrNotFound)}}
	c, _ := reach(t, n)
	r, _ := c.Do(t.Context(), p2p.Find{Name: "x"})
	if !errors.Is(r.Err, p2p.ErrNotFound) || r.Err.Error() != "asked 3 nodes: not found" {
		t.Errorf("the error came as %v", r.Err)
	}
	n.gone = true
	if _, err := c.Inspect(t.Context(), nil); !errors.Is(err, p2p.ErrGone) {
		t.Errorf("inspect of a node that left: %v", err)
	}
	bad := control.Net{Links: linkmodel.Model{Default: linkmodel.Link{Loss: -1}}}
	if err := c.SetNet(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "want 0 to 1") {
		t.Errorf("loss -1: %v", err)
	}
}

// Many wishes are under way at once on the one connection.
func TestManyAtOnce(t *testing.T) {
	n := &node{hold: make(chan struct{})}
	c, _ := reach(t, n)
	const wishes = 300
	done := make(chan error, wishes)
	for range wishes {
		go func() {
			r, _ := c.Do(context.Background(), p2p.Leave{})
			done <- r.Err
		}()
	}
	if _, err := c.Health(t.Context()); err != nil { // not held up by them
		t.Fatal(err)
	}
	for range wishes {
		n.hold <- struct{}{}
	}
	for range wishes {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}

// A node whose harness is lost for a while dials again.
func TestDialsAgain(t *testing.T) {
	c, l := reach(t, &node{})
	if _, err := c.Health(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if _, err := c.Health(t.Context()); !errors.Is(err, p2p.ErrGone) {
		t.Errorf("a client whose connection is closed: %v", err)
	}
	if r, _ := c.Do(t.Context(), p2p.Leave{}); !errors.Is(r.Err, p2p.ErrGone) {
		t.Errorf("a wish on a closed connection: %v", r.Err)
	}
	if _, err := take(t, l).Health(t.Context()); err != nil {
		t.Errorf("over the second connection: %v", err)
	}
}

func TestContextEnds(t *testing.T) {
	n := &node{hold: make(chan struct{})}
	c, _ := reach(t, n)
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if r, _ := c.Do(ctx, p2p.Leave{}); !errors.Is(r.Err, context.DeadlineExceeded) || errors.Is(r.Err, p2p.ErrGone) {
		t.Errorf("a wish whose time is up: %v", r.Err)
	}
	close(n.hold)
}

// Bad requests get a status code and one sentence.
func TestBadRequests(t *testing.T) {
	h := control.NewServer(&node{})
	for _, c := range []struct {
		method, path, body string
		code               int
		text               string
	}{
		{"POST", "/do", `{"Op":"fly"}`, 400, `no wish "fly"; there are publish, find, fetch, remove and leave`},
		{"POST", "/do", `{`, 400, "the body is not the JSON of a DoRequest: unexpected EOF"},
		{"POST", "/do", `{"Op":"find","Nam":"x"}`, 400, `the body is not the JSON of a DoRequest: json: unknown field "Nam"`},
		{"POST", "/do", `{"Op":"leave"}{}`, 400, "the body is not the JSON of a DoRequest: there is more than one value"},
		{"PUT", "/net", `{"NotTo":["here"]}`, 400, "want an IPv4 address"},
		{"PUT", "/net", `{"NotTo":["` + strings.Repeat("x", 9<<20), 413, "the body has more than 8388608 bytes"},
		{"GET", "/do", "", 405, "Method Not Allowed"},
		{"GET", "/nothing", "", 404, "404"},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(c.method, c.path, strings.NewReader(c.body)))
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.text) {
			t.Errorf("%s %s: %d %q, want %d %q", c.method, c.path, w.Code, w.Body, c.code, c.text)
		}
	}
}

func TestGuard(t *testing.T) {
	h := control.Guard(control.NewServer(&node{}), "sesame")
	for token, code := range map[string]int{"": 401, "Bearer sesam": 401, "sesame": 401, "Bearer sesame": 200} {
		r := httptest.NewRequest("GET", "/health", nil)
		r.Header.Set("Authorization", token)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != code {
			t.Errorf("with %q: %d, want %d", token, w.Code, code)
		}
	}
}

// A request under way when the node ends is answered: Leave is one.
func TestGrace(t *testing.T) {
	n := &node{hold: make(chan struct{})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	inside := make(chan struct{})
	h := control.NewServer(n)
	go func() {
		ended <- control.Serve(ctx, l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(inside)
			h.ServeHTTP(w, r)
		}), 10*time.Second)
	}()
	answered := make(chan error, 1)
	go func() {
		resp, err := http.Post("http://"+l.Addr().String()+"/do", "application/json", strings.NewReader(`{"Op":"leave"}`))
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		answered <- err
	}()
	<-inside
	cancel()
	close(n.hold)
	if err := <-answered; err != nil {
		t.Errorf("the request that was under way: %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// "takes a new connection from dial whenever the last one has ended"
func TestRedial(t *testing.T) {
	first, l := reach(t, &node{started: make(chan struct{})})
	first.Close() // the node dials again
	var conn net.Conn
	c := control.NewRedialClient(func(context.Context) (_ net.Conn, err error) {
		conn, err = l.Accept()
		return conn, err
	})
	for i := range 3 {
		_, err := c.Health(t.Context())
		if errors.Is(err, p2p.ErrGone) { // it was on its way on the connection that ended
			_, err = c.Health(t.Context())
		}
		if err != nil {
			t.Errorf("on connection %d: %v", i, err)
		}
		conn.Close()
	}
	c.Close()
	if _, err := c.Health(t.Context()); !errors.Is(err, p2p.ErrGone) {
		t.Errorf("after Close: error %v, want %v", err, p2p.ErrGone)
	}
}

// "until it has been refused for as long as patience"
func TestForsaken(t *testing.T) {
	l := control.Dialled(filepath.Join(t.TempDir(), "nobody"), 50*time.Millisecond)
	if err := control.Serve(t.Context(), l, http.NewServeMux(), 0); !errors.Is(err, control.ErrForsaken) {
		t.Errorf("error %v, want %v", err, control.ErrForsaken)
	}
}
