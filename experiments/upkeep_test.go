package experiments

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"peerbed/protocols/chord"
	"peerbed/protocols/p2p"
)

// upkeepPerCore is how many real nodes of Chord one processor keeps up with its
// own times between rounds, and has three quarters of itself left: a node then
// takes about 1 % of one, most of it in the kernel.
const upkeepPerCore = 25

// upkeep returns the settings that give n real nodes longer times between
// rounds, where there are more than this machine's processors keep up. Chord
// repairs a finger by a lookup, so its upkeep grows with the network; Gnutella's
// does not. Virtual time costs nothing.
func upkeep(p *p2p.Protocol) func(world string, nodes int) []string {
	return func(world string, nodes int) []string {
		if p != chord.Protocol || world == "sim" {
			return nil
		}
		return slower(p, float64(nodes)/float64(upkeepPerCore*runtime.NumCPU()))
	}
}

// slower multiplies the times between rounds; factors up to 1 change nothing.
func slower(p *p2p.Protocol, factor float64) []string {
	var changes []string
	for _, s := range p2p.Settings(p2p.Pointer(p.Config)) {
		d, err := time.ParseDuration(s.String())
		if err != nil || factor <= 1 || !slices.Contains([]string{"stabilize", "fix-fingers", "check-predecessor", "repair"}, s.Name) {
			continue
		}
		d = time.Duration(float64(d) * factor).Round(time.Millisecond)
		changes = append(changes, fmt.Sprintf("%s=%v", s.Name, d))
	}
	return changes
}

// A few nodes keep their times, and many have longer ones.
func TestSlower(t *testing.T) {
	if got := slower(chord.Protocol, 0.5); got != nil {
		t.Errorf("few nodes: %q, want no change", got)
	}
	want := []string{"stabilize=3s", "fix-fingers=3s", "check-predecessor=6s", "repair=6s"}
	if got := slower(chord.Protocol, 6); !slices.Equal(got, want) {
		t.Errorf("six times as many: %q, want %q", got, want)
	}
}
