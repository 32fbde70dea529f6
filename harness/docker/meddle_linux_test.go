package docker

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"peerbed/harness"
)

// A ctx that ends while the daemon is making something leaves nothing behind,
// though the daemon goes on.
func TestInterruptedWhileItMakes(t *testing.T) {
	for _, what := range []string{"/networks/create", "/containers/create"} {
		t.Run(what, func(t *testing.T) {
			e := needDaemon(t)
			ctx, interrupt := context.WithCancel(t.Context())
			over := make(chan struct{})
			meddle(t, e, func(r *http.Request, pass func()) {
				if strings.HasSuffix(r.URL.Path, what) {
					interrupt()
					<-time.After(500 * time.Millisecond)
					defer close(over)
				}
				pass()
			})
			b := newBackend(harness.Options{Run: "interrupted", Nodes: 2, Progress: t.Logf})
			if err := b.begin(ctx, nodePackage); err == nil {
				t.Error("Open ended without an error: the interruption came too late to show anything")
			}
			if err := b.Close(); err != nil {
				t.Error(err)
			}
			<-over
			nothingLeft(t, e, b.id)
		})
	}
}

// A run whose agent is not given the capability to set packet rules says so in
// one sentence, and leaves nothing.
func TestRunLacksCapability(t *testing.T) {
	e := needDaemon(t)
	meddle(t, e, func(r *http.Request, pass func()) {
		if strings.HasSuffix(r.URL.Path, "/containers/create") {
			asked, _ := io.ReadAll(r.Body) // what could not be read the daemon refuses
			given := bytes.ReplaceAll(asked, []byte("NET_ADMIN"), []byte("CHOWN"))
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(given)), int64(len(given))
		}
		pass()
	})
	b := newBackend(harness.Options{Run: "lacks", Nodes: 2, Progress: t.Logf})
	err := b.begin(t.Context(), nodePackage)
	if err == nil || !strings.Contains(err.Error(), "CAP_NET_ADMIN") || !strings.Contains(err.Error(), "peerbed doctor") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want one line that names the capability and says what to do", err)
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	nothingLeft(t, e, b.id)
}

// meddle has DOCKER_HOST name a daemon that passes all on to this one, as and
// when do wants.
func meddle(t *testing.T, e *engine, do func(r *http.Request, pass func())) {
	t.Helper()
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "docker"
			r.Out = r.Out.WithContext(context.WithoutCancel(r.In.Context())) // as the daemon does
		},
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", e.socket)
		}},
	}
	dir, err := os.MkdirTemp("", "pbm") // short, for the path of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		do(r, func() { proxy.ServeHTTP(w, r) })
	}))
	t.Setenv("DOCKER_HOST", "unix://"+l.Addr().String())
}
