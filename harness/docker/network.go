package docker

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/docker/docker/api/types/network"
)

// bridgePrefix begins the names of the runs' bridges; 8 letters of the run
// follow. An interface's name has at most 15.
const bridgePrefix = "pb"

// connect makes the run's network: a bridge of its own name, without a route
// to anywhere, on which the host has no address. A call that makes it is seen
// to its end, even if ctx ends meanwhile: the daemon would go on, and make it
// after Close has looked for it.
func (b *Backend) connect(ctx context.Context) error {
	taken := hostNetworks()
	for {
		known, err := b.engine.subnets(ctx)
		if err != nil {
			return err
		}
		if b.subnet, err = freeSubnet(append(known, taken...)); err != nil {
			return err
		}
		err = call(context.WithoutCancel(ctx), func(ctx context.Context) error {
			_, err := b.engine.NetworkCreate(ctx, b.network(), b.networkOptions())
			return err
		})
		if err == nil || !collides(err) {
			return err
		}
		taken = append(taken, b.subnet)
	}
}

// collides recognises that the daemon has, or another run just took, the
// subnet.
func collides(err error) bool {
	return strings.Contains(err.Error(), "overlap") || strings.Contains(err.Error(), "conflicts with network")
}

func (b *Backend) network() string { return "peerbed-" + b.id }
func (b *Backend) bridge() string  { return bridgePrefix + b.id }

func (b *Backend) networkOptions() network.CreateOptions {
	gateway := address(number(b.subnet.Addr()) + 1)
	return network.CreateOptions{
		Driver:   "bridge",
		Internal: true,
		IPAM:     &network.IPAM{Config: []network.IPAMConfig{{Subnet: b.subnet.String(), Gateway: gateway.String()}}},
		Options: map[string]string{
			"com.docker.network.bridge.name":         b.bridge(),
			"com.docker.network.bridge.inhibit_ipv4": "true",
		},
		Labels: b.labels(""),
	}
}

// subnets lists those of all of the daemon's networks.
func (e *engine) subnets(ctx context.Context) ([]netip.Prefix, error) {
	var list []netip.Prefix
	err := call(ctx, func(ctx context.Context) error {
		all, err := e.NetworkList(ctx, network.ListOptions{})
		for _, n := range all {
			for _, c := range n.IPAM.Config {
				if p, err := netip.ParsePrefix(c.Subnet); err == nil {
					list = append(list, p)
				}
			}
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot list networks: %w", err)
	}
	return list, nil
}
