package deploy

import (
	"encoding/json"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// What compose.yaml says is what a person who opens Grafana needs: boards, a
// home, data sources, and nobody from outside.
func TestServices(t *testing.T) {
	all, err := Services()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	ports := map[string]bool{"9090": true} // of peerbed serve
	for _, s := range all {
		names = append(names, s.Name)
		ready, err := url.Parse(s.Ready)
		if err != nil || ready.Hostname() != "127.0.0.1" || ports[ready.Port()] {
			t.Errorf("%s is ready at %q: want loopback, and a port that nobody has", s.Name, s.Ready)
		}
		ports[ready.Port()] = true
		if !strings.Contains(s.Image, ":") || strings.HasSuffix(s.Image, ":latest") {
			t.Errorf("%s: the image %q has no version", s.Name, s.Image)
		}
		for _, p := range s.Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("%s opens %s to everybody", s.Name, p)
			}
		}
		listens := strings.Join(s.Command, " ") + s.Env["GF_SERVER_HTTP_ADDR"]
		if s.HostNetwork && !strings.Contains(listens, "127.0.0.1") {
			t.Errorf("%s does not listen on loopback alone", s.Name)
		}
	}
	if want := []string{"grafana", "prometheus", "pyroscope"}; !slices.Equal(names, want) {
		t.Errorf("services %v, want %v", names, want)
	}
}

// Grafana is given files in which each refers to the other: the provider's
// folder has the boards, and one of them is the home.
func TestProvisioning(t *testing.T) {
	all, err := Services()
	if err != nil {
		t.Fatal(err)
	}
	g := all[0]
	var provider struct {
		Providers []struct{ Options struct{ Path string } }
	}
	read(t, g.Files["/etc/grafana/provisioning/dashboards/peerbed.yaml"], &provider)
	folder, boards := provider.Providers[0].Options.Path, 0
	for name, content := range g.Files {
		if strings.HasPrefix(name, folder+"/") {
			boards++
			var d struct{ UID, Title string }
			if err := json.Unmarshal(content, &d); err != nil || d.UID == "" || d.Title == "" {
				t.Errorf("%s is no board: %v", name, err)
			}
		}
	}
	if home := g.Env["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]; boards < 14 || g.Files[home] == nil {
		t.Errorf("%d boards in %s; the home is %q", boards, folder, home)
	}
	var sources struct {
		Datasources []struct{ Name, UID, Type, URL string }
	}
	read(t, g.Files["/etc/grafana/provisioning/datasources/peerbed.yaml"], &sources)
	at := map[string]bool{"http://127.0.0.1:9090": true} // peerbed serve
	for _, s := range all {
		ready, _ := url.Parse(s.Ready)
		at["http://"+ready.Host] = true
	}
	for _, s := range sources.Datasources {
		if s.UID == "" || !at[s.URL] {
			t.Errorf("data source %s asks %s, where nobody is", s.Name, s.URL)
		}
	}
	if len(sources.Datasources) != 3 {
		t.Errorf("%d data sources, want 3", len(sources.Datasources))
	}
}

func read(t *testing.T, text []byte, into any) {
	t.Helper()
	if err := yaml.Unmarshal(text, into); err != nil || len(text) == 0 {
		t.Fatalf("%d bytes of YAML: %v", len(text), err)
	}
}

// What peerbed dashboards would not understand, it does not pass over.
func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"services: {a: {image: x, privileged: true}}":     "privileged",
		"services: {a: {image: x, volumes: [\"/x:/y\"]}}": "is not ./FROM:/TO:ro",
		"services: {a: {volumes: [\"./none:/y:ro\"]}}":    "none",
		"services: [": "compose.yaml",
		"services: {a: {volumes: [\"../secret:/y:ro\"]}}": "secret",
		"services: {a: {volumes: [\"../../etc:/y:ro\"]}}": "etc",
		"services: {a: {volumes: [\"/etc/x:/y:ro\"]}}":    "etc",
	} {
		if _, err := parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", text, err, want)
		}
	}
}

// Docker's own program takes the file, where there is one.
func TestCompose(t *testing.T) {
	command := []string{"docker-compose"}
	if _, err := exec.LookPath(command[0]); err != nil {
		command = []string{"docker", "compose"}
		if exec.Command("docker", "compose", "version").Run() != nil {
			t.Skip("neither docker-compose nor docker compose is installed: apt-get install docker-compose")
		}
	}
	out, err := exec.Command(command[0], append(command[1:], "-f", "compose.yaml", "config", "--services")...).CombinedOutput()
	list := strings.Fields(string(out))
	slices.Sort(list)
	if err != nil || !slices.Equal(list, []string{"grafana", "prometheus", "pyroscope"}) {
		t.Errorf("%v: %s", err, out)
	}
}
