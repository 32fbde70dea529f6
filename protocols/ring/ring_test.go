package ring_test

import (
	"slices"
	"testing"

	"peerbed/protocols/p2p"
	"peerbed/protocols/ring"
)

// printf 10.0.0.1:7000 | sha1sum; printf song.mp3 | sha1sum
func TestHash(t *testing.T) {
	node, _ := p2p.ParseAddr("10.0.0.1:7000")
	for _, c := range []struct {
		m          ring.Bits
		node, song ring.ID
	}{
		{64, 0x2c49bceae3b0d01c, 0x059df856ab81b139},
		{32, 0x2c49bcea, 0x059df856},
		{8, 0x2c, 0x05},
		{7, 0x2c >> 1, 0x05 >> 1},
		{2, 0, 0},
	} {
		if got := c.m.Addr(node); got != c.node {
			t.Errorf("%d bits: node at %x, want %x", c.m, got, c.node)
		}
		if got := c.m.Hash("song.mp3"); got != c.song {
			t.Errorf("%d bits: song at %x, want %x", c.m, got, c.song)
		}
	}
}

// Between and UpTo against walking the circle point by point.
func TestArcs(t *testing.T) {
	const m = ring.Bits(4)
	for a := ring.ID(0); a <= m.Max(); a++ {
		for b := ring.ID(0); b <= m.Max(); b++ {
			inside := map[ring.ID]bool{}
			for x := m.Add(a, 1); x != b; x = m.Add(x, 1) {
				inside[x] = true
			}
			for x := ring.ID(0); x <= m.Max(); x++ {
				if got := m.Between(x, a, b); got != inside[x] {
					t.Errorf("Between(%d, %d, %d) = %v", x, a, b, got)
				}
				if got, want := m.UpTo(x, a, b), inside[x] || x == b || a == b; got != want {
					t.Errorf("UpTo(%d, %d, %d) = %v", x, a, b, got)
				}
			}
		}
	}
}

// On the full circle of 64 bits arithmetic wraps by itself.
func TestWideCircle(t *testing.T) {
	const m = ring.Bits(64)
	last := m.Max()
	if last != ^ring.ID(0) || m.Add(last, 1) != 0 || m.Distance(last, 0) != 1 || m.Power(last, 63) != last>>1 {
		t.Error("64 bits do not wrap")
	}
	if !m.Between(0, last, 1) || m.Between(last, last, 1) || m.Between(1, last, 1) || !m.UpTo(1, last, 1) {
		t.Error("arcs across 0 are wrong")
	}
}

func TestRow(t *testing.T) {
	const m = ring.Bits(7)
	for _, c := range []struct {
		a, b ring.ID
		want int
	}{{80, 80, -1}, {80, 81, 0}, {80, 96, 4}, {80, 112, 5}, {80, 16, 6}, {80, 79, 6}} {
		if got := m.Row(c.a, c.b); got != c.want {
			t.Errorf("Row(%d, %d) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct {
		m    ring.Bits
		x    ring.ID
		want string
	}{{7, 80, "80"}, {16, 65535, "65535"}, {17, 80, "00050"}, {64, 80, "0000000000000050"}} {
		if got := c.m.Text(c.x); got != c.want {
			t.Errorf("%d bits: %d is written %q, want %q", c.m, c.x, got, c.want)
		}
	}
}

// Every point of the lecture's ring has a port on every IP address.
func TestPort(t *testing.T) {
	const m = ring.Bits(7)
	for _, ip := range []uint32{127<<24 | 1, 10<<24 | 1, 10<<24 | 90<<16 | 3<<8 | 7} {
		for id := ring.ID(0); id <= m.Max(); id++ {
			port, ok := m.Port(ip, id)
			if a := p2p.MakeAddr(ip, port); !ok || port < 7000 || m.Addr(a) != id {
				t.Fatalf("Port(%x, %d) = %d, %v", ip, id, port, ok)
			}
		}
	}
	if port, ok := ring.Bits(64).Port(127<<24|1, 80); ok {
		t.Errorf("port %d has the id 80 of 64 bits: one in 3e14", port)
	}
}

func TestName(t *testing.T) {
	var names []string
	for id := ring.ID(0); id < 128; id++ {
		name := ring.Bits(7).Name("file", id)
		if ring.Bits(7).Hash(name) != id {
			t.Errorf("%q does not lie at %d", name, id)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	if n := len(slices.Compact(names)); n != 128 {
		t.Errorf("%d names for 128 points", n)
	}
}
