package fasttrack_test

import (
	"fmt"
	"strings"
	"testing"

	"peerbed/protocols/fasttrack"
	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
)

func TestConform(t *testing.T) { p2ptest.Conform(t, fasttrack.Protocol) }

// A network whose roles are fixed conforms too.
func TestConformTiers(t *testing.T) {
	p := *fasttrack.Protocol
	p.Cast = fasttrack.Tiers(3)
	p2ptest.Conform(t, &p)
}

// show writes what matters of a message in a play.
func show(m p2p.Msg) string {
	switch m := m.(type) {
	case *fasttrack.Supernodes:
		list := ""
		for _, s := range m.List {
			list += fmt.Sprintf(" %v", s.Addr)
		}
		return strings.TrimSpace(list)
	case *fasttrack.Network:
		return m.Name
	case *fasttrack.Share:
		return fmt.Sprintf("%q", m.Tags.Raw[2:])
	case *fasttrack.Unshare:
		return fmt.Sprintf("%q", m.Tags.Raw[2:])
	case *fasttrack.Search:
		return fmt.Sprintf("%q", m.Terms[0].Text)
	case *fasttrack.Query:
		return fmt.Sprintf("TTL %d hops %d %q", m.TTL, m.Hops, m.Terms[0].Text)
	case *fasttrack.Results:
		return fmt.Sprintf("%d of %v, child of %v", len(m.List), m.List[0].Addr, m.Supernode)
	case *fasttrack.Hits:
		return fmt.Sprintf("%d of %v, hops %d", len(m.List), m.List[0].Addr, m.Hops)
	case *fasttrack.Link:
		return fmt.Sprintf("reputation %d", m.Reputation)
	case *fasttrack.Standing:
		return fmt.Sprintf("reputation %d", m.Reputation)
	case *fasttrack.Push:
		return fmt.Sprintf("dial %v", m.To)
	case *fasttrack.PushWanted:
		return fmt.Sprintf("%v dial %v", m.Who, m.To)
	case *fasttrack.Get:
		return m.Range
	case *fasttrack.Response:
		return fmt.Sprintf("%d, %d bytes from %d", m.Code, m.Length, m.Off)
	case *fasttrack.Body:
		return fmt.Sprintf("%d bytes", m.Data.Len)
	}
	return ""
}

func TestPlays(t *testing.T) {
	p2ptest.Plays(t, p2ptest.Stage{Protocol: fasttrack.Protocol, Settled: fasttrack.Whole, Show: show, State: func(s p2p.State) string {
		d := s.Detail.(fasttrack.Detail)
		text := fmt.Sprintf("%s, reputation %d, shares %v", d.Role, d.Reputation, s.Stored)
		if d.Parent != 0 {
			text += fmt.Sprintf(", child of %v", d.Parent)
		}
		for _, c := range d.Children {
			text += fmt.Sprintf(", %v with %d files", c.Addr, c.Files)
		}
		for _, l := range d.Links {
			text += fmt.Sprintf(", link to %v", l.Addr)
		}
		return text
	}})
}
