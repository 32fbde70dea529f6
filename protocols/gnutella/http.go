package gnutella

import (
	"fmt"
	"strconv"
	"strings"

	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

// agent is how this servent calls itself: vendor code and version.
const agent = "peerbed/1"

// transfer is the codec of a stream on which files are fetched. Either side
// may be the one that asks.
type transfer struct {
	head bool  // HEAD was sent: the next Response has no Body
	left int64 // bytes of Body to come

	// The last message read.
	giv      Giv
	relay    Relay
	get      Get
	response Response
	body     Body
}

func newTransfer() p2p.Codec { return &transfer{} }

func (c *transfer) Append(dst []byte, m p2p.Msg) ([]byte, p2p.Content, error) {
	switch m := m.(type) {
	case *Get:
		c.head = m.Head
		return m.append(dst), p2p.Content{}, nil
	case interface{ append([]byte) []byte }:
		return m.append(dst), p2p.Content{}, nil
	case *Body:
		return dst, m.Data, nil
	}
	return dst, p2p.Content{}, fmt.Errorf("gnutella: no bytes for a %T in a transfer", m)
}

func (c *transfer) Next(src []byte, eof bool) (p2p.Msg, int, error) {
	if c.left > 0 {
		n := int(min(c.left, int64(len(src)), p2p.MaxContent))
		if n == 0 {
			return nil, 0, nil
		}
		c.left -= int64(n)
		c.body.Data = p2p.View(src[:n])
		return &c.body, n, nil
	}
	h, n, err := wire.ParseHead(src)
	switch {
	case n == 0 || err != nil:
		return nil, 0, err
	case strings.HasPrefix(h.Line, "HTTP"):
		c.response, err = parseResponse(&h)
		if !c.head {
			c.left = c.response.Length
		}
		c.head = false
		return &c.response, n, err
	case strings.HasPrefix(h.Line, greetsGiv):
		c.giv, err = parseGiv(h.Line)
		return &c.giv, n, err
	case strings.HasPrefix(h.Line, greetsRelay):
		c.relay, err = parseRelay(h.Line)
		return &c.relay, n, err
	}
	c.get, err = parseGet(&h)
	return &c.get, n, err
}

const (
	byIndex = "/get/"
	byURN   = "/uri-res/N2R?"
)

func (m *Get) append(dst []byte) []byte {
	method, target := "GET ", byURN+m.URN
	if m.Head {
		method = "HEAD "
	}
	if m.URN == "" {
		target = byIndex + strconv.FormatUint(uint64(m.Index), 10) + "/" + escape(m.Name)
	}
	h := wire.Head{Line: method + target + " HTTP/1.1", Fields: []wire.Field{{Name: "User-Agent", Value: agent}}}
	if m.Host != 0 {
		h.Fields = append(h.Fields, wire.Field{Name: "Host", Value: m.Host.String()})
	}
	if m.Range != "" {
		h.Fields = append(h.Fields, wire.Field{Name: "Range", Value: m.Range})
	}
	h.Fields = append(h.Fields, connection(m.Keep))
	return h.Append(dst)
}

func connection(keep bool) wire.Field {
	if keep {
		return wire.Field{Name: "Connection", Value: "Keep-Alive"}
	}
	return wire.Field{Name: "Connection", Value: "close"}
}

// keeps reports whether the sender of h keeps its stream open.
func keeps(h *wire.Head, version string) bool {
	switch strings.ToLower(h.Get("Connection")) {
	case "keep-alive":
		return true
	case "close":
		return false
	}
	return version == "HTTP/1.1"
}

// parseGet takes the request in the forms of the era: of version 0.4 with a
// slash after the name, spaces in the name as they are or escaped.
func parseGet(h *wire.Head) (Get, error) {
	method, target, version, err := wire.ParseRequest(h.Line)
	if err != nil {
		return Get{}, err
	}
	host, _ := p2p.ParseAddr(h.Get("Host")) // which may be anything
	m := Get{Head: method == "HEAD", Host: host, Range: h.Get("Range"), Keep: keeps(h, version)}
	if urn, ok := strings.CutPrefix(target, byURN); ok && urn != "" && (m.Head || method == "GET") {
		m.URN = urn
		return m, nil
	}
	path, ok := strings.CutPrefix(target, byIndex)
	digits, name, slash := strings.Cut(path, "/")
	index, err := strconv.ParseUint(digits, 10, 32)
	if !ok || !slash || err != nil || !m.Head && method != "GET" {
		return Get{}, fmt.Errorf("%w: request %.40q; want GET /get/<index>/<name> or GET /uri-res/N2R?<urn>", p2p.ErrMalformed, h.Line)
	}
	m.Index, m.Name = uint32(index), unescape(strings.TrimSuffix(name, "/"))
	return m, nil
}

var statuses = map[uint16]string{200: "OK", 206: "Partial Content", 404: "Not Found", 416: "Range Not Satisfiable", 503: "Busy"}

func (m *Response) append(dst []byte) []byte {
	reason, ok := statuses[m.Code]
	if !ok {
		reason = "Refused"
	}
	h := wire.Head{Line: fmt.Sprintf("HTTP/1.1 %03d %s", m.Code, reason), Fields: []wire.Field{
		{Name: "Server", Value: agent},
		{Name: "Content-Type", Value: "application/binary"},
		{Name: "Content-Length", Value: strconv.FormatInt(m.Length, 10)},
	}}
	if m.Code == 206 {
		h.Fields = append(h.Fields, wire.Field{Name: "Content-Range", Value: wire.FormatContentRange(m.Off, m.Off+m.Length, m.Total)})
	}
	if m.URN != "" {
		h.Fields = append(h.Fields, wire.Field{Name: "X-Gnutella-Content-URN", Value: m.URN})
	}
	h.Fields = append(h.Fields, connection(m.Keep))
	return h.Append(dst)
}

// parseResponse wants a Content-Length: a body that ends where the stream ends
// cannot be told from one that was cut off.
func parseResponse(h *wire.Head) (Response, error) {
	version, code, _, err := wire.ParseStatus(h.Line)
	if err != nil {
		return Response{}, err
	}
	m := Response{Code: uint16(code), URN: h.Get("X-Gnutella-Content-URN"), Keep: keeps(h, version)}
	if length := h.Get("Content-Length"); length != "" || code < 400 {
		if m.Length, err = wire.ParseLength(length); err != nil {
			return Response{}, err
		}
	}
	if code == 206 {
		var end int64
		m.Off, end, m.Total, err = wire.ParseContentRange(h.Get("Content-Range"))
		if err == nil && end-m.Off != m.Length {
			err = fmt.Errorf("%w: %d bytes for a range of %d", p2p.ErrMalformed, m.Length, end-m.Off)
		}
	}
	return m, err
}

// escape writes all but letters, digits and -._~ as %xx.
func escape(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// unescape undoes escape; a percent sign that no hex digits follow stands for
// itself, as in the names of clients that do not escape.
func unescape(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b = append(b, byte(v))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}
