package docker

import (
	"context"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/google/nftables"
	"github.com/testcontainers/testcontainers-go"

	"peerbed/harness"
	"peerbed/harness/agent"
	"peerbed/harness/backendtest"
)

const prober = "peerbed/harness/docker/testdata/prober"

// "the agent's guard drops what would pass between it and the host": a node
// reaches its like and neither this machine nor another network, whatever it
// tries, also where nodes are on several bridges. The same attempts succeed from
// an ordinary network.
func TestGuard(t *testing.T) {
	t.Parallel()
	b := openShards(t, 2, harness.Options{Run: "guard", Nodes: 3}, prober)
	heard, host, port := hostService(t)
	outside := ordinaryNetwork(t, b)
	away := b.prober(t, outside, "", "serve", "7001")
	awayIP := b.addressOf(t, away)
	b.prober(t, b.network(), ip(b, 0), "serve", "7001")

	targets := []string{"tcp:" + ip(b, 0) + ":7001", "tcp:" + host + ":" + port, "tcp:" + awayIP + ":7001",
		"tcp:" + gateway(b) + ":" + port, "direct:" + host + ":" + port}
	inside := b.probe(t, b.network(), ip(b, 1), targets)
	if want := "yes no no no no"; inside != want {
		t.Errorf("a node reached %v: %s, want %s", targets, inside, want)
	}
	if n := heard.Load(); n != 0 {
		t.Errorf("%d datagrams of a node came to the host, want none", n)
	}
	if os.Getuid() == 0 {
		unguard(t, b)
		b.probe(t, b.network(), ip(b, 2), targets[4:])
		if heard.Load() == 0 {
			t.Error("without the guard no datagram came to the host either: the probe proves nothing")
		}
	}
	free := b.probe(t, outside, "", targets[1:3])
	if want := "yes yes"; free != want {
		t.Errorf("from an ordinary network %v: %s, want %s, or the probes prove nothing", targets[1:3], free, want)
	}
}

// unguard deletes the guard's table, as nobody but root can.
func unguard(t *testing.T, b *Backend) {
	t.Helper()
	c := new(nftables.Conn)
	c.DelTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: agent.TableName(b.id)})
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
}

func ip(b *Backend, i int) string { return address(b.IP(i)).String() }
func gateway(b *Backend) string   { return address(number(b.subnet.Addr()) + 1).String() }

// hostService listens on this machine by TCP and UDP at one port, and counts
// the datagrams, which it answers.
func hostService(t *testing.T) (heard *atomic.Int32, host, port string) {
	t.Helper()
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	_, port, _ = net.SplitHostPort(l.Addr().String())
	u, err := net.ListenPacket("udp", ":"+port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { u.Close() })
	heard = new(atomic.Int32)
	go func() {
		for buf := make([]byte, 100); ; heard.Add(1) {
			n, from, err := u.ReadFrom(buf)
			if err != nil {
				return
			}
			u.WriteTo(buf[:n], from)
		}
	}()
	return heard, ownAddress(t), port
}

// ownAddress returns an address of this machine that is not loopback.
func ownAddress(t *testing.T) string {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			return n.IP.String()
		}
	}
	backendtest.Lacks(t, "this machine has no address but loopback")
	return ""
}

// ordinaryNetwork makes a network as Docker makes them, with the label of the
// run, which so removes it.
func ordinaryNetwork(t *testing.T, b *Backend) string {
	t.Helper()
	name := "peerbed-" + b.id + "-outside"
	taken, err := b.engine.subnets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	free, err := freeSubnet(24, append(taken, hostNetworks()...))
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.engine.NetworkCreate(t.Context(), name, network.CreateOptions{Driver: "bridge", Labels: b.labels(""),
		IPAM: &network.IPAM{Config: []network.IPAMConfig{{Subnet: free.String()}}}})
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// prober starts one and returns the id of its container.
func (b *Backend) prober(t *testing.T, net, ip string, args ...string) string {
	t.Helper()
	return b.stranger(t, b.engine.lockDown, net, ip, args...)
}

// stranger starts a prober that is restrained like this.
func (b *Backend) stranger(t *testing.T, restrain func(*container.HostConfig), net, ip string, args ...string) string {
	t.Helper()
	id, err := b.engine.create(t.Context(), testcontainers.ContainerRequest{
		Image: b.image, Entrypoint: []string{"/node"}, Cmd: args, Labels: b.labels(agent.RoleNode),
		ConfigModifier: func(c *container.Config) { c.User = "65534:65534" },
		HostConfigModifier: func(h *container.HostConfig) {
			restrain(h)
			h.NetworkMode = container.NetworkMode(net)
		},
		EndpointSettingsModifier: func(e map[string]*network.EndpointSettings) {
			if ip != "" {
				e[net] = &network.EndpointSettings{IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: ip}}
			}
		},
	})
	if err == nil {
		err = b.engine.start(t.Context(), id)
	}
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// probe runs a prober to its end and returns its answers, "yes no ...".
func (b *Backend) probe(t *testing.T, net, ip string, targets []string) string {
	t.Helper()
	return b.answers(t, b.prober(t, net, ip, targets...))
}

// answers waits for a prober's end and returns what it has found.
func (b *Backend) answers(t *testing.T, id string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	over, errs := b.engine.ContainerWait(ctx, id, container.WaitConditionNotRunning)
	select {
	case <-over:
	case err := <-errs:
		t.Fatal(err)
	}
	var answers []string
	for _, line := range strings.Split(b.engine.lastWords(ctx, id), " | ") {
		answers = append(answers, line[strings.LastIndex(line, " ")+1:])
	}
	return strings.Join(answers, " ")
}

func (b *Backend) addressOf(t *testing.T, id string) string {
	t.Helper()
	c, err := b.engine.ContainerInspect(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range c.NetworkSettings.Networks {
		return n.IPAddress
	}
	t.Fatalf("container %s is on no network", id)
	return ""
}
