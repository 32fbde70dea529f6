package bittorrent

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

// agent is how this client calls itself; idPrefix the same in a peer's ID
// (BEP 20).
const (
	agent    = "peerbed/1"
	idPrefix = "-PB0001-"
)

const (
	maxBody   = maxMeta + 4<<10
	maxPeers  = 200 // addresses in one answer
	maxName   = 255
	maxReason = 200
)

// Where a tracker of ours is asked for torrents by name.
const (
	announcePath = "/announce"
	findPath     = "/find"
	torrentPath  = "/torrent"
)

// tracking is the codec of a stream between a peer and a tracker: HTTP, in both
// directions. It keeps no state.
type tracking struct{}

func newTracking() p2p.Codec { return tracking{} }

func (tracking) Append(dst []byte, m p2p.Msg) ([]byte, p2p.Content, error) {
	if w, ok := m.(interface{ append([]byte) []byte }); ok && m.Kind() >= kindAnnounce && m.Kind() <= kindRefused {
		return w.append(dst), p2p.Content{}, nil
	}
	return dst, p2p.Content{}, fmt.Errorf("bittorrent: no bytes for a %T to a tracker", m)
}

var events = [...]string{Periodic: "", Completed: "completed", Started: "started", Stopped: "stopped"}

func (m *Announce) append(dst []byte) []byte {
	path := m.Path
	mark := "?"
	if strings.Contains(path, "?") {
		mark = "&"
	}
	target := path + mark + "info_hash=" + escape(m.Hash[:]) + "&peer_id=" + escape(m.ID[:]) +
		fmt.Sprintf("&port=%d&uploaded=%d&downloaded=%d&left=%d&compact=1", m.Port, m.Uploaded, m.Downloaded, m.Left)
	if m.Want >= 0 {
		target += fmt.Sprintf("&numwant=%d", m.Want)
	}
	if m.Event != Periodic {
		target += "&event=" + events[m.Event]
	}
	return request(dst, "GET "+target, m.Host, nil)
}

func request(dst []byte, what, host string, body []byte) []byte {
	h := wire.Head{Line: what + " HTTP/1.1", Fields: []wire.Field{
		{Name: "Host", Value: host}, {Name: "User-Agent", Value: agent}, {Name: "Connection", Value: "close"}}}
	if body != nil {
		h.Fields = append(h.Fields, wire.Field{Name: "Content-Length", Value: strconv.Itoa(len(body))})
	}
	return append(h.Append(dst), body...)
}

func respond(dst []byte, status string, body []byte) []byte {
	h := wire.Head{Line: "HTTP/1.1 " + status, Fields: []wire.Field{
		{Name: "Content-Type", Value: "text/plain"}, {Name: "Connection", Value: "close"},
		{Name: "Content-Length", Value: strconv.Itoa(len(body))}}}
	return append(h.Append(dst), body...)
}

func (m *Wanted) append(dst []byte) []byte {
	path := findPath
	if m.Meta {
		path = torrentPath
	}
	return request(dst, "GET "+path+"?name="+escape([]byte(m.Name)), "tracker", nil)
}

func (m *Offer) append(dst []byte) []byte {
	return request(dst, "PUT "+torrentPath+"?name="+escape([]byte(m.Name)), "tracker", append([]byte{}, m.Meta...))
}

func (m *Announced) append(dst []byte) []byte {
	b := []byte{'d'}
	if m.Failure != "" {
		b = appendText(appendText(b, "failure reason"), m.Failure)
		return respond(dst, "200 OK", append(b, 'e'))
	}
	b = appendInteger(appendText(b, "complete"), int64(m.Complete))
	b = appendInteger(appendText(b, "incomplete"), int64(m.Incomplete))
	b = appendInteger(appendText(b, "interval"), int64(m.Interval/time.Second))
	b = appendText(appendText(b, "peers"), compact(m.Peers))
	return respond(dst, "200 OK", append(b, 'e'))
}

func (m *Given) append(dst []byte) []byte {
	b := appendText(appendText([]byte{'d'}, "info_hash"), m.Hash[:])
	b = appendText(appendText(b, "seeds"), compact(m.Seeds))
	b = appendText(appendText(b, "torrent"), m.Meta)
	return respond(dst, "200 OK", append(b, 'e'))
}

func (m *Refused) append(dst []byte) []byte {
	return respond(dst, fmt.Sprintf("%03d Refused", m.Code), nil)
}

func (tracking) Next(src []byte, eof bool) (p2p.Msg, int, error) {
	h, n, err := wire.ParseHead(src)
	if n == 0 || err != nil {
		return nil, 0, err
	}
	size := int64(0)
	switch v := h.Get("Content-Length"); {
	case v != "":
		if size, err = wire.ParseLength(v); err != nil {
			return nil, 0, err
		}
	case strings.HasPrefix(h.Line, "HTTP/"): // up to the end of the stream
		if size = int64(len(src) - n); !eof && size <= maxBody {
			return nil, 0, nil
		}
	}
	if size > maxBody {
		return nil, 0, malformed("a body of %d bytes, over %d", size, maxBody)
	}
	if int64(len(src)-n) < size {
		return nil, 0, nil
	}
	body := src[n : n+int(size)]
	m, err := parseHTTP(&h, body)
	return m, n + int(size), err
}

func parseHTTP(h *wire.Head, body []byte) (p2p.Msg, error) {
	if !strings.HasPrefix(h.Line, "HTTP/") {
		return parseRequest(h, body)
	}
	_, code, _, err := wire.ParseStatus(h.Line)
	switch {
	case err != nil:
		return nil, err
	case code != 200:
		return &Refused{uint16(code)}, nil
	}
	v, err := parse(body)
	if err == nil && !v.isDict() {
		err = malformed("an answer of a tracker that is no dictionary")
	}
	if err != nil {
		return nil, err
	}
	if seeds, ok := v.get("seeds").bytes(); ok {
		m := &Given{Seeds: parseCompact(seeds, maxPeers)}
		hash, _ := v.get("info_hash").bytes()
		copy(m.Hash[:], hash)
		m.Meta, _ = v.get("torrent").bytes()
		return m, nil
	}
	return parseAnnounced(v), nil
}

func parseAnnounced(v value) *Announced {
	reason := v.get("failure reason").text()
	m := &Announced{
		Failure:    reason[:min(len(reason), maxReason)],
		Complete:   uint32(v.get("complete").number(0, 1<<32-1)),
		Incomplete: uint32(v.get("incomplete").number(0, 1<<32-1)),
		Interval:   time.Duration(v.get("interval").number(0, 1<<20)) * time.Second,
	}
	peers := v.get("peers")
	if b, ok := peers.bytes(); ok {
		m.Peers = parseCompact(b, maxPeers)
		return m
	}
	peers.each(func(p value) bool { // as before BEP 23
		a, err := p2p.ParseAddr(p.get("ip").text() + ":" + strconv.FormatInt(p.get("port").number(0, 1<<16-1), 10))
		if err == nil && a.Port() != 0 {
			m.Peers = append(m.Peers, a)
		}
		return len(m.Peers) < maxPeers
	})
	return m
}

func parseRequest(h *wire.Head, body []byte) (p2p.Msg, error) {
	method, target, _, err := wire.ParseRequest(h.Line)
	if err != nil {
		return nil, err
	}
	path, query, _ := strings.Cut(target, "?")
	name := param(query, "name")
	switch {
	case len(name) > maxName:
	case method == "GET" && path == announcePath:
		return parseAnnounce(query, h.Get("Host"))
	case method == "GET" && path == findPath:
		return &Wanted{Name: name}, nil
	case method == "GET" && path == torrentPath:
		return &Wanted{Name: name, Meta: true}, nil
	case method == "PUT" && path == torrentPath:
		return &Offer{Name: name, Meta: body}, nil
	}
	return nil, malformed("request %.60q", h.Line)
}

func parseAnnounce(query, host string) (*Announce, error) {
	m := &Announce{Want: -1, Host: host, Path: announcePath}
	hash, id := param(query, "info_hash"), param(query, "peer_id")
	port, err := strconv.ParseUint(param(query, "port"), 10, 16)
	if len(hash) != len(m.Hash) || len(id) != len(m.ID) || err != nil {
		return nil, malformed("announce %.80q", query)
	}
	copy(m.Hash[:], hash)
	copy(m.ID[:], id)
	m.Port = uint16(port)
	for _, n := range []struct {
		to   *int64
		name string
	}{{&m.Uploaded, "uploaded"}, {&m.Downloaded, "downloaded"}, {&m.Left, "left"}} {
		if *n.to, err = wire.ParseLength(param(query, n.name)); err != nil {
			*n.to = 0 // some clients leave one out
		}
	}
	if want, err := strconv.ParseInt(param(query, "numwant"), 10, 32); err == nil && want >= 0 {
		m.Want = int32(want)
	}
	for e, text := range events {
		if e > 0 && param(query, "event") == text {
			m.Event = Event(e)
		}
	}
	return m, nil
}

// param returns the value of one parameter of a query, unescaped.
func param(query, name string) string {
	for query != "" {
		var one string
		one, query, _ = strings.Cut(query, "&")
		if v, ok := strings.CutPrefix(one, name+"="); ok {
			return unescape(v)
		}
	}
	return ""
}

const hexDigits = "0123456789ABCDEF"

// escape writes all but letters, digits and -._~ as %xx.
func escape(s []byte) string {
	b := make([]byte, 0, 3*len(s))
	for _, c := range s {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~", c) >= 0:
			b = append(b, c)
		default:
			b = append(b, '%', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return string(b)
}

// unescape undoes escape, and + for a space; a percent sign without hex digits
// stands for itself.
func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+':
			b = append(b, ' ')
		case c == '%' && i+2 < len(s):
			if v, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b = append(b, byte(v))
				i += 2
				continue
			}
			fallthrough
		default:
			b = append(b, c)
		}
	}
	return string(b)
}
