package worlds_test

import (
	"bytes"
	"strings"
	"testing"

	"peerbed/harness"
	_ "peerbed/harness/worlds"
	"peerbed/protocols/chord"
)

func TestAllWorldsAreKnown(t *testing.T) {
	_, err := harness.Open(t.Context(), harness.Settings{Protocol: chord.Protocol, Nodes: 1, World: "moon"})
	if want := `no world "moon"; there are docker, proc, sim`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}

// "Without a flag docker is used when a daemon answers and proc otherwise, and
// the first line of a run says which world it is and why."
func TestProcWhereNoDaemonAnswers(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
	t.Setenv("PEERBED_BACKEND", "")
	var out bytes.Buffer
	c, err := harness.Open(t.Context(), harness.Settings{Protocol: chord.Protocol, Nodes: 1, Out: &out})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	line, _, _ := strings.Cut(out.String(), "\n")
	if c.About().World != "proc" || !strings.HasPrefix(line, "peerbed: proc (no Docker daemon answers at unix:///nonexistent/docker.sock), 1 nodes of chord, seed 1") {
		t.Errorf("the world is %s, the first line %q", c.About().World, line)
	}
}
