package docker

import (
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"

	"peerbed/harness"
)

// A service has no right that it does not need, its files, and the labels by
// which clean finds it.
func TestServiceRequest(t *testing.T) {
	d := desk{Backend: newBackend(harness.Options{Run: "services"})}
	r := d.serviceRequest(Service{Name: "grafana", Image: "grafana:1", HostNetwork: true, Ports: []string{"127.0.0.1:1:2"},
		Files: map[string][]byte{"/b": []byte("bee"), "/a": nil}})
	var h container.HostConfig
	r.HostConfigModifier(&h)
	if h.NetworkMode != "host" || !slices.Equal(h.CapDrop, []string{"ALL"}) || h.Privileged || len(h.CapAdd) > 0 {
		t.Errorf("it runs with %+v", h)
	}
	if len(r.Files) != 2 || r.Files[0].ContainerFilePath != "/a" || r.Files[1].ContainerFilePath != "/b" {
		t.Fatalf("files %+v", r.Files)
	}
	if b, err := io.ReadAll(r.Files[1].Reader); err != nil || string(b) != "bee" {
		t.Errorf("/b has %q, %v", b, err)
	}
	if r.Labels["peerbed"] != "1" || r.Labels["peerbed.run"] != d.id || !slices.Equal(r.ExposedPorts, []string{"127.0.0.1:1:2"}) {
		t.Errorf("labels %v, ports %v", r.Labels, r.ExposedPorts)
	}
}

// Who wants a port that another program has is told which.
func TestTakenPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + l.Addr().String() + "/ready"
	if err := free(address); err == nil || !strings.Contains(err.Error(), l.Addr().String()+" is taken") {
		t.Errorf("got %v, want that %v is taken", err, l.Addr())
	}
	l.Close()
	if err := free(address); err != nil {
		t.Errorf("nobody has it: %v", err)
	}
}
