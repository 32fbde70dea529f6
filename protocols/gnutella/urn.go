package gnutella

import (
	"crypto/sha1"
	"encoding/base32"
	"strings"
)

// HUGE, the "hash/URN Gnutella extensions": a query asks for URNs in hits, and
// a hit carries the SHA-1 of a file in base 32. A query without words asks for the file
// of a SHA-1, whatever its name.
const (
	wantURN = "urn:\x00"
	urnSHA1 = "urn:sha1:"
)

func formatURN(sum [sha1.Size]byte) string {
	return urnSHA1 + base32.StdEncoding.EncodeToString(sum[:])
}

// parseURN finds a SHA-1 among the extensions of a hit or of a query, which may end with
// a NUL.
func parseURN(ext string) (sum [sha1.Size]byte, ok bool) {
	for part := range strings.SplitSeq(strings.TrimSuffix(ext, "\x00"), "\x1c") {
		if len(part) < len(urnSHA1) || !strings.EqualFold(part[:len(urnSHA1)], urnSHA1) {
			continue
		}
		b, err := base32.StdEncoding.DecodeString(strings.ToUpper(part[len(urnSHA1):]))
		if err == nil && len(b) == len(sum) {
			return [sha1.Size]byte(b), true
		}
	}
	return sum, false
}

// wants is what a query asks for: files with these words, or the one of a hash.
type wants struct {
	words  []string
	sum    [sha1.Size]byte
	hashed bool
}

func (m *Query) wants() wants {
	w := wants{words: words(m.Text)}
	if len(w.words) == 0 {
		w.sum, w.hashed = parseURN(m.Ext)
	}
	return w
}

// fit reports whether a file is one of them. A text without words wants nothing.
func (w *wants) fit(words []string, sum [sha1.Size]byte) bool {
	if w.hashed {
		return sum == w.sum
	}
	return len(w.words) > 0 && contains(words, w.words)
}
