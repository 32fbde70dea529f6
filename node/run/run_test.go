package run_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"peerbed/node/control"
	"peerbed/node/run"
	"peerbed/protocols/p2p"
)

var update = flag.Bool("update", false, "write testdata anew")

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

type settings struct {
	Introducer string        `flag:"introducer" doc:"name:port of the introducer; empty: a network of one's own"`
	Every      time.Duration `flag:"every" default:"1s" range:"100ms:30s" doc:"how often it does nothing"`
	Most       int           `flag:"most" default:"8" range:"1:64" doc:"how many of them"`
	Lazy       bool          `flag:"lazy" doc:"whether it does even less"`
}

type detail struct{ Taken string }

// A sloth joins nothing and answers wishes.
type sloth struct {
	cfg   settings
	env   p2p.Env
	state *p2p.State
}

func (s *sloth) Start(env p2p.Env)            { s.env = env }
func (s *sloth) Handle(_ p2p.Peer, _ p2p.Msg) { panic("a sloth was woken") }
func (s *sloth) Do(op p2p.Op, d func(p2p.Result)) {
	switch op := op.(type) {
	case p2p.Find:
		d(p2p.Result{Err: fmt.Errorf("%q: %w", op.Name, p2p.ErrNotFound)})
	case p2p.Publish:
		s.env.After(0, p2p.Tick(0)) // wakes it
	case p2p.Remove: // never done
	case p2p.Leave:
		s.env.Disk().Save("left", []byte("yes"))
		d(p2p.Result{})
	}
}

func (s *sloth) Inspect() p2p.State {
	state := p2p.State{Self: s.env.Self(), ID: fmt.Sprint(s.cfg.Most)}
	if s.state != nil {
		state.Detail = s.state.Detail
	}
	return state
}

var slothful = &p2p.Protocol{
	Name: "sloth", Doc: "hangs around", Config: p2p.Default[settings](), Detail: detail{},
	New: func(cfg any, state *p2p.State) p2p.Node { return &sloth{cfg: cfg.(settings), state: state} },
}

var plain = &p2p.Protocol{
	Name: "introducer", Doc: "stands for the real one", Config: struct{}{},
	New: func(any, *p2p.State) p2p.Node { return &sloth{} },
}

// once runs a node that is expected to end by itself.
func once(args ...string) (code int, out, complaints string) {
	var o, c bytes.Buffer
	code = run.Run(args, make(chan os.Signal), &o, &c, plain, slothful)
	return code, o.String(), c.String()
}

func TestHelp(t *testing.T) {
	for file, args := range map[string][]string{
		"help.txt":       {"-h"},
		"help-sloth.txt": {"--protocol=sloth", "--help"},
		"help-plain.txt": {"-protocol", "introducer", "-h"},
	} {
		code, got, complaints := once(args...)
		if code != 0 || complaints != "" {
			t.Errorf("%v: exit %d, %q", args, code, complaints)
		}
		path := filepath.Join("testdata", file)
		if *update {
			os.WriteFile(path, []byte(got), 0o644)
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%v prints\n%s\nwant, from %s\n%s", args, got, path, want)
		}
	}
}

// "A wrong flag, an unknown protocol, a port in use ...: one clear sentence,
// non-zero exit."
func TestWrongFlags(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"", "which protocol? give -protocol introducer, sloth; node -h tells more"},
		{"-protocol cat", `no protocol "cat"; there are introducer, sloth`},
		{"-protocol", `flag needs an argument: -protocol; node -h tells what there is`},
		{"-protocol sloth -speed 3", "flag provided but not defined: -speed; node -h tells what there is"},
		{"-protocol sloth fast", `"fast" is no flag; node -h tells what there is`},
		{"-protocol sloth -most 65", `-most "65": want 1 to 64`},
		{"-protocol sloth -most=many", `-most "many": want a whole number`},
		{"-protocol sloth --every 1", `-every "1": want a duration such as 500ms or 2s`},
		{"-protocol sloth -listen localhost:1", `-listen "localhost:1": want an IPv4 address and a port such as 127.0.0.1:7000 (port 0: any)`},
		{"-protocol sloth -listen 0.0.0.0:7", `-listen "0.0.0.0:7": want the one address that other nodes reach this node at`},
		{"-protocol sloth -hosts a=b", `-hosts "a=b": want name=address, such as introducer=127.0.0.2, with commas between several`},
		{"-protocol sloth -control 10.0.0.1:80", `-control "10.0.0.1:80": want a loopback address (127.x.y.z), for whoever reaches it rules the node`},
		{"-protocol sloth -control /tmp/s", `-control "/tmp/s": want unix:PATH or 127.0.0.1:PORT`},
	} {
		code, out, complaints := once(strings.Fields(c.args)...)
		if code != 2 || out != "" || complaints != "node: "+c.want+"\n" {
			t.Errorf("node %s: exit %d, %q, want 2 and %q", c.args, code, complaints, c.want)
		}
	}
}

func TestWhatTheMachineLacks(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	os.WriteFile(file, []byte("no JSON"), 0o644)
	addr := taken.Addr().String()
	for _, c := range []struct{ args, want string }{
		{"-listen " + addr, "cannot listen on " + addr + ": the port is in use; choose another, or port 0 for any"},
		{"-listen 192.0.2.1:7000", "cannot listen on 192.0.2.1:7000: this machine does not have that address"},
		{"-share " + file, "cannot make the share " + file + ": not a directory"},
		{"-state " + dir + "/none", "cannot read the state to take up: open " + dir + "/none: no such file or directory"},
		{"-state " + file, file + " is not the state of a sloth node: invalid character 'o' in literal null (expecting 'u')"},
		{"-listen 127.0.0.1:0 -control " + addr, "cannot serve control on " + addr + ": the port is in use; choose another, or port 0 for any"},
	} {
		args := append([]string{"-protocol", "sloth", "-share", dir}, strings.Fields(c.args)...)
		code, out, complaints := once(args...)
		if code != 1 || out != "" || complaints != "node: "+c.want+"\n" {
			t.Errorf("node %s: exit %d, %q, want 1 and %q", c.args, code, complaints, c.want)
		}
	}
}

// A running node.
type running struct {
	t          *testing.T
	signals    chan os.Signal
	line       string // that it printed
	share      string
	complaints *bytes.Buffer // to be read after the end
	code       chan int
}

func start(t *testing.T, args ...string) *running {
	t.Helper()
	r := &running{t: t, signals: make(chan os.Signal, 2), share: t.TempDir(), complaints: new(bytes.Buffer), code: make(chan int, 1)}
	args = append([]string{"-protocol", "sloth", "-listen", "127.0.0.1:0", "-share", r.share}, args...)
	out, in := io.Pipe()
	go func() {
		r.code <- run.Run(args, r.signals, in, r.complaints, plain, slothful)
		in.Close()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the node printed nothing: exit %d, %s", <-r.code, r.complaints)
	}
	r.line = line
	return r
}

// end waits until the node has ended with this code.
func (r *running) end(code int) {
	r.t.Helper()
	select {
	case got := <-r.code:
		if got != code {
			r.t.Errorf("exit %d, want %d: %s", got, code, r.complaints)
		}
	case <-time.After(patience):
		r.t.Fatal("the node does not end")
	}
}

func TestSignalLeaves(t *testing.T) {
	r := start(t)
	var addr, share string
	if _, err := fmt.Sscanf(r.line, "sloth listens on %s shares %s", &addr, &share); err != nil || share != r.share || strings.HasSuffix(addr, ":0,") {
		t.Errorf("it printed %q", r.line)
	}
	r.signals <- syscall.SIGTERM
	r.end(0)
	if b, _ := os.ReadFile(filepath.Join(r.share, ".state", "left")); string(b) != "yes" {
		t.Error("the node was not asked to leave")
	}
	if r.complaints.Len() > 0 {
		t.Errorf("it complained: %s", r.complaints)
	}
}

func TestSignalBeforeStart(t *testing.T) {
	r := start(t, "-wait")
	r.signals <- syscall.SIGTERM
	r.end(0)
}

// byHand starts a node with control on a port, and returns how to ask it.
func byHand(t *testing.T, args ...string) (r *running, ask func(method, path, body string) (int, string)) {
	t.Helper()
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := port.Addr().String()
	port.Close()
	file := filepath.Join(t.TempDir(), "token")
	r = start(t, append(args, "-control", addr, "-token-file", file)...)
	token, err := os.ReadFile(file)
	if err != nil || len(token) < 20 {
		t.Fatalf("token %q, %v", token, err)
	}
	return r, func(method, path, body string) (int, string) {
		t.Helper()
		q, _ := http.NewRequest(method, "http://"+addr+path, strings.NewReader(body))
		q.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
		resp, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b)
	}
}

func TestControlByHand(t *testing.T) {
	r, ask := byHand(t, "-most", "9", "-lazy")
	if code, text := ask("GET", "/inspect", ""); code != 200 || !strings.Contains(text, `"ID":"9"`) {
		t.Errorf("inspect: %d %s", code, text)
	}
	if code, text := ask("POST", "/do", `{"Op":"find","Name":"x"}`); code != 200 || !strings.Contains(text, `"Sentinel":"not found"`) {
		t.Errorf("find: %d %s", code, text)
	}
	_, metrics := ask("GET", "/metrics", "")
	for _, want := range []string{
		`peerbed_operations_total{op="find",protocol="sloth",result="not_found"} 1`,
		`peerbed_operation_duration_seconds_count{op="find",protocol="sloth"} 1`,
		`peerbed_malformed_datagrams_total{protocol="sloth"} 0`,
		`go_goroutines`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s:\n%s", want, metrics)
		}
	}
	if code, text := ask("GET", "/debug/pprof/goroutine?debug=1", ""); code != 200 || !strings.Contains(text, "loop.(*Loop).Run") {
		t.Errorf("pprof: %d %s", code, text)
	}
	if code, text := ask("POST", "/do", `{"Op":"leave"}`); code != 200 || !strings.Contains(text, `"Took"`) {
		t.Errorf("leave: %d %s", code, text)
	}
	r.end(0)
}

// "Panicking Node: the process ends with a clear message, non-zero exit."
func TestPanic(t *testing.T) {
	r, ask := byHand(t)
	ask("POST", "/do", `{"Op":"publish","Name":"x"}`)
	r.end(1)
	if got := r.complaints.String(); !strings.Contains(got, "panicked: a sloth was woken") || !strings.Contains(got, "run_test.go") {
		t.Errorf("it said %q, want the panic and where it happened", got)
	}
}

// A harness listens on a socket, and the node comes to it.
func TestControlOfAHarness(t *testing.T) {
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	state := filepath.Join(dir, "state")
	os.WriteFile(state, []byte(`{"Self":"127.0.0.1:1","ID":"5","Detail":{"Taken":"up"}}`), 0o644)
	r := start(t, "-wait", "-control", "unix:"+l.Addr().String(), "-state", state)
	l.(*net.UnixListener).SetDeadline(time.Now().Add(patience))
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c := control.NewClient(conn)
	defer c.Close()
	if h, err := c.Health(t.Context()); err != nil || h.Protocol != "sloth" || h.Started {
		t.Errorf("health %+v, %v", h, err)
	}
	if _, err := c.Inspect(t.Context(), detail{}); err == nil {
		t.Error("a node that was not started has a state")
	}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "started before") {
		t.Errorf("a second start: %v", err)
	}
	if s, err := c.Inspect(t.Context(), detail{}); err != nil || s.Detail != (detail{"up"}) {
		t.Errorf("state %+v, %v: want the detail that -state gave", s, err)
	}
	if b, err := c.Metrics(t.Context()); err != nil || !bytes.Contains(b, []byte("peerbed_streams")) {
		t.Errorf("metrics %s, %v", b, err)
	}
	if result, _ := c.Do(t.Context(), p2p.Leave{}); result.Err != nil {
		t.Errorf("leave: %v", result.Err)
	}
	r.end(0)
}
