package docker

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/docker/docker/api/types/network"

	"peerbed/harness/agent"
)

// shardNodes is how many nodes one bridge takes: a Linux bridge has 1023 ports,
// and takes no interface more ("exchange full").
const shardNodes = 1000

// shards is how many further bridges the nodes are spread over.
func (b *Backend) shards() int {
	if b.options.Nodes <= b.perBridge {
		return 0
	}
	return (b.options.Nodes + b.perBridge - 1) / b.perBridge
}

// connect makes the run's network: a bridge of its own name, without a route
// to anywhere, on which the host has no address. The bridges of a run that needs
// several are networks for the daemon too, though it puts no node there: so they
// are labelled and go like others, and it lets packets through them. The agent
// joins them.
func (b *Backend) connect(ctx context.Context) (err error) {
	b.subnet, err = b.makeNetwork(ctx, bitsFor(b.options.Nodes), b.networkOptions)
	for k := 0; err == nil && k < b.shards(); k++ {
		_, err = b.makeNetwork(ctx, shardBits, func(subnet netip.Prefix) (string, network.CreateOptions) { return b.shardOptions(k, subnet) })
	}
	return err
}

// makeNetwork makes a network on the first free subnet of this size. A call
// that makes it is seen to its end, even if ctx ends meanwhile: the daemon would
// go on, and make it after Close has looked for it.
func (b *Backend) makeNetwork(ctx context.Context, bits int, describe func(netip.Prefix) (string, network.CreateOptions)) (netip.Prefix, error) {
	taken := hostNetworks()
	for {
		known, err := b.engine.subnets(ctx)
		if err != nil {
			return netip.Prefix{}, err
		}
		subnet, err := freeSubnet(bits, append(known, taken...))
		if err != nil {
			return subnet, err
		}
		name, o := describe(subnet)
		err = call(context.WithoutCancel(ctx), func(ctx context.Context) error {
			_, err := b.engine.NetworkCreate(ctx, name, o)
			return err
		})
		if err == nil || !collides(err) {
			return subnet, err
		}
		taken = append(taken, subnet)
	}
}

// collides recognises that the daemon has, or another run just took, the
// subnet.
func collides(err error) bool {
	return strings.Contains(err.Error(), "overlap") || strings.Contains(err.Error(), "conflicts with network")
}

func (b *Backend) network() string { return "peerbed-" + b.id }

func (b *Backend) networkOptions(subnet netip.Prefix) (name string, o network.CreateOptions) {
	gateway := address(number(subnet.Addr()) + 1)
	return b.network(), network.CreateOptions{
		Driver:   "bridge",
		Internal: true,
		IPAM:     &network.IPAM{Config: []network.IPAMConfig{{Subnet: subnet.String(), Gateway: gateway.String()}}},
		Options: map[string]string{
			"com.docker.network.bridge.name":         agent.BridgeName(b.id),
			"com.docker.network.bridge.inhibit_ipv4": "true",
		},
		Labels: b.labels(""),
	}
}

// shardBits is the smallest subnet that the daemon gives to a bridge; nobody has
// an address in it.
const shardBits = 29

// shardOptions describes shard k. It is not internal, or the daemon would drop
// what is not of its subnet, as the nodes are not; the guard closes it.
func (b *Backend) shardOptions(k int, subnet netip.Prefix) (name string, o network.CreateOptions) {
	_, o = b.networkOptions(subnet)
	o.Internal = false
	o.Options["com.docker.network.bridge.name"] = agent.ShardName(b.id, k)
	o.Options["com.docker.network.bridge.enable_ip_masquerade"] = "false"
	return fmt.Sprint(b.network(), "-shard-", k), o
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
