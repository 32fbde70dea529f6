package gnutella

import (
	"fmt"
	"strings"

	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

// What is said of every status of a handshake.
var reasons = map[uint16]string{200: "OK", 409: "Already connected", 503: "Full"}

const maxTry = 20 // addresses in one X-Try

func (m *Connect) append(dst []byte) []byte {
	if m.Minor < 6 {
		return append(dst, "GNUTELLA CONNECT/0.4\n\n"...)
	}
	h := wire.Head{Line: "GNUTELLA CONNECT/0.6", Fields: m.list()}
	return h.Append(dst)
}

func (m *Answer) append(dst []byte) []byte {
	if m.Minor < 6 { // in which there is no other answer
		return append(dst, "GNUTELLA OK\n\n"...)
	}
	reason, ok := reasons[m.Code]
	if !ok {
		reason = "Refused"
	}
	h := wire.Head{Line: fmt.Sprintf("GNUTELLA/0.6 %03d %s", m.Code, reason), Fields: m.list()}
	return h.Append(dst)
}

func (f *Fields) list() []wire.Field {
	var l []wire.Field
	add := func(name, value string) {
		if value != "" {
			l = append(l, wire.Field{Name: name, Value: value})
		}
	}
	if f.Node != 0 {
		add("Node", f.Node.String())
	}
	if f.Remote != 0 {
		ip, _, _ := strings.Cut(p2p.MakeAddr(f.Remote, 0).String(), ":")
		add("Remote-IP", ip)
	}
	add("User-Agent", f.Agent)
	add("X-Ultrapeer", f.Ultrapeer)
	try := make([]string, min(len(f.Try), maxTry))
	for i := range try {
		try[i] = f.Try[i].String()
	}
	add("X-Try", strings.Join(try, ","))
	return l
}

// minor reads the digit after "0." of a version; later ones are spoken to in
// 0.6.
func minor(s string) uint8 {
	if s == "4" {
		return 4
	}
	return 6
}

func parseAnswer(h *wire.Head) (Answer, error) {
	if h.Line == "GNUTELLA OK" {
		return Answer{Minor: 4, Code: 200}, nil
	}
	version, code, _, err := wire.ParseStatus(h.Line)
	if err != nil || !strings.HasPrefix(version, "GNUTELLA/0.") {
		return Answer{}, fmt.Errorf("%w: handshake %.40q", p2p.ErrMalformed, h.Line)
	}
	return Answer{Minor: 6, Code: uint16(code), Fields: parseFields(h)}, nil
}

// parseFields takes what it understands; a field with a value that makes no
// sense is skipped like one that is not known.
func parseFields(h *wire.Head) Fields {
	var f Fields
	for _, name := range []string{"X-My-Address", "Listen-IP", "Node"} {
		if a, err := p2p.ParseAddr(h.Get(name)); err == nil {
			f.Node = a
		}
	}
	if a, err := p2p.ParseAddr(h.Get("Remote-IP") + ":0"); err == nil {
		f.Remote = a.IP()
	}
	f.Agent = h.Get("User-Agent")
	if v := h.Get("X-Ultrapeer"); v != "" {
		f.Ultrapeer = "False"
		if strings.EqualFold(v, "true") {
			f.Ultrapeer = "True"
		}
	}
	for _, name := range []string{"X-Try", "X-Try-Ultrapeers"} {
		f.Try = append(f.Try, parseTry(h.Get(name))...)
	}
	return f
}

// parseTry reads "ip:port,ip:port"; some clients add a time after a space.
func parseTry(list string) []p2p.Addr {
	var try []p2p.Addr
	for part := range strings.SplitSeq(list, ",") {
		fields := strings.Fields(part)
		if len(fields) == 0 || len(try) == maxTry {
			continue
		}
		if a, err := p2p.ParseAddr(fields[0]); err == nil {
			try = append(try, a)
		}
	}
	return try
}
