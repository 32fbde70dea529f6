// Command storeserver shows recorded runs to Grafana; see package store. "peerbed
// serve" builds it and runs it.
//
//	storeserver -listen 127.0.0.1:9090 out
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"peerbed/harness/record/store"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:9090", "where it answers")
	remote := flag.String("remote-write", "", "where samples are sent too")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *listen, *remote, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "peerbed serve:", err)
		os.Exit(1)
	}
}

// refreshEvery is how often runs that go on are read.
const refreshEvery = time.Second

func serve(ctx context.Context, listen, remote, path string) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return fmt.Errorf("cannot answer at %s (%w); choose another address with -listen", listen, err)
	}
	defer l.Close()
	say := func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, "peerbed serve: "+format+"\n", args...)
	}
	s, err := store.Open(path, say)
	if err != nil {
		return err
	}
	defer s.Close()
	fmt.Printf("%d runs of %s are a Prometheus at http://%s (Ctrl-C ends it)\n", s.Runs(), path, l.Addr())
	go follow(ctx, s, say)
	if remote != "" {
		go send(ctx, path, remote, say)
	}
	server := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func follow(ctx context.Context, s *store.Store, say func(string, ...any)) {
	t := time.NewTicker(refreshEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			if err := s.Refresh(ctx); err != nil && ctx.Err() == nil {
				say("%v", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// send sends to another server too what is served.
func send(ctx context.Context, path, remote string, say func(string, ...any)) {
	receiver, err := url.Parse(remote)
	if err == nil {
		err = store.RemoteWrite(ctx, path, receiver, say)
	}
	if err != nil && ctx.Err() == nil {
		say("%v", err)
	}
}
