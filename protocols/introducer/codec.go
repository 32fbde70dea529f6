package introducer

import (
	"fmt"
	"strconv"
	"strings"

	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

// maxBody bounds an answer: 40 addresses of at most 22 bytes fit.
const maxBody = 1 << 10

// A codec reads and writes this language's HTTP; it keeps no state.
type codec struct{}

// Accept recognises a request to an introducer.
func Accept(firstBytes []byte) (p2p.Codec, error) {
	for _, start := range []string{"GET /peer", "PUT /join"} {
		start = start[:min(len(start), 8)]
		n := min(len(firstBytes), len(start))
		if string(firstBytes[:n]) != start[:n] {
			continue
		}
		if n < len(start) {
			return nil, nil
		}
		return codec{}, nil
	}
	return nil, fmt.Errorf("%w: an introducer speaks HTTP: GET /peers, PUT /joined", p2p.ErrMalformed)
}

func size(m p2p.Msg) int {
	b, _, err := codec{}.Append(make([]byte, 0, 256), m)
	if err != nil {
		panic(err)
	}
	return len(b)
}

func (codec) Append(dst []byte, m p2p.Msg) ([]byte, p2p.Content, error) {
	switch m := m.(type) {
	case *who:
		return request(dst, "GET /peers", m.Self), p2p.Content{}, nil
	case *joined:
		return request(dst, "PUT /joined", m.Self), p2p.Content{}, nil
	case *noted:
		return response(dst, "200 OK", "noted\n"), p2p.Content{}, nil
	case *list:
		switch m.Status {
		case first:
			return response(dst, "204 No Content", ""), p2p.Content{}, nil
		case wait:
			return response(dst, "503 Service Unavailable", ""), p2p.Content{}, nil
		}
		return response(dst, "200 OK", formatList(m.Addrs)), p2p.Content{}, nil
	}
	return dst, p2p.Content{}, fmt.Errorf("introducer: cannot send a %T", m)
}

func request(dst []byte, what string, self p2p.Addr) []byte {
	if self != 0 {
		what += "?self=" + self.String()
	}
	h := wire.Head{Line: what + " HTTP/1.1", Fields: []wire.Field{{Name: "Host", Value: "introducer"}}}
	return h.Append(dst)
}

func response(dst []byte, status, body string) []byte {
	h := wire.Head{Line: "HTTP/1.1 " + status}
	if body != "" {
		h.Fields = append(h.Fields, wire.Field{Name: "Content-Type", Value: "text/plain"})
	}
	if !strings.HasPrefix(status, "204") { // which has no body, and so no length
		h.Fields = append(h.Fields, wire.Field{Name: "Content-Length", Value: strconv.Itoa(len(body))})
	}
	return append(h.Append(dst), body...)
}

func (codec) Next(src []byte, eof bool) (p2p.Msg, int, error) {
	h, n, err := wire.ParseHead(src)
	if n == 0 || err != nil {
		return nil, 0, err
	}
	if !strings.HasPrefix(h.Line, "HTTP/") {
		m, err := parseRequest(h.Line)
		return m, n, err
	}
	length := int64(0)
	if v := h.Get("Content-Length"); v != "" {
		if length, err = wire.ParseLength(v); err != nil {
			return nil, 0, err
		}
	}
	if length > maxBody {
		return nil, 0, fmt.Errorf("%w: answer of %d bytes", p2p.ErrMalformed, length)
	}
	if len(src) < n+int(length) {
		return nil, 0, nil
	}
	m, err := parseResponse(h.Line, string(src[n:n+int(length)]))
	return m, n + int(length), err
}

func parseRequest(line string) (p2p.Msg, error) {
	method, target, _, err := wire.ParseRequest(line)
	if err != nil {
		return nil, err
	}
	path, query, _ := strings.Cut(target, "?")
	var self p2p.Addr
	if text, ok := strings.CutPrefix(query, "self="); ok {
		if self, err = p2p.ParseAddr(text); err != nil {
			return nil, fmt.Errorf("%w: self: %w", p2p.ErrMalformed, err)
		}
	}
	switch {
	case method == "GET" && path == "/peers":
		return &who{self}, nil
	case method == "PUT" && path == "/joined" && self != 0:
		return &joined{self}, nil
	}
	return nil, fmt.Errorf("%w: request %.60q", p2p.ErrMalformed, line)
}

func parseResponse(line, body string) (p2p.Msg, error) {
	_, code, _, err := wire.ParseStatus(line)
	switch {
	case err != nil:
		return nil, err
	case code == 204:
		return &list{Status: first}, nil
	case code == 503:
		return &list{Status: wait}, nil
	case code == 200 && body == "noted\n":
		return &noted{}, nil
	case code == 200:
		m, err := parseList(body)
		if err != nil {
			return nil, err
		}
		return m, nil
	}
	return nil, fmt.Errorf("%w: %.60q", p2p.ErrMalformed, line)
}

func formatList(addrs []p2p.Addr) string {
	var b strings.Builder
	for _, a := range addrs {
		b.WriteString(a.String() + "\n")
	}
	return b.String()
}

func parseList(body string) (*list, error) {
	m := &list{}
	for line := range strings.Lines(body) {
		a, err := p2p.ParseAddr(strings.TrimRight(line, "\r\n"))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", p2p.ErrMalformed, err)
		}
		m.Addrs = append(m.Addrs, a)
	}
	return m, nil
}
