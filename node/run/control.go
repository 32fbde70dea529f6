package run

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/grafana/pyroscope-go"

	"peerbed/node/control"
	"peerbed/node/loop"
	"peerbed/node/metrics"
	"peerbed/protocols/p2p"
)

// tokenVariable gives the token, where the user wants to choose it.
const tokenVariable = "PEERBED_TOKEN"

// controlGrace is how long open requests may finish when the node ends: the
// answer to Leave is among them.
const controlGrace = time.Second

// forsakenAfter is how long a node lives on whose control socket answers no
// more: harness and agent are both gone then, for a harness that lives
// listens again at once.
const forsakenAfter = time.Minute

func (c *config) setControl(text string) error {
	if path, ok := strings.CutPrefix(text, "unix:"); ok && path != "" {
		c.api = text
		return nil
	}
	a, err := p2p.ParseAddr(text)
	if err != nil {
		return fmt.Errorf("-control %q: want unix:PATH or 127.0.0.1:PORT", text)
	}
	if a.IP()>>24 != 127 {
		return fmt.Errorf("-control %q: want a loopback address (127.x.y.z), for whoever reaches it rules the node", text)
	}
	c.api = text
	return nil
}

// control serves the control API as the flags want it. stop waits until what
// is open has been answered.
func (c *config) control(l *loop.Loop, m *metrics.Metrics, complaints io.Writer) (stop func(), err error) {
	if c.api == "" {
		return func() {}, nil
	}
	handler := http.Handler(api(l, m))
	var from net.Listener
	if path, ok := strings.CutPrefix(c.api, "unix:"); ok {
		from = control.Dialled(path, forsakenAfter)
	} else {
		if from, err = listenControl(c.api); err != nil {
			return nil, err
		}
		token, err := c.token(from.Addr().String(), complaints)
		if err != nil {
			from.Close()
			return nil, err
		}
		handler = control.Guard(handler, token)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := control.Serve(ctx, from, handler, controlGrace); errors.Is(err, control.ErrForsaken) {
			fmt.Fprintf(complaints, "node: %v; it ends\n", err)
			l.Stop()
		}
	}()
	return func() { cancel(); <-done }, nil
}

// api is the control API and what the node adds to it.
func api(l *loop.Loop, m *metrics.Metrics) *http.ServeMux {
	mux := control.NewServer(l)
	mux.Handle("GET /metrics", m.Handler())
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

func listenControl(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp4", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("cannot serve control on %s: the port is in use; choose another, or port 0 for any", addr)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot serve control on %s: %w", addr, err)
	}
	return l, nil
}

// token takes the token from the environment, or makes one and tells it.
func (c *config) token(addr string, complaints io.Writer) (string, error) {
	token := os.Getenv(tokenVariable)
	switch {
	case token != "":
	case c.tokenFile != "":
		token = rand.Text()
		if err := os.WriteFile(c.tokenFile, []byte(token+"\n"), 0o600); err != nil {
			return "", fmt.Errorf("cannot write the token: %w", err)
		}
	default:
		token = rand.Text()
		fmt.Fprintf(complaints, "control on http://%s, token %s\n", addr, token)
	}
	return token, nil
}

// profile sends profiles to -pyroscope, if it is given.
func (c *config) profile(l *loop.Loop) (stop func()) {
	if c.pyroscope == "" {
		return func() {}
	}
	p, err := pyroscope.Start(pyroscope.Config{
		ApplicationName: "peerbed.node",
		ServerAddress:   c.pyroscope,
		Tags:            map[string]string{"protocol": c.protocol.Name, "node": l.Health().Self.String()},
	})
	if err != nil {
		return func() {} // profiles are a luxury: the node runs without
	}
	return func() { p.Stop() }
}
