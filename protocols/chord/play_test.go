package chord_test

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"peerbed/protocols/chord"
	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
	"peerbed/protocols/ring"
)

// In the plays a node's name is its id on the lecture's ring.
var stage = p2ptest.Stage{
	Protocol: chord.Protocol,
	Config:   chord.Lecture()[0].Config,
	Settled:  chord.Closed,
	Addr: func(name string, ip uint32) p2p.Addr {
		id, err := strconv.ParseUint(name, 10, 7)
		if err != nil {
			panic(fmt.Sprintf("node %q: want an id below 128", name))
		}
		port, _ := ring.Bits(7).Port(ip, ring.ID(id))
		return p2p.MakeAddr(ip, port)
	},
	Show: func(m p2p.Msg) string {
		text := fmt.Sprintf("%+v", reflect.ValueOf(m).Elem())
		return strings.Join(strings.Fields(machines.ReplaceAllString(text, " ")), " ")
	},
	State: func(s p2p.State) string {
		d := s.Detail.(chord.Detail)
		line := table(s.Self, d)
		for i, p := range d.Points {
			line += fmt.Sprintf("; point %d at %d: %s", i+1, p.ID, table(s.Self.At(i+1), p))
		}
		if len(s.Stored) > 0 {
			line += ", stores " + strings.Join(s.Stored, " ")
		}
		return line
	},
}

func table(self p2p.Addr, d chord.Detail) string {
	pred := "none"
	if d.Predecessor != 0 {
		pred = d.Predecessor.String()
	}
	return fmt.Sprintf("predecessor %s, successors %v, fingers %v", pred, d.Successors, d.Table(self))
}

func TestPlays(t *testing.T) { p2ptest.Plays(t, stage) }

// machines matches what only machines need to see of a message.
var machines = regexp.MustCompile(`Tag:{ID:\d+}|Holder:0\.0\.0\.0:0|Nonce:\d+|(From|To):0|Sum:\[[^]]*\]|Not:\[\]|\b[a-z]+:{|[{}]`)
