package bittorrent

import (
	"crypto/sha1"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"peerbed/protocols/p2p"
)

// The names of a Fetch that say all themselves: a magnet link, and a .torrent
// file as a data URL (RFC 2397).
const (
	magnetPrefix = "magnet:?"
	dataPrefix   = "data:application/x-bittorrent;base64,"
)

// parseMagnet reads magnet:?xt=urn:btih:HASH&dn=NAME&tr=URL (BEP 9).
func parseMagnet(link string) (*Metainfo, error) {
	m := &Metainfo{PieceLen: blockLen}
	query := strings.TrimPrefix(link, magnetPrefix)
	text := strings.TrimPrefix(param(query, "xt"), "urn:btih:")
	switch len(text) {
	case 40:
		if err := m.Hash.UnmarshalText([]byte(text)); err != nil {
			return nil, malformed("magnet link: %v", err)
		}
	case 32:
		b, err := base32.StdEncoding.DecodeString(strings.ToUpper(text))
		if err != nil {
			return nil, malformed("magnet link: %v", err)
		}
		copy(m.Hash[:], b)
	default:
		return nil, malformed("a magnet link without xt=urn:btih: and a hash")
	}
	m.Name = m.Hash.String()
	for _, one := range strings.Split(query, "&") {
		if u, ok := strings.CutPrefix(one, "tr="); ok && len(m.Trackers) < maxTrackers {
			m.Trackers = append(m.Trackers, []string{unescape(u)})
		}
	}
	return m, nil
}

// fetchLink fetches what a magnet link names.
func (c *client) fetchLink(link string, done func(p2p.Result)) {
	meta, err := parseMagnet(link)
	if err != nil {
		done(p2p.Result{Err: err})
		return
	}
	t := c.byHash(meta.Hash)
	if t == nil {
		t = c.add(meta)
		t.hollow = true
	}
	t.await(p2p.Result{}, done)
}

// fetchTorrent fetches what a .torrent file describes.
func (c *client) fetchTorrent(url string, done func(p2p.Result)) {
	b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(url, dataPrefix))
	var meta *Metainfo
	if err == nil {
		meta, err = ParseMetainfo(b)
	}
	if err != nil {
		done(p2p.Result{Err: fmt.Errorf("the torrent: %w", err)})
		return
	}
	c.download(meta, p2p.Result{}, done)
}

// An inquiry is the fetching of an info dictionary, of which only the hash is
// known, from one neighbour (BEP 9).
type inquiry struct {
	from  *peer
	info  []byte
	size  int
	since time.Duration
}

// inquiryPatience is how long a neighbour has for 16 KiB of it.
const inquiryPatience = 10 * time.Second

// inquire asks a neighbour for the info dictionary, if nobody is asked yet.
func (t *torrent) inquire() {
	now := t.c.env.Now()
	if q := t.inquiry; q != nil && slices.Contains(t.peers, q.from) && now-q.since < inquiryPatience {
		return
	} else if q != nil {
		q.from.infoLen = 0 // it had its chance
		t.inquiry = nil
	}
	for _, p := range t.peers {
		if p.metaTo != 0 && p.infoLen > 0 {
			t.inquiry = &inquiry{from: p, size: p.infoLen}
			t.inquireOn()
			return
		}
	}
}

func (t *torrent) inquireOn() {
	q := t.inquiry
	q.since = t.c.env.Now()
	p2p.Send(t.c.env, q.from.link, Metadata{To: q.from.metaTo, Type: metadataRequest, Piece: uint32(len(q.info) / blockLen)})
}

// informed hears a part of the info dictionary, or that there is none.
func (t *torrent) informed(p *peer, m *Metadata) {
	q := t.inquiry
	if q == nil || q.from != p || int(m.Piece) != len(q.info)/blockLen {
		return
	}
	if m.Type != metadataData || len(m.Data) != min(blockLen, q.size-len(q.info)) {
		p.infoLen = 0
		t.inquiry = nil
		t.inquire()
		return
	}
	q.info = append(q.info, m.Data...)
	if len(q.info) < q.size {
		t.inquireOn()
		return
	}
	t.inquiry = nil
	meta, err := parseAll(q.info)
	if sha1.Sum(q.info) != t.hash || err != nil {
		t.ban(p)
		t.inquire()
		return
	}
	t.solid(meta)
}

// solid makes a torrent of a hash one of pieces. Its neighbours were met as
// somebody who cannot tell what they have: the streams begin anew.
func (t *torrent) solid(v value) {
	meta, err := parseInfo(v)
	if err != nil {
		t.end(fmt.Errorf("its info dictionary: %w", err))
		return
	}
	meta.Trackers = t.meta.Trackers
	var again []p2p.Addr
	for _, p := range slices.Clone(t.peers) {
		if p.addr != 0 {
			again = append(again, p.addr)
		}
		p.close()
	}
	t.hollow = false
	t.take(meta)
	t.last = t.c.env.Now()
	t.dirty = true
	t.check()
	if !t.over {
		t.meet(again)
	}
}
