package resident

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/sim"
	"peerbed/protocols/chord"
	"peerbed/protocols/p2p"
)

// A loseable world is the simulator until it is lost.
type loseable struct {
	harness.Backend
	lost *atomic.Bool
}

var errLost = errors.New("the Docker daemon no longer answers")

func (l loseable) Inspect(ctx context.Context, a p2p.Addr) (p2p.State, error) {
	if l.lost.Load() {
		return p2p.State{}, errLost
	}
	return l.Backend.Inspect(ctx, a)
}

func (l loseable) Kill(ctx context.Context, a p2p.Addr, how harness.How) error {
	if l.lost.Load() {
		return errLost
	}
	return l.Backend.Kill(ctx, a, how)
}

// bed is a resident of four nodes, served without a socket.
func bed(t *testing.T) (r *Resident, h http.Handler, lost *atomic.Bool) {
	t.Helper()
	home(t)
	lost = &atomic.Bool{}
	harness.Register("loseable", func(ctx context.Context, o harness.Options) (harness.Backend, error) {
		b, err := sim.Open(ctx, o)
		return loseable{b, lost}, err
	})
	c, err := harness.Open(t.Context(), harness.Settings{Protocol: chord.Protocol, World: "loseable", Nodes: 4, Ideal: true, Out: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	f := claim(t, "bed")
	t.Cleanup(func() { c.Close(); f.Release() })
	r = New(f, c, time.Hour, io.Discard)
	return r, r.handler(t.Context()), lost
}

func ask(h http.Handler, method, path, body string) (code int, text string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w.Code, w.Body.String()
}

// "A control request with bad JSON": a status code and one sentence; nothing
// is changed.
func TestBadRequests(t *testing.T) {
	r, h, _ := bed(t)
	for _, c := range []struct {
		method, path, body string
		code               int
		text               string
	}{
		{"POST", "/wish", `{`, 400, "the body is not the JSON of a Wish: unexpected EOF"},
		{"POST", "/wish", `{"do":"find","nam":"x"}`, 400, `unknown field "nam"`},
		{"POST", "/wish", `{"do":"fly","name":"x"}`, 409, `no wish "fly"; there are publish`},
		{"POST", "/wish", `{"do":"find"}`, 409, "want the name of a file to find"},
		{"POST", "/wish", `{"do":"publish","name":"x","size":-5}`, 409, "want 0 bytes or more"},
		{"POST", "/disturb", `{"do":"crash","nodes":{"names":[3]}}`, 400, "the body is not the JSON of a Disturbance"},
		{"POST", "/disturb", `{"do":"publish"}`, 409, `no disturbance "publish"; there are leave, crash`},
		{"POST", "/disturb", `{"do":"throttle","up":-1,"nodes":{"share":1}}`, 409, "want 0 or more"},
		{"POST", "/disturb", `[` + strings.Repeat(" ", 9<<20), 413, "the body has more than"},
		{"POST", "/churn", `{"session":"x","for":1}`, 409, `law "x"`},
		{"POST", "/wait", `{"for":"3s"}`, 400, "the body is not the JSON of a Wait"},
		{"GET", "/log?node=9", "", 409, `there is no node "9"`},
		{"PUT", "/blob?node=9&name=x", "bytes", 409, `there is no node "9"`},
		{"PUT", "/blob?node=1&name=../x", "bytes", 409, "not a plain file name"},
		{"GET", "/blob?node=1&name=x", "", 409, `no blob "x"`},
		{"GET", "/progress?node=9&name=x", "", 409, `there is no node "9"`},
		{"GET", "/progress?node=1&name=x", "", 200, `{"here":0,"all":0}`},
		{"GET", "/wish", "", 405, "Method Not Allowed"},
		{"GET", "/nothing", "", 404, "not found"},
	} {
		if code, text := ask(h, c.method, c.path, c.body); code != c.code || !strings.Contains(text, c.text) || strings.Count(text, "\n") > 1 {
			t.Errorf("%s %s %.60s: %d %q, want %d %q", c.method, c.path, c.body, code, text, c.code, c.text)
		}
	}
	if n := len(r.cluster.Faults()); n > 0 || r.about().Up != 4 {
		t.Errorf("after that there are %d faults, and %d nodes are up", n, r.about().Up)
	}
}

// "A cluster whose daemon is gone" says so, and what to do.
func TestLostWorld(t *testing.T) {
	_, h, lost := bed(t)
	if code, text := ask(h, "GET", "/status", ""); code != 200 {
		t.Fatalf("status: %d %s", code, text)
	}
	lost.Store(true)
	for path, body := range map[string]string{"/status": "", "/disturb": `{"do":"crash","nodes":{"names":["1"]}}`} {
		method := "POST"
		if body == "" {
			method = "GET"
		}
		if code, text := ask(h, method, path, body); code != 409 || !strings.Contains(text, errLost.Error()) || !strings.Contains(text, "peerbed ") {
			t.Errorf("%s in a lost world: %d %q", path, code, text)
		}
	}
}

// A step waits for the one under way; status, about and log do not.
func TestReadersDoNotWait(t *testing.T) {
	r, h, _ := bed(t)
	inside, release := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- r.change(t.Context(), "something long", func() error {
			close(inside)
			<-release
			return nil
		})
	}()
	<-inside
	for _, path := range []string{"/about", "/status", "/log", "/traffic"} {
		if code, text := ask(h, "GET", path, ""); code != 200 {
			t.Errorf("%s meanwhile: %d %s", path, code, text)
		}
	}
	if got := r.about().Doing; got != "something long" {
		t.Errorf("it does %q", got)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := r.change(ctx, "another", func() error { t.Error("it was done"); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("a step whose command has gone: %v", err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// The lease runs while nobody asks, and what is under way holds it.
func TestLease(t *testing.T) {
	r, h, _ := bed(t)
	r.lease = 0
	r.renew(0)
	time.Sleep(time.Millisecond) // the clock must move
	if !r.expired() {
		t.Error("a lease of nothing has not run out")
	}
	r.renew(+1)
	if r.expired() {
		t.Error("it has run out under a request")
	}
	r.renew(-1)
	r.lease = time.Hour
	ask(h, "GET", "/about", "")
	time.Sleep(time.Millisecond)
	if !r.expired() {
		t.Error("a list has renewed it")
	}
	ask(h, "GET", "/status", "")
	if r.expired() {
		t.Error("status has not renewed it")
	}
}
