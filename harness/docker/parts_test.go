package docker

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/protocols/chord"
	"peerbed/protocols/p2p"
)

// "A run that is alone always has the same addresses"; others get what is free.
func TestFreeSubnet(t *testing.T) {
	for _, c := range []struct {
		nodes int
		taken string
		want  string
	}{
		{2, "", "10.90.0.0/22"},
		{1000, "0.0.0.0/0 172.17.0.0/16", "10.90.0.0/22"}, // a default route takes nothing
		{1000, "10.90.0.0/22", "10.90.4.0/22"},
		{1000, "10.90.1.7/32 10.90.4.0/24", "10.90.8.0/22"},
		{1000, "10.88.0.0/13", "10.96.0.0/22"}, // 10.88 to 10.95
		{1000, "10.0.0.0/8", ""},
		{1001, "10.90.0.0/22", "10.90.8.0/21"},
		{maxNodes, "10.90.0.0/22", "10.90.128.0/17"},
		{maxNodes, "10.64.0.0/10", ""},
	} {
		var taken []netip.Prefix
		for _, p := range strings.Fields(c.taken) {
			taken = append(taken, netip.MustParsePrefix(p))
		}
		got, err := freeSubnet(bitsFor(c.nodes), taken)
		if c.want == "" {
			if !errors.Is(err, errNoSubnet) {
				t.Errorf("with %s taken: %v, error %v, want %v", c.taken, got, err, errNoSubnet)
			}
			continue
		}
		if err != nil || got.String() != c.want {
			t.Errorf("with %s taken: %v, error %v, want %s", c.taken, got, err, c.want)
		}
	}
}

// The table as the kernel writes it: a default route by 192.0.2.1, Docker's
// bridge, and a line that is none.
func TestRoutes(t *testing.T) {
	const table = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	0	00000000	0	0	0
docker0	000011AC	00000000	0001	0	0	0	0000FFFF	0	0	0
eth1	00005A0A	00000000	0001	0	0	0	00FCFFFF	0	0	0
broken	xx
`
	got := routes(strings.NewReader(table))
	want := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("172.17.0.0/16"), netip.MustParsePrefix("10.90.0.0/22")}
	if !slices.Equal(got, want) {
		t.Errorf("routes %v, want %v", got, want)
	}
}

// A node's flags are all of its Spec, the changed settings too.
func TestArguments(t *testing.T) {
	cfg, err := p2p.With(chord.Protocol.Config, "introducer=meet:7000")
	if err != nil {
		t.Fatal(err)
	}
	s := harness.Spec{Index: 3, Name: "chord-3", Protocol: chord.Protocol, Config: cfg, Seed: 7, State: &p2p.State{},
		Addr:  p2p.MakeAddr(number(netip.MustParseAddr("10.90.0.5")), 7000),
		Hosts: map[string]p2p.Addr{"meet": p2p.MakeAddr(1, 0), "a": p2p.MakeAddr(2, 0)}}
	got := strings.Join(arguments(s), " ")
	want := "-protocol chord -listen 10.90.0.5:7000 -share /data -seed 7 -control unix:/ctl/n.sock -wait" +
		" -hosts a=0.0.0.2,meet=0.0.0.1 -state /ctl/state.json -introducer=meet:7000"
	if got != want {
		t.Errorf("flags\n%s\nwant\n%s", got, want)
	}
}

// An image is named after its content, so the same programs must give the same
// bytes.
func TestLayer(t *testing.T) {
	a := binaries{[]byte("node"), []byte("agent")}
	if !bytes.Equal(layer(a), layer(a)) {
		t.Error("the same programs gave different layers")
	}
	if bytes.Equal(layer(a), layer(binaries{[]byte("nodE"), []byte("agent")})) {
		t.Error("different programs gave the same layer")
	}
}

// Time passes by itself; until, the caller's ctx and the end of the run stop
// the wait.
func TestAdvance(t *testing.T) {
	b := newBackend(harness.Options{})
	asked := 0
	if err := b.Advance(t.Context(), time.Hour, func() bool { asked++; return asked == 3 }); err != nil || asked != 3 {
		t.Errorf("until was asked %d times, error %v", asked, err)
	}
	if err := b.Advance(t.Context(), time.Millisecond, nil); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Advance(ctx, time.Hour, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	if err := b.Close(); err != nil {
		t.Errorf("Close of a run that never began: %v", err)
	}
	if err := b.Advance(t.Context(), time.Hour, nil); !errors.Is(err, p2p.ErrGone) {
		t.Errorf("after Close: error %v, want %v", err, p2p.ErrGone)
	}
}
