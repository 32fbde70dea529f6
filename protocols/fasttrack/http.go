package fasttrack

import (
	"fmt"
	"strconv"
	"strings"

	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

// agent is how this node calls itself.
const agent = "peerbed/1"

const (
	greetsGive = "GIVE "
	byHash     = "/.hash="
)

// transfer is the codec of a stream on which files are fetched. Either side may be
// the one that asks.
type transfer struct {
	head bool  // HEAD was sent: the next Response has no Body
	left int64 // bytes of Body to come

	// The last message read.
	give     Give
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
	case *Give:
		return m.append(dst), p2p.Content{}, nil
	case *Response:
		return m.append(dst), p2p.Content{}, nil
	case *Body:
		return dst, m.Data, nil
	}
	return dst, p2p.Content{}, fmt.Errorf("fasttrack: no bytes for a %T in a transfer", m)
}

func (c *transfer) Next(src []byte, _ bool) (p2p.Msg, int, error) {
	switch {
	case len(src) == 0:
		return nil, 0, nil
	case c.left > 0:
		n := int(min(c.left, int64(len(src)), p2p.MaxContent))
		c.left -= int64(n)
		c.body.Data = p2p.View(src[:n])
		return &c.body, n, nil
	case src[0] == '\r' || src[0] == '\n': // some end GIVE with an empty line
		return nil, 1, nil
	case strings.HasPrefix(string(src[:min(len(src), len(greetsGive))]), greetsGive):
		return c.readGive(src)
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
	}
	c.get, err = parseGet(&h)
	return &c.get, n, err
}

const maxGive = 64 // bytes of the line

func (m *Give) append(dst []byte) []byte { return fmt.Appendf(dst, "%s%d\r\n", greetsGive, m.ID) }

func (c *transfer) readGive(src []byte) (p2p.Msg, int, error) {
	line, _, ok := strings.Cut(string(src[:min(len(src), maxGive)]), "\n")
	switch {
	case !ok && len(line) == maxGive:
		return nil, 0, fmt.Errorf("%w: %.20q; want GIVE <push id>", p2p.ErrMalformed, line)
	case !ok:
		return nil, 0, nil
	}
	id, err := strconv.ParseUint(strings.TrimSpace(strings.TrimPrefix(line, greetsGive)), 10, 32)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %.20q; want GIVE <push id>", p2p.ErrMalformed, line)
	}
	c.give.ID = uint32(id)
	return &c.give, len(line) + 1, nil
}

func (m *Get) append(dst []byte) []byte {
	method := "GET "
	if m.Head {
		method = "HEAD "
	}
	h := wire.Head{Line: method + byHash + m.Hash.String() + " HTTP/1.1", Fields: []wire.Field{{Name: "User-Agent", Value: agent}}}
	if m.Host != 0 {
		h.Fields = append(h.Fields, wire.Field{Name: "Host", Value: m.Host.String()})
	}
	for _, f := range []wire.Field{{Name: "X-Kazaa-Network", Value: m.Network}, {Name: "X-Kazaa-Username", Value: m.User}, {Name: "Range", Value: m.Range}} {
		if f.Value != "" {
			h.Fields = append(h.Fields, f)
		}
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

func parseGet(h *wire.Head) (Get, error) {
	method, target, version, err := wire.ParseRequest(h.Line)
	if err != nil {
		return Get{}, err
	}
	host, _ := p2p.ParseAddr(h.Get("Host")) // which may be anything
	m := Get{Head: method == "HEAD", Host: host, Network: h.Get("X-Kazaa-Network"), User: h.Get("X-Kazaa-Username"),
		Range: h.Get("Range"), Keep: keeps(h, version)}
	hex, ok := strings.CutPrefix(target, byHash)
	if !ok || m.Hash.UnmarshalText([]byte(hex)) != nil || !m.Head && method != "GET" {
		return Get{}, fmt.Errorf("%w: request %.60q; want GET /.hash=<40 hex digits>", p2p.ErrMalformed, h.Line)
	}
	return m, nil
}

var statuses = map[uint16]string{200: "OK", 206: "Partial Content", 404: "Not Found", 416: "Range Not Satisfiable", 503: "Service Unavailable"}

func (m *Response) append(dst []byte) []byte {
	reason, ok := statuses[m.Code]
	if !ok {
		reason = "Refused"
	}
	h := wire.Head{Line: fmt.Sprintf("HTTP/1.1 %03d %s", m.Code, reason), Fields: []wire.Field{
		{Name: "Server", Value: agent},
		{Name: "Content-Length", Value: strconv.FormatInt(m.Length, 10)},
	}}
	if m.Code == 206 {
		h.Fields = append(h.Fields, wire.Field{Name: "Content-Range", Value: wire.FormatContentRange(m.Off, m.Off+m.Length, m.Total)})
	}
	if m.Retry != 0 {
		h.Fields = append(h.Fields, wire.Field{Name: "Retry-After", Value: strconv.Itoa(int(m.Retry))})
	}
	if m.User != "" {
		h.Fields = append(h.Fields, wire.Field{Name: "X-Kazaa-Username", Value: m.User})
	}
	h.Fields = append(h.Fields, connection(m.Keep))
	return h.Append(dst)
}

// parseResponse wants a length: a body that ends where the stream ends cannot be
// told from one that was cut off. A 206 may say it in its Content-Range alone.
func parseResponse(h *wire.Head) (Response, error) {
	version, code, _, err := wire.ParseStatus(h.Line)
	if err != nil {
		return Response{}, err
	}
	m := Response{Code: uint16(code), User: h.Get("X-Kazaa-Username"), Keep: keeps(h, version)}
	if retry, err := strconv.ParseUint(h.Get("Retry-After"), 10, 16); err == nil {
		m.Retry = uint16(retry)
	}
	length := h.Get("Content-Length")
	if code == 206 {
		var end int64
		m.Off, end, m.Total, err = wire.ParseContentRange(h.Get("Content-Range"))
		if m.Length = end - m.Off; err != nil || length == "" {
			return m, err
		}
	} else if length == "" && code >= 400 {
		return m, nil
	}
	said, err := wire.ParseLength(length)
	if err == nil && code == 206 && said != m.Length {
		err = fmt.Errorf("%w: %d bytes for a range of %d", p2p.ErrMalformed, said, m.Length)
	}
	m.Length = said
	return m, err
}
