//go:build linux

// Command agentd is the agent's process. harness/docker compiles it, puts it
// into the image that the nodes have too, and starts it; see harness/agent.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"peerbed/harness/agent"
)

func main() {
	r := agent.Run{Docker: agent.SocketPath}
	flag.StringVar(&r.ID, "run", "", "id of the run")
	flag.StringVar(&r.API, "api", "", "version of the Docker API")
	job := flag.String("job", "", "a `job`, as JSON: do it without a run, and print what was found")
	flag.BoolVar(&r.Hold, "hold", false, "await the harness and the nodes at sockets in the run's folder")
	relay := flag.Bool("relay", false, "carry stdin and stdout to and from the agent of this container")
	dial := flag.String("dial", "", "carry stdin and stdout to and from an `address` that can be reached from here: network, a space, host:port")
	watch := flag.String("watch", "", "the run's `folder` on this machine: clear up when stdin ends and no agent does")
	flag.StringVar(&r.Docker, "docker", r.Docker, "the daemon's socket")
	flag.Parse()
	if *job != "" {
		end(agent.Do(*job, os.Stdout))
	}
	if *dial != "" {
		end(agent.Dial(*dial, os.Stdin, os.Stdout))
	}
	if *watch != "" {
		r.Dir = *watch
		end(r.Watch(os.Stdin))
	}
	r.Dir = filepath.Join(agent.RunsPath, r.ID)
	r.Socket = filepath.Join(r.Dir, agent.HarnessEnd)
	if *relay {
		end(r.Relay(os.Stdin, os.Stdout))
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	end(r.Serve(ctx))
}

// end is the end of this process.
func end(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "agentd:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
