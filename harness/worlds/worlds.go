// Package worlds makes the worlds known to package harness by their names, and
// chooses one where nobody asks for any: docker if a daemon answers, and proc
// otherwise. It is a package of its own so that harness drags in no Docker:
//
//	import _ "peerbed/harness/worlds"
package worlds

import (
	"context"
	"runtime"
	"strings"

	"peerbed/harness"
	"peerbed/harness/docker"
	"peerbed/harness/proc"
	"peerbed/harness/sim"
)

func init() {
	harness.Register("sim", sim.Open)
	harness.Register("proc", proc.Open)
	harness.Register("docker", docker.Open)
	harness.Prefer(prefer)
	harness.Present(present)
}

func present(ctx context.Context) []string {
	list := []string{"sim"}
	if runtime.GOOS != "windows" {
		list = append(list, "proc")
	}
	if _, err := docker.Available(ctx); err == nil {
		list = append(list, "docker")
	}
	return list
}

// prefer takes the most real world that is to be had.
func prefer(ctx context.Context) (world, why string) {
	version, err := docker.Available(ctx)
	switch {
	case err == nil:
		return "docker", "Engine " + version + " answers"
	case runtime.GOOS == "windows":
		return "sim", "no Docker, and nodes as processes need Linux or macOS"
	}
	why, _, _ = strings.Cut(err.Error(), ";") // what would help is for those who ask for docker
	return "proc", why
}
