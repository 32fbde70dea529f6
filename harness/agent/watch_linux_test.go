package agent

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// "A watch sees to what no agent answers for": it starts an agent that has
// ended, which alone may remove packet tables, leaves one that lives to its
// work, and clears up by itself where there is none that can be had.
func TestWatch(t *testing.T) {
	for _, c := range []struct {
		what, state string // of the agent
		works       bool   // it clears up as soon as it is started
		starts      int
	}{
		{"never started", "created", false, 0},
		{"ended", "exited", true, 1},
		{"ends whenever it is started", "exited", false, revivals},
	} {
		t.Run(c.what, func(t *testing.T) {
			top, starts := t.TempDir(), 0
			d := twoRuns()
			d.refuse = 0
			d.containers[2].State = c.state
			d.start = func(d *fakeDaemon, id string) {
				starts++
				if id == "a" && c.works {
					mine := func(t thing) bool { return t.Labels[LabelRun] == "mine" }
					d.containers, d.networks = slices.DeleteFunc(d.containers, mine), slices.DeleteFunc(d.networks, mine)
				}
			}
			mustWatch(t, d, top)
			if got := strings.Join(d.ids(), " "); got != others || starts != c.starts {
				t.Errorf("left on the daemon: %q after %d starts, want only what belongs to others, %q, after %d", got, starts, others, c.starts)
			}
		})
	}
}

// mustWatch runs a watch of the run "mine" to its end.
func mustWatch(t *testing.T, d *fakeDaemon, top string) {
	t.Helper()
	dir := filepath.Join(top, "run")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l := listenUnix(t, filepath.Join(top, "docker.sock"))
	go http.Serve(l, d)
	r := Run{ID: "mine", Dir: dir, Docker: l.Addr().String(), API: "1.41"}
	if err := r.Watch(strings.NewReader("")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the run's folder: error %v, want that it does not exist", err)
	}
}

// An agent that the daemon is about to start again counts as one that lives.
func TestLives(t *testing.T) {
	for state, want := range map[string]bool{"created": false, "running": true, "restarting": true, "exited": false, "dead": false} {
		if got := (thing{State: state}).lives(); got != want {
			t.Errorf("%s lives: %v, want %v", state, got, want)
		}
	}
}
