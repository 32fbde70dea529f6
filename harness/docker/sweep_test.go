package docker

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
)

// A run is alive while its agent runs or is being started again, while it
// begins, and while its harness holds the lock of its folder.
func TestAlive(t *testing.T) {
	held, err := newFolder(t.Context(), filepath.Join(t.TempDir(), "held"))
	if err != nil {
		t.Fatal(err)
	}
	defer held.remove()
	now, long := time.Now(), time.Now().Add(-2*young)
	for _, c := range []struct {
		agent   container.ContainerState
		started time.Time
		folder  string
		want    bool
	}{
		{container.StateRunning, long, "", true},
		{container.StateRestarting, long, "", true},
		{container.StateCreated, now, "", true},
		{container.StateCreated, long, "", false},
		{container.StateExited, now, "", false},
		{"", now, "", false},
		{container.StateExited, long, held.path, true},
		{"", long, held.path, true},
	} {
		r := leftover{agent: c.agent, started: c.started}
		if got := r.alive(c.folder); got != c.want {
			t.Errorf("agent %q, begun %v ago, folder %q: alive %v, want %v", c.agent, time.Since(c.started).Round(time.Second), c.folder, got, c.want)
		}
	}
}
