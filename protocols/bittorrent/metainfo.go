package bittorrent

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// Bounds of what a metainfo file may ask for.
const (
	maxMeta     = 384 << 10 // bytes of the whole: about 19 000 pieces
	maxFiles    = 2000
	maxPieceLen = 64 << 20
	maxTrackers = 32
)

// A Hash is the SHA-1 of a torrent's info dictionary, by which swarms know it,
// or of a piece.
type Hash [sha1.Size]byte

// String writes h as 40 hex digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText writes h as String does.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (h *Hash) UnmarshalText(b []byte) error {
	if len(b) != hex.EncodedLen(len(h)) {
		return fmt.Errorf("hash %.60q: want %d hex digits", b, hex.EncodedLen(len(h)))
	}
	_, err := hex.Decode(h[:], b)
	return err
}

// A Metainfo is what a .torrent file says (BEP 3).
type Metainfo struct {
	Name     string
	PieceLen int64
	Len      int64      // of all files together
	Files    []File     // in their order; of a torrent of one file, that
	Trackers [][]string // in tiers (BEP 12)
	Info     []byte     // the info dictionary as it stands
	Hash     Hash       // of Info
	sums     []byte     // one SHA-1 after the other
}

// A File is a part of a torrent's bytes.
type File struct {
	Path string // a plain name, or several joined by "/"
	Off  int64  // where it begins in the torrent
	Len  int64
}

// Pieces counts the pieces.
func (m *Metainfo) Pieces() int { return len(m.sums) / sha1.Size }

// pieceLen returns the length of piece i: the last one may be shorter.
func (m *Metainfo) pieceLen(i int) int64 { return min(m.PieceLen, m.Len-int64(i)*m.PieceLen) }

// sum returns the SHA-1 of piece i.
func (m *Metainfo) sum(i int) []byte { return m.sums[i*sha1.Size : (i+1)*sha1.Size] }

// ParseMetainfo reads a .torrent file. What it returns is safe to act upon: no
// path leads out of the folder, no length is negative or beyond what there are
// hashes for.
func ParseMetainfo(b []byte) (*Metainfo, error) {
	if len(b) > maxMeta {
		return nil, malformed("a torrent of %d bytes; at most %d are taken", len(b), maxMeta)
	}
	v, err := parseAll(b)
	if err != nil {
		return nil, err
	}
	m, err := parseInfo(v.get("info"))
	if err != nil {
		return nil, err
	}
	m.Trackers = parseTrackers(v)
	return m, nil
}

// parseTrackers reads announce-list, or else announce.
func parseTrackers(v value) (tiers [][]string) {
	n := 0
	v.get("announce-list").each(func(tier value) bool {
		var urls []string
		tier.each(func(u value) bool {
			if s := u.text(); s != "" {
				urls = append(urls, s)
				n++
			}
			return n < maxTrackers
		})
		if len(urls) > 0 {
			tiers = append(tiers, urls)
		}
		return n < maxTrackers
	})
	if one := v.get("announce").text(); len(tiers) == 0 && one != "" {
		tiers = [][]string{{one}}
	}
	return tiers
}

// parseInfo reads an info dictionary.
func parseInfo(v value) (*Metainfo, error) {
	if !v.isDict() || len(v) > maxMeta {
		return nil, malformed("a torrent without an info dictionary, or with one of more than %d bytes", maxMeta)
	}
	sums, _ := v.get("pieces").bytes()
	m := &Metainfo{
		Name:     v.get("name").text(),
		PieceLen: v.get("piece length").number(0, maxPieceLen),
		Info:     bytes.Clone(v),
		Hash:     sha1.Sum(v),
		sums:     bytes.Clone(sums),
	}
	if err := plain(m.Name); err != nil {
		return nil, err
	}
	if err := m.readFiles(v); err != nil {
		return nil, err
	}
	if m.PieceLen == 0 || len(sums)%sha1.Size != 0 || int64(m.Pieces()) != (m.Len+m.PieceLen-1)/m.PieceLen {
		return nil, malformed("a torrent of %d bytes in pieces of %d with %d bytes of hashes", m.Len, m.PieceLen, len(sums))
	}
	return m, nil
}

func (m *Metainfo) readFiles(v value) error {
	files := v.get("files")
	if !files.isList() {
		n, ok := v.get("length").integer()
		if !ok || n < 0 {
			return malformed("a torrent without a length")
		}
		m.Len, m.Files = n, []File{{Path: m.Name, Len: n}}
		return nil
	}
	var err error
	files.each(func(f value) bool {
		err = m.readFile(f)
		return err == nil
	})
	if err == nil && len(m.Files) == 0 {
		err = malformed("a torrent without files")
	}
	return err
}

func (m *Metainfo) readFile(f value) error {
	n, ok := f.get("length").integer()
	if !ok || n < 0 || n > math.MaxInt64/2-m.Len || len(m.Files) == maxFiles {
		return malformed("a file of %d bytes, or more than %d files", n, maxFiles)
	}
	path := []string{m.Name}
	var err error
	f.get("path").each(func(e value) bool {
		err = plain(e.text())
		path = append(path, e.text())
		return err == nil && len(path) <= maxDepth
	})
	if err == nil && (len(path) == 1 || len(path) > maxDepth) {
		err = malformed("a file without a path, or with too long a one")
	}
	m.Files = append(m.Files, File{strings.Join(path, "/"), m.Len, n})
	m.Len += n
	return err
}

// plain refuses what is not the name of one file or folder.
func plain(name string) error {
	if name == "" || name == "." || name == ".." || len(name) > 200 || !utf8.ValidString(name) ||
		strings.ContainsAny(name, "/\\\x00") || strings.HasPrefix(name, ".state") {
		return malformed("%.60q is not the name of a file", name)
	}
	return nil
}

// newInfo writes the info dictionary that m and the hashes make.
func newInfo(m *Metainfo, sums []byte) []byte {
	b := []byte{'d'}
	if single := len(m.Files) == 1 && m.Files[0].Path == m.Name; single {
		b = appendInteger(appendText(b, "length"), m.Len)
	} else {
		b = append(appendText(b, "files"), 'l')
		for _, f := range m.Files {
			b = appendInteger(appendText(append(b, 'd'), "length"), f.Len)
			b = append(appendText(b, "path"), 'l')
			for _, e := range strings.Split(f.Path, "/")[1:] {
				b = appendText(b, e)
			}
			b = append(b, "ee"...)
		}
		b = append(b, 'e')
	}
	b = appendText(appendText(b, "name"), m.Name)
	b = appendInteger(appendText(b, "piece length"), m.PieceLen)
	b = appendText(appendText(b, "pieces"), sums)
	return append(b, 'e')
}

// Bytes writes m as a .torrent file.
func (m *Metainfo) Bytes() []byte {
	b := []byte{'d'}
	if len(m.Trackers) > 0 {
		b = appendText(appendText(b, "announce"), m.Trackers[0][0])
		b = append(appendText(b, "announce-list"), 'l')
		for _, tier := range m.Trackers {
			b = append(b, 'l')
			for _, u := range tier {
				b = appendText(b, u)
			}
			b = append(b, 'e')
		}
		b = append(b, 'e')
	}
	b = append(appendText(b, "info"), m.Info...)
	return append(b, 'e')
}
