package sim

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"peerbed/harness"
	"peerbed/protocols/p2p"
)

// maxGiven is how many bytes of a file the simulator takes: it must keep them
// all, while those that Publish makes it only numbers.
const maxGiven = 64 << 20

// Put keeps the bytes and gives the node their numbers.
func (b *backend) Put(_ context.Context, a p2p.Addr, blob string, from io.Reader) error {
	given, err := io.ReadAll(io.LimitReader(from, maxGiven+1))
	if err != nil {
		return err
	}
	if len(given) > maxGiven {
		return fmt.Errorf("the simulator keeps files of at most %d bytes; for longer ones ask for a size instead, or use another world", maxGiven)
	}
	return b.with(func(w *World) error {
		h, err := w.answering(a)
		if err == nil {
			err = checkName(blob)
		}
		if err != nil {
			return err
		}
		(*disk)(h).open(blob).spans = w.content.give(given)
		return nil
	})
}

// Get writes out the bytes that the numbers stand for.
func (b *backend) Get(_ context.Context, a p2p.Addr, blob string, to io.Writer) error {
	var parts []part
	err := b.with(func(w *World) error {
		h, err := w.answering(a)
		if err != nil {
			return err
		}
		if h.files().blobs[blob] == nil {
			return fmt.Errorf("%w: no blob %q", p2p.ErrDisk, blob)
		}
		for _, s := range h.files().blobs[blob].spans {
			parts = append(parts, w.content.part(s))
		}
		return nil
	})
	for _, p := range parts {
		if err == nil {
			err = p.write(to)
		}
	}
	return err
}

// errSilentNodes is why there is no log.
var errSilentNodes = errors.New("simulated nodes print nothing; with PEERBED_TRACE=DIR, set when the run begins, every event is written to a file there")

// Log says that there is none.
func (b *backend) Log(context.Context, p2p.Addr) ([]byte, error) { return nil, errSilentNodes }

// answering returns a node that runs and is not paused.
func (w *World) answering(a p2p.Addr) (*host, error) {
	h := w.host(a)
	if h == nil || h.node == nil {
		return nil, fmt.Errorf("%v: %w", a, p2p.ErrGone)
	}
	if h.paused {
		return nil, fmt.Errorf("%v: %w", a, harness.ErrPaused)
	}
	return h, nil
}

// give numbers bytes that come from outside: the same bytes always alike. Their
// hash stands in for a seed.
func (c *content) give(b []byte) spans {
	sum := sha256.Sum256(b)
	seed := binary.BigEndian.Uint64(sum[:])
	s := c.blob(int64(len(b)), seed)
	if c.given == nil {
		c.given = map[uint64][]byte{}
	}
	if len(s) > 0 {
		c.given[s[0].origin] = b
	}
	return s
}

// A part is n bytes of a reader, after those to skip.
type part struct {
	from    io.Reader
	skip, n int64
}

// part says where the bytes of a span come from.
func (c *content) part(s span) part {
	if s.origin == 0 {
		return part{zeros{}, 0, s.n}
	}
	m := c.maker(s.origin)
	from := int64(s.origin - m.first)
	if given, ok := c.given[m.first]; ok {
		return part{bytes.NewReader(given), from, s.n}
	}
	return part{p2p.Publish{Size: m.size, Seed: m.seed}.Bytes(), from, s.n}
}

func (p part) write(to io.Writer) error {
	if _, err := io.CopyN(io.Discard, p.from, p.skip); err != nil {
		return err
	}
	_, err := io.CopyN(to, p.from, p.n)
	return err
}

// zeros reads as zero bytes without end.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
