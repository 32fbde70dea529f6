package backendtest_test

import (
	"flag"
	"os"
	"testing"

	"peerbed/harness/backendtest"
	"peerbed/harness/docker"
	"peerbed/harness/proc"
	"peerbed/harness/sim"
)

// TestMain lets all worlds wait side by side, unless -parallel says otherwise.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		f.Value.Set("8")
	}
	os.Exit(m.Run())
}

func TestWorlds(t *testing.T) {
	t.Run("docker-stream", func(t *testing.T) {
		if os.Getenv("PEERBED_SOAK") == "" {
			t.Skip("the same suite once more takes long: set PEERBED_SOAK=1, as make soak does")
		}
		defer os.Unsetenv(docker.SocketsVariable) // after its parts, which t.Setenv would keep from running side by side
		os.Setenv(docker.SocketsVariable, "off")
		t.Run("parts", containers)
	})
	for world, run := range map[string]func(*testing.T){
		"sim":    func(t *testing.T) { backendtest.Run(t, sim.Open) },
		"proc":   func(t *testing.T) { backendtest.Run(t, proc.Open) },
		"docker": containers,
	} {
		t.Run(world, func(t *testing.T) {
			t.Parallel()
			run(t)
		})
	}
}

// containers holds the world of containers to the promises, with the daemon's
// shared sockets switched on or off: without them all goes through the agent.
func containers(t *testing.T) {
	if _, err := docker.Available(t.Context()); err != nil {
		backendtest.Lacks(t, err)
	}
	backendtest.Run(t, docker.Open)
}
