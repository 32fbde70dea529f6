// Package deploy holds what brings a Grafana with the boards up: compose.yaml
// for docker compose, and the files that its services are given. peerbed
// dashboards starts the same services from the same file.
//
// The Dockerfile beside it is of a node that is started by hand.
package deploy

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"peerbed/dashboards"
)

//go:embed compose.yaml prometheus.yaml grafana/*.yaml
var files embed.FS

// A Service is one program of compose.yaml.
type Service struct {
	Name        string
	Image       string
	Command     []string
	Env         map[string]string
	HostNetwork bool              // it listens on loopback of the machine itself
	Ports       []string          // else: "127.0.0.1:4040:4040"
	Files       map[string][]byte // by their path in the container
	Ready       string            // what answers 200 when it is up
}

// Services are those of compose.yaml, in the order of their names.
func Services() ([]Service, error) {
	text, err := files.ReadFile("compose.yaml")
	if err != nil {
		return nil, err
	}
	return parse(text)
}

// A service is as much of compose's form as compose.yaml uses; what else would
// be there is an error, since it would be missing here.
type service struct {
	Image       string
	NetworkMode string `yaml:"network_mode"`
	Command     []string
	Environment map[string]string
	Ports       []string
	Volumes     []string
	Labels      map[string]string
}

func parse(text []byte) ([]Service, error) {
	var c struct{ Services map[string]service }
	d := yaml.NewDecoder(strings.NewReader(string(text)))
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil {
		return nil, fmt.Errorf("compose.yaml: %w", err)
	}
	var all []Service
	for name, s := range c.Services {
		x := Service{Name: name, Image: s.Image, Command: s.Command, Env: s.Environment,
			HostNetwork: s.NetworkMode == "host", Ports: s.Ports, Files: map[string][]byte{}, Ready: s.Labels["peerbed.ready"]}
		for _, v := range s.Volumes {
			if err := x.mount(v); err != nil {
				return nil, fmt.Errorf("compose.yaml: %s: %w", name, err)
			}
		}
		all = append(all, x)
	}
	slices.SortFunc(all, func(a, b Service) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// mount puts the files of a volume, "./from:/to:ro", where the service has them.
func (s *Service) mount(volume string) error {
	parts := strings.Split(volume, ":")
	if len(parts) != 3 || parts[2] != "ro" {
		return fmt.Errorf("volume %q is not ./FROM:/TO:ro", volume)
	}
	from, to, tree := path.Join("deploy", parts[0]), parts[1], fs.FS(files)
	below, ours := strings.CutPrefix(from, "deploy/")
	if !ours {
		below, tree = strings.TrimPrefix(from, "dashboards/"), dashboards.Files
	}
	return fs.WalkDir(tree, below, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		s.Files[to+strings.TrimPrefix(name, below)], err = fs.ReadFile(tree, name)
		return err
	})
}
