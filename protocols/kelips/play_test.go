package kelips_test

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"peerbed/protocols/kelips"
	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
	"peerbed/protocols/ring"
)

// The plays have 13 groups, so that PennyLane.mp3 hashes to the last of them,
// k-1, as the lecture draws it.
const playGroups = 13

// In the plays a node's name is the number of its group and a letter.
var stage = p2ptest.Stage{
	Protocol: kelips.Protocol,
	Config:   playConfig(),
	Settled:  kelips.Whole,
	Addr: func(name string, ip uint32) p2p.Addr {
		group, err := strconv.Atoi(strings.TrimRight(name, "abcdefgh"))
		if err != nil {
			panic(fmt.Sprintf("node %q: want the number of a group and a letter", name))
		}
		for port := uint16(7000); ; port++ {
			if a := p2p.MakeAddr(ip, port); groupOf(a, playGroups) == group {
				return a
			}
		}
	},
	Show: func(m p2p.Msg) string {
		text := fmt.Sprintf("%+v", reflect.ValueOf(m).Elem())
		return strings.Join(strings.Fields(machines.ReplaceAllString(text, " ")), " ")
	},
	State: func(s p2p.State) string {
		d := s.Detail.(kelips.Detail)
		line := fmt.Sprintf("group %d: %v, contacts %v", d.Group, d.Members, d.Contacts)
		for _, t := range d.Tuples {
			line += fmt.Sprintf(", <%s, %v>", t.Name, t.Home)
		}
		if len(s.Stored) > 0 {
			line += ", stores " + strings.Join(s.Stored, " ")
		}
		return line
	},
}

func playConfig() kelips.Config {
	cfg := p2p.Default[kelips.Config]()
	cfg.Groups = playGroups
	return cfg
}

// groupOf works a node's group out as doc.go says that it is.
func groupOf(a p2p.Addr, k int) int { return int(ring.Bits(64).Addr(a) % ring.ID(k)) }

// machines matches what only machines need to see of a message.
var machines = regexp.MustCompile(`Tag:{ID:\d+}|item:|Sum:\[[^]]*\]|(Homes|Named|News|Rumours):\[\]|Groups:13|[{}]`)

func TestPlays(t *testing.T) { p2ptest.Plays(t, stage) }

func TestPennyLaneHashesToTheLastGroup(t *testing.T) {
	if g := int(ring.Bits(64).Hash("PennyLane.mp3") % playGroups); g != playGroups-1 {
		t.Errorf("PennyLane.mp3 hashes to group %d of %d", g, playGroups)
	}
}
