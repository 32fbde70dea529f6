package docker

import (
	"context"
	"sync"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
)

// A sameImage is the client that testcontainers is given. Before it creates a
// container it asks twice what its image is like, and afterwards hangs up; all
// containers of a run have one image, named after its content, and there is
// always a next call. Without this, a node would take four calls of the daemon
// and a new connection to start, instead of the two that the bare API takes.
type sameImage struct {
	*client.Client
	mu    sync.Mutex
	known map[string]image.InspectResponse
}

// ImageInspect asks the daemon once for each name.
func (c *sameImage) ImageInspect(ctx context.Context, name string, opts ...client.ImageInspectOption) (image.InspectResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i, ok := c.known[name]; ok {
		return i, nil
	}
	i, err := c.Client.ImageInspect(ctx, name, opts...)
	if err == nil {
		if c.known == nil {
			c.known = map[string]image.InspectResponse{}
		}
		c.known[name] = i
	}
	return i, err
}

// Close leaves the connections open for the next call; the engine closes them.
func (c *sameImage) Close() error { return nil }
