package napster_test

import (
	"fmt"
	"testing"

	"peerbed/protocols/napster"
	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
)

func TestConform(t *testing.T) { p2ptest.Conform(t, napster.Protocol) }

// Three servers that search together conform too.
func TestConformServers(t *testing.T) {
	p := *napster.Protocol
	p.Cast = napster.Servers(3)
	p2ptest.Conform(t, &p)
}

// show writes what matters of a message in a play.
func show(m p2p.Msg) string {
	switch m := m.(type) {
	case *napster.Text:
		return fmt.Sprintf("type %d %q", m.Code, m.Text)
	case *napster.Share:
		return m.Name
	case *napster.Search:
		return fmt.Sprintf("%q", m.Contains)
	case *napster.Ask:
		return fmt.Sprintf("%q", m.Contains)
	case *napster.Results:
		return fmt.Sprintf("%d hits", len(m.Hits))
	case *napster.Answer:
		return fmt.Sprintf("%d hits", len(m.Hits))
	case *napster.Request:
		return fmt.Sprintf("%s, push %v", m.Name, m.Push)
	case *napster.Granted:
		return fmt.Sprintf("%s, port %d, push %v", m.Name, m.Port, m.Push)
	case *napster.Relay:
		return fmt.Sprintf("type %d", m.Code)
	case *napster.Get:
		return fmt.Sprintf("%s from %d", m.Name, m.Offset)
	case *napster.Give:
		return fmt.Sprintf("%s, %d bytes", m.Name, m.Bytes)
	case *napster.Length:
		return fmt.Sprintf("%d bytes", m.Bytes)
	case *napster.Start:
		return fmt.Sprintf("from %d", m.Offset)
	case *napster.Data:
		return fmt.Sprintf("%d bytes", m.Data.Len)
	}
	return ""
}

func TestPlays(t *testing.T) {
	state := func(s p2p.State) string {
		d := s.Detail.(napster.Detail)
		return fmt.Sprintf("%s, neighbours %v, shares %v, %d files of %d users in the directory", d.Role, s.Neighbours, s.Stored, d.Files, len(d.Sessions))
	}
	p2ptest.Plays(t, p2ptest.Stage{Protocol: napster.Protocol, Settled: napster.Whole, Show: show, State: state})
}
