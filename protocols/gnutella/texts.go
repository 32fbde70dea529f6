package gnutella

import (
	"fmt"
	"strconv"
	"strings"

	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

// What is said of every status of a handshake.
var reasons = map[uint16]string{200: "OK", 204: "Shielded leaf", 302: "Redirected", 403: "Ultrapeer wanted", 409: "Already connected", 503: "Full"}

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
	add("X-Ultrapeer-Needed", f.Needed)
	if f.Degree > 0 {
		add("X-Degree", strconv.Itoa(int(f.Degree)))
	}
	for _, o := range f.offers() {
		if *o.on {
			add(o.name, o.value)
		}
	}
	tries := "X-Try"
	if f.Ultrapeer != "" {
		tries = "X-Try-Ultrapeers"
	}
	try := make([]string, min(len(f.Try), maxTry))
	for i := range try {
		try[i] = f.Try[i].String()
	}
	add(tries, strings.Join(try, ","))
	return l
}

// An offer is a field that is there or not.
type offer struct {
	name, value string
	on          *bool
}

func (f *Fields) offers() []offer {
	return []offer{
		{"X-Dynamic-Querying", "0.1", &f.Dynamic},
		{"X-Query-Routing", "0.1", &f.Routing},
		{"Bye-Packet", "0.1", &f.Bye},
		{"Accept-Encoding", "deflate", &f.Inflates},
		{"Content-Encoding", "deflate", &f.Deflates},
	}
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
	f.Ultrapeer, f.Needed = parseTruth(h.Get("X-Ultrapeer")), parseTruth(h.Get("X-Ultrapeer-Needed"))
	if n, err := strconv.ParseUint(h.Get("X-Degree"), 10, 16); err == nil {
		f.Degree = uint16(n)
	}
	for _, o := range f.offers() {
		v := h.Get(o.name)
		*o.on = v != "" && (o.value != "deflate" || strings.Contains(strings.ToLower(v), o.value))
	}
	for _, name := range []string{"X-Try", "X-Try-Ultrapeers"} {
		f.Try = append(f.Try, parseTry(h.Get(name))...)
	}
	return f
}

// parseTruth reads "True" or "False", whatever the case; "" stays.
func parseTruth(v string) string {
	switch {
	case v == "":
		return ""
	case strings.EqualFold(v, "true"):
		return "True"
	}
	return "False"
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
