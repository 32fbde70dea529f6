package backendtest_test

import (
	"os"
	"testing"

	"peerbed/harness/backendtest"
	"peerbed/harness/docker"
	"peerbed/harness/proc"
	"peerbed/harness/sim"
)

func TestWorlds(t *testing.T) {
	t.Run("sim", func(t *testing.T) { backendtest.Run(t, sim.Open) })
	t.Run("proc", func(t *testing.T) { backendtest.Run(t, proc.Open) })
	t.Run("docker", func(t *testing.T) { containers(t, "") })
	t.Run("docker-stream", func(t *testing.T) {
		if os.Getenv("PEERBED_SOAK") == "" {
			t.Skip("the same suite once more takes long: set PEERBED_SOAK=1, as make soak does")
		}
		containers(t, "off")
	})
}

// containers holds the world of containers to the promises, with the daemon's
// shared sockets switched on or off: without them all goes through the agent.
func containers(t *testing.T, sockets string) {
	t.Setenv(docker.SocketsVariable, sockets)
	if _, err := docker.Available(t.Context()); err != nil {
		backendtest.Lacks(t, err)
	}
	backendtest.Run(t, docker.Open)
}
