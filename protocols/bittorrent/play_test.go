package bittorrent_test

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"peerbed/protocols/bittorrent"
	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
)

func TestPlays(t *testing.T) {
	p2ptest.Plays(t, p2ptest.Stage{
		Protocol: bittorrent.Protocol,
		Settled:  bittorrent.Joined,
		Show: func(m p2p.Msg) string {
			text := fmt.Sprintf("%+v", reflect.ValueOf(m).Elem())
			return strings.Join(strings.Fields(machines.ReplaceAllString(text, "")), " ")
		},
		State: func(s p2p.State) string {
			d := s.Detail.(bittorrent.Detail)
			var parts []string
			for _, t := range d.Torrents {
				parts = append(parts, fmt.Sprintf("%s: %d of %d bytes are missing, pieces %s", t.Name, t.Left, t.Len, t.Held))
				for _, p := range t.Peers {
					parts = append(parts, fmt.Sprintf("%v received %d, sent %d", p.Addr, p.Received, p.Sent))
				}
			}
			return strings.Join(parts, "; ")
		},
	})
}

// machines matches what only machines need to see of a message.
var machines = regexp.MustCompile(`(Hash|ID|Key|Meta|Reserved):(\[[^]]*\]|[0-9a-f]+)|Data:\{[^}]*\}|[{}]`)
