package pastry_test

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
	"peerbed/protocols/pastry"
	"peerbed/protocols/ring"
)

// In the plays a node's name is its id on the lecture's circle, in bits.
var stage = p2ptest.Stage{
	Protocol: pastry.Protocol,
	Config:   pastry.Lecture()[0].Config,
	Settled:  pastry.Exact,
	Addr: func(name string, ip uint32) p2p.Addr {
		id, err := strconv.ParseUint(name, 2, 11)
		if err != nil {
			panic(fmt.Sprintf("node %q: want an id of 11 bits", name))
		}
		port, _ := lectureBits.Port(ip, ring.ID(id))
		return p2p.MakeAddr(ip, port)
	},
	Show: func(m p2p.Msg) string {
		text := fmt.Sprintf("%+v", reflect.ValueOf(m).Elem())
		return strings.Join(strings.Fields(machines.ReplaceAllString(text, " ")), " ")
	},
	State: func(s p2p.State) string {
		d := s.Detail.(pastry.Detail)
		line := fmt.Sprintf("leaves %v %v, rows", d.Smaller, d.Larger)
		for _, s := range d.Table {
			line += fmt.Sprintf(" %d:%v", s.Row, s.Node)
		}
		if !d.Ready {
			line += ", not ready"
		}
		if len(s.Stored) > 0 {
			line += ", stores " + strings.Join(s.Stored, " ")
		}
		return line
	},
}

func TestPlays(t *testing.T) { p2ptest.Plays(t, stage) }

// machines matches what only machines need to see of a message.
var machines = regexp.MustCompile(`Tag:{ID:\d+}|Nonce:\d+|Sum:\[[^]]*\]|Version:\d+|\b[a-z]+:{|[{}]`)
