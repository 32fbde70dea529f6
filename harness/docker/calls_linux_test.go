package docker

import (
	"context"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"peerbed/harness"
)

// A node takes two calls of the daemon to start and one to go, as by the bare
// API, whoever makes them: every further one would cost a hundred nodes a
// hundred times.
func TestCallsPerNode(t *testing.T) {
	const n = 3
	daemon := countCalls(t, needDaemon(t))
	b := openWorld(t, harness.Options{Run: "calls", Nodes: n}, nodePackage)
	daemon.reset()
	quietNodes(t, b, n)
	if got, want := daemon.reset(), map[string]int{"POST /containers/create": n, "POST /containers/ID/start": n}; !maps.Equal(got, want) {
		t.Errorf("%d nodes took the calls %v to start, want %v and no other", n, got, want)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	got := daemon.reset()
	if deleted := got["DELETE /containers/ID"]; deleted != n+1 {
		t.Errorf("%d containers were removed, want %d nodes and the agent", deleted, n)
	}
	maps.DeleteFunc(got, func(call string, _ int) bool {
		return !strings.Contains(call, "/containers/ID") || strings.HasPrefix(call, "DELETE")
	})
	if len(got) > 0 {
		t.Errorf("containers also took %v to go", got)
	}
}

// A counter stands before the daemon and counts what it is asked, with ids and
// the version of the API taken out.
type counter struct {
	mu    sync.Mutex
	calls map[string]int
}

func (c *counter) reset() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	got := c.calls
	c.calls = map[string]int{}
	return got
}

var (
	version = regexp.MustCompile(`^/v1\.\d+`)
	longID  = regexp.MustCompile(`[0-9a-f]{64}`)
)

// countCalls puts a counter between the daemon and what the test opens next.
func countCalls(t *testing.T, e *engine) *counter {
	t.Helper()
	dir, err := os.MkdirTemp("", "pb") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "daemon")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	c := &counter{calls: map[string]int{}}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "daemon"})
	proxy.FlushInterval = -1 // events
	proxy.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", e.socket)
	}}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := r.Method + " " + longID.ReplaceAllString(version.ReplaceAllString(r.URL.Path, ""), "ID")
		c.mu.Lock()
		c.calls[call]++
		c.mu.Unlock()
		proxy.ServeHTTP(w, r)
	})}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	t.Setenv("DOCKER_HOST", "unix://"+path)
	return c
}
