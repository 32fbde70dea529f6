package docker

import (
	"context"
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
			over := slowDaemon(t, e, what, interrupt)
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

// slowDaemon has DOCKER_HOST name a daemon that passes all on to this one. It
// takes its time for what it is asked to make at this path, and says by begun
// that it has been asked, and by over that it has made it.
func slowDaemon(t *testing.T, e *engine, what string, begun func()) (over chan struct{}) {
	t.Helper()
	over = make(chan struct{})
	pass := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "docker"
			r.Out = r.Out.WithContext(context.WithoutCancel(r.In.Context())) // as the daemon does
		},
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", e.socket)
		}},
	}
	dir, err := os.MkdirTemp("", "pbs") // short, for the path of a socket
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
		if strings.HasSuffix(r.URL.Path, what) {
			begun()
			<-time.After(500 * time.Millisecond)
			defer close(over)
		}
		pass.ServeHTTP(w, r)
	}))
	t.Setenv("DOCKER_HOST", "unix://"+l.Addr().String())
	return over
}
