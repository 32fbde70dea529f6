package napster

import (
	"bytes"
	"math"

	"peerbed/protocols/p2p"
)

// What servers say to one another, in frames of types that clients do not use.

// between reads such a frame.
func (c *frames) between(code uint16, f *fields) p2p.Msg {
	switch code {
	case codeHello:
		c.hello = Hello{f.addr()}
		return &c.hello
	case codeMember:
		c.member = Member{Nick: f.text("nick"), Addr: f.addr(), Build: f.port("port"), Line: f.line(), Client: f.text("client"), Gone: f.flag()}
		return &c.member
	case codeAsk:
		c.ask.ID = f.uint32("number")
		c.ask.Search.parse(f)
		return &c.ask
	case codeAnswer:
		c.answer.parse(f)
		return &c.answer
	}
	c.relay = Relay{From: f.text("nick"), To: f.text("nick"), Code: f.port("type")}
	f.skip()
	c.relay.Data, f.b = string(f.b), nil
	return &c.relay
}

// addr reads an address as a client's is told: a number, and a port.
func (f *fields) addr() p2p.Addr {
	ip := swap(f.uint32("address"))
	return p2p.MakeAddr(ip, f.port("port"))
}

func (f *fields) flag() bool { return f.number("flag", 1) == 1 }

func appendAddr(b []byte, a p2p.Addr) []byte {
	return appendNumber(appendIP(b, a.IP()), uint64(a.Port()))
}

func appendFlag(b []byte, set bool) []byte {
	if set {
		return append(b, " 1"...)
	}
	return append(b, " 0"...)
}

func (m *Hello) append(dst []byte) []byte {
	return frame(dst, codeHello, func(b []byte) []byte { return appendAddr(b, m.Addr) })
}

func (m *Member) append(dst []byte) []byte {
	return frame(dst, codeMember, func(b []byte) []byte {
		b = appendNumber(appendAddr(appendWord(b, m.Nick), m.Addr), uint64(m.Build))
		b = appendQuoted(append(appendNumber(b, uint64(m.Line)), ' '), m.Client)
		return appendFlag(b, m.Gone)
	})
}

func (m *Ask) append(dst []byte) []byte {
	return frame(dst, codeAsk, func(b []byte) []byte { return m.Search.data(append(appendNumber(b, uint64(m.ID)), ' ')) })
}

// append writes a line per hit.
func (m *Answer) append(dst []byte) []byte {
	return frame(dst, codeAnswer, func(b []byte) []byte {
		b = appendFlag(appendFlag(appendNumber(b, uint64(m.ID)), m.End), m.Resume)
		for i := range m.Hits {
			b = m.Hits[i].append(append(b, '\n'))
		}
		return b
	})
}

// parse counts before it takes memory: a hit takes 18 bytes at least.
func (m *Answer) parse(f *fields) {
	lines := bytes.Count(f.b, []byte{'\n'})
	first, rest, _ := bytes.Cut(f.b, []byte{'\n'})
	f.b = first
	*m = Answer{ID: uint32(f.number("number", math.MaxUint32))}
	m.End, m.Resume = f.flag(), f.flag()
	m.Hits = make([]Hit, 0, min(lines, len(rest)/18))
	for len(rest) > 0 && f.bad == "" {
		f.b, rest, _ = bytes.Cut(rest, []byte{'\n'})
		var h Hit
		if h.parse(f); f.bad == "" {
			m.Hits = append(m.Hits, h)
		}
	}
	f.b = nil
}

func (m *Relay) append(dst []byte) []byte {
	return frame(dst, codeRelay, func(b []byte) []byte {
		b = appendWord(append(appendWord(b, m.From), ' '), m.To)
		return append(append(appendNumber(b, uint64(m.Code)), ' '), m.Data...)
	})
}
