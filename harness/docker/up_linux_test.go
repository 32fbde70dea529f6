package docker

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"

	"peerbed/harness"
	"peerbed/harness/agent"
	"peerbed/node/control"
)

const (
	upNodes = 100
	upPairs = 3
)

// BenchmarkUp compares this backend with the bare Docker API: nodes of Chord
// until each listens and has been told to start (healthy), and until all of
// them, and their network, are gone. The bare side makes the same containers,
// from the same image with the same HostConfig on the same kind of network, at
// the same concurrency, by the Docker client alone. The two take turns, because
// other work on the machine comes and goes; the medians of three pairs count.
//
//	up/s, raw-up/s       nodes healthy per second
//	down/s, raw-down/s   nodes removed per second; ours includes the agent, the
//	                     packet rules and the folders
//	ratio, down-ratio    ours to the bare one's
func BenchmarkUp(b *testing.B) {
	for range b.N {
		var ours, bare pace
		for pair := range upPairs {
			if pair%2 == 0 {
				ours.add(timeOurs(b))
				bare.add(timeBare(b))
			} else {
				bare.add(timeBare(b))
				ours.add(timeOurs(b))
			}
			b.Logf("pair %d: up %.2f/s (bare %.2f/s), down %.1f/s (bare %.1f/s)", pair+1,
				ours.up[pair], bare.up[pair], ours.down[pair], bare.down[pair])
		}
		up, down, rawUp, rawDown := median(ours.up), median(ours.down), median(bare.up), median(bare.down)
		b.ReportMetric(up, "up/s")
		b.ReportMetric(rawUp, "raw-up/s")
		b.ReportMetric(up/rawUp, "ratio")
		b.ReportMetric(down, "down/s")
		b.ReportMetric(rawDown, "raw-down/s")
		b.ReportMetric(down/rawDown, "down-ratio")
	}
}

// A pace is the rates of several rounds, in nodes per second.
type pace struct{ up, down []float64 }

func (p *pace) add(up, down time.Duration) {
	p.up = append(p.up, upNodes/up.Seconds())
	p.down = append(p.down, upNodes/down.Seconds())
}

func median[T cmp.Ordered](list []T) T {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

// openUp opens a run without nodes.
func openUp(b *testing.B) *Backend {
	b.Helper()
	return openWorld(b, harness.Options{Run: "up", Nodes: upNodes}, nodePackage)
}

// timeOurs brings nodes up and down as a Cluster does.
func timeOurs(b *testing.B) (up, down time.Duration) {
	b.Helper()
	w := openUp(b)
	began := time.Now()
	if err := spawn(b.Context(), w, specs(w, upNodes-1)); err != nil {
		b.Fatal(err)
	}
	up = time.Since(began)
	began = time.Now()
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return up, time.Since(began)
}

// timeBare does it by the Docker client alone, in a run that lends its image,
// network, guard and folders.
func timeBare(b *testing.B) (up, down time.Duration) {
	b.Helper()
	w := openUp(b)
	list := specs(w, upNodes-1)
	ids := make([]string, len(list))
	began := time.Now()
	one := func(i int) (err error) {
		ids[i], err = w.bareUp(b, list[i])
		return err
	}
	if err := one(0); err != nil { // alone, as ours: all others look for it
		b.Fatal(err)
	}
	err := atOnce(cap(w.starts), len(list)-1, func(i int) error { return one(i + 1) })
	if err != nil {
		b.Fatal(err)
	}
	up = time.Since(began)
	began = time.Now()
	err = atOnce(removals, len(ids), func(i int) error {
		return w.engine.Client.ContainerRemove(b.Context(), ids[i], container.RemoveOptions{Force: true, RemoveVolumes: true})
	})
	if err != nil {
		b.Fatal(err)
	}
	w.engine.Client.NetworkRemove(b.Context(), w.network()) // or Close will
	down = time.Since(began)
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return up, down
}

// bareUp creates and starts one container and waits until its node is healthy.
func (b *Backend) bareUp(t *testing.B, s harness.Spec) (id string, err error) {
	if err := b.folder.forNode(s.Index); err != nil {
		return "", err
	}
	l, err := listen(filepath.Join(b.folder.control(s.Index), agent.SocketName))
	if err != nil {
		return "", err
	}
	t.Cleanup(func() { l.Close() })
	r := b.nodeRequest(s)
	cfg := &container.Config{Image: r.Image, Entrypoint: r.Entrypoint, Cmd: r.Cmd, Labels: r.Labels}
	for k, v := range r.Env {
		cfg.Env = append(cfg.Env, k+"="+v)
	}
	host, ends := &container.HostConfig{}, map[string]*network.EndpointSettings{}
	r.ConfigModifier(cfg)
	r.HostConfigModifier(host)
	r.EndpointSettingsModifier(ends)
	made, err := b.engine.ContainerCreate(t.Context(), cfg, host, &network.NetworkingConfig{EndpointsConfig: ends}, nil, r.Name)
	if err != nil {
		return "", err
	}
	if err := b.engine.ContainerStart(t.Context(), made.ID, container.StartOptions{}); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), dialling, errSilentStart)
	defer cancel()
	conn, err := accept(ctx, l)
	if err != nil {
		return "", err
	}
	c := control.NewClient(conn)
	t.Cleanup(func() { c.Close() })
	return made.ID, c.Start(ctx)
}

// atOnce calls f for 0 to n-1, width at a time.
func atOnce(width, n int, f func(i int) error) error {
	errs := make([]error, n)
	slots := make(chan struct{}, width)
	var all sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			errs[i] = f(i)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}
