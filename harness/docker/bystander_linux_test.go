package docker

import (
	"context"
	"crypto/rand"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
)

// A bystander is a container and a network of somebody else, named as if they
// were a run's, and of a run's image.
type bystander struct {
	engine             *engine
	container, network string
}

func newBystander(t *testing.T, e *engine, image string) bystander {
	t.Helper()
	name := "peerbed-" + rand.Text()[:8]
	n, err := e.NetworkCreate(t.Context(), name, network.CreateOptions{Driver: "bridge", Internal: true})
	if err != nil {
		t.Fatal(err)
	}
	c, err := e.ContainerCreate(t.Context(), &container.Config{Image: image, User: "65534", Entrypoint: []string{"/node"},
		Cmd: []string{"-protocol", "introducer", "-listen", "127.0.0.1:7000", "-share", "/dev/shm/share"}},
		&container.HostConfig{NetworkMode: container.NetworkMode(name)}, nil, nil, name+"-chord-1")
	if err == nil {
		err = e.ContainerStart(t.Context(), c.ID, container.StartOptions{})
	}
	b := bystander{e, c.ID, n.ID}
	t.Cleanup(func() { b.remove(t) })
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b bystander) mustStand(t *testing.T) {
	t.Helper()
	c, err := b.engine.ContainerInspect(t.Context(), b.container)
	if err != nil || !c.State.Running {
		t.Errorf("the bystander's container no longer runs (error %v)", err)
	}
	if _, err := b.engine.NetworkInspect(t.Context(), b.network, network.InspectOptions{}); err != nil {
		t.Errorf("the bystander's network: %v", err)
	}
}

func (b bystander) remove(t *testing.T) {
	ctx := context.Background() // the test's own has ended
	b.engine.ContainerRemove(ctx, b.container, container.RemoveOptions{Force: true})
	if err := b.engine.NetworkRemove(ctx, b.network); err != nil {
		t.Error(err)
	}
}
