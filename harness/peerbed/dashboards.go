package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v3"

	"peerbed/dashboards"
	"peerbed/deploy"
	"peerbed/harness/docker"
)

// instead is what helps where no Grafana can be started.
const instead = `

What to do instead:
  an image that you have    peerbed dashboards -grafana IMAGE
  a Grafana that you have   peerbed dashboards -write DIR; in it add a data source of type Prometheus
                            with the address of peerbed serve, http://127.0.0.1:9090, then
                            import the files of DIR (Dashboards, New, Import)`

// dashboards is the command that shows the boards in a Grafana of its own.
func (s *shell) dashboards() *cli.Command {
	return &cli.Command{Name: "dashboards", Usage: "start Grafana with the boards, or write the boards for one that you have",
		Description: "Grafana, Prometheus and Pyroscope run in containers until Ctrl-C, as docker compose -f deploy/compose.yaml up would have it;\n" +
			"peerbed serve, in another terminal, gives Grafana the runs. Their images are fetched if they are not there:\n\n" +
			"    peerbed dashboards\n    peerbed dashboards -write boards",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "grafana", Usage: "the `image` of Grafana"},
			&cli.StringFlag{Name: "write", Usage: "start nothing: write the boards, for any Grafana to import, into this `folder`"},
		},
		Action: func(ctx context.Context, c *cli.Command) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			if dir := c.String("write"); dir != "" {
				return s.writeBoards(dir)
			}
			return s.showBoards(ctx, c.String("grafana"))
		}}
}

// writeBoards writes the files that Grafana imports.
func (s *shell) writeBoards(dir string) error {
	list, err := fs.Glob(dashboards.Files, "json/*.json")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, name := range list {
		text, err := dashboards.Files.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), text, 0o644); err != nil {
			return err
		}
	}
	fmt.Fprintf(s.out, "%d boards in %s; import runs.json first: it leads to the others\n", len(list), dir)
	return nil
}

// showBoards runs the services of deploy until ctx ends.
func (s *shell) showBoards(ctx context.Context, image string) error {
	list, err := deploy.Services()
	if err != nil {
		return err
	}
	var services []docker.Service
	for _, x := range list { // Grafana is the first
		if x.Name == "grafana" && image != "" {
			x.Image = image
		}
		services = append(services, docker.Service(x))
	}
	s.interrupted = "Grafana and what it needs are gone"
	say := func(format string, args ...any) { fmt.Fprintf(s.errs, format+"\n", args...) }
	err = docker.Serve(ctx, services, say, func(names []string) {
		fmt.Fprintf(s.out, "%s: http://127.0.0.1:3000 (Ctrl-C ends it)\nruns:  go run ./harness/peerbed serve, in another terminal\n", strings.Join(names, ", "))
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("no Grafana: %w%s", err, instead)
	}
	return nil
}
