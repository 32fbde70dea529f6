package sim

import (
	"fmt"
	"hash"
	"slices"
	"strings"
	"time"

	"peerbed/protocols/p2p"
)

const (
	diskRate = 500 << 20             // bytes per second that a disk writes or hashes
	diskTime = 50 * time.Microsecond // what each of its works takes besides
	maxState = 64 << 10              // bytes that Save takes
)

// A disk is a host, as its Node sees its folder.
type disk host

// files are what lies in a host's folder. They outlive every life of the host.
type files struct {
	blobs map[string]*blob
	state map[string][]byte
	busy  time.Duration // until when it works on what was asked
}

type blob struct{ spans }

// files returns what lies in the folder, to be read only.
func (h *host) files() *files {
	if h.belongings == nil {
		return &noFiles
	}
	return &h.belongings.files
}

var noFiles files

func (d *disk) host() *host   { return (*host)(d) }
func (d *disk) files() *files { return d.host().files() }

func checkName(name string) error {
	if name == "" || name == "." || name == ".." || len(name) > 255 || strings.ContainsAny(name, "/\\\x00") {
		return fmt.Errorf("%w: %q is not a plain file name", p2p.ErrDisk, name)
	}
	return nil
}

func (d *disk) Blobs() []p2p.Blob {
	var list []p2p.Blob
	for name, b := range d.files().blobs { // in any order: sorted below
		list = append(list, p2p.Blob{Name: name, Len: b.len()})
	}
	slices.SortFunc(list, func(a, b p2p.Blob) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// open returns the blob of that name, made if need be.
func (d *disk) open(name string) *blob {
	f := &d.host().own().files
	b := f.blobs[name]
	if b == nil {
		if f.blobs == nil {
			f.blobs = map[string]*blob{}
		}
		b = &blob{}
		f.blobs[name] = b
	}
	return b
}

// put makes the blob that a user publishes.
func (d *disk) put(p p2p.Publish) error {
	if err := checkName(p.Name); err != nil {
		return err
	}
	d.open(p.Name).spans = d.w.content.blob(p.Size, p.Seed)
	return nil
}

// work does f when the disk has done all before it and n bytes of this, unless
// the node has died meanwhile.
func (d *disk) work(n int64, f func()) {
	w, own := d.w, &d.host().own().files
	own.busy = max(own.busy, w.now) + diskTime + time.Duration(n)*time.Second/diskRate
	w.soon(own.busy-w.now, d.host(), f)
}

func (d *disk) Write(name string, off int64, c p2p.Content, who p2p.Handler) {
	answer := &p2p.Written{Blob: name, Off: off, Len: c.Len}
	b, err := d.writable(name, off, c)
	d.work(int64(c.Len), func() {
		if err == nil {
			b.spans = b.put(off, d.w.content.unwrap(c))
		}
		answer.Err = err
		d.host().tell(who, p2p.Peer{}, answer, err)
	})
}

func (d *disk) writable(name string, off int64, c p2p.Content) (*blob, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if off < 0 || off+int64(c.Len) < off {
		return nil, fmt.Errorf("%w: write to %q at %d", p2p.ErrDisk, name, off)
	}
	if c.Blob != "" {
		return nil, fmt.Errorf("%w: write of a Content that names %q; only received Content can be written", p2p.ErrDisk, c.Blob)
	}
	return d.open(name), nil
}

func (d *disk) Sum(name string, off, n int64, f func() hash.Hash, who p2p.Handler) {
	answer := &p2p.Summed{Blob: name, Off: off, Len: n}
	d.work(n, func() {
		part, err := d.read(name, off, n)
		if err == nil {
			sum := f()
			d.w.content.feed(sum, part)
			answer.Sum = sum.Sum(nil)
		}
		answer.Err = err
		d.host().tell(who, p2p.Peer{}, answer, err)
	})
}

// read returns n bytes from off of a blob, which must have them all.
func (d *disk) read(name string, off, n int64) (spans, error) {
	b := d.files().blobs[name]
	switch {
	case b == nil:
		return nil, fmt.Errorf("%w: no blob %q", p2p.ErrDisk, name)
	case off < 0 || n < 0 || off > b.len() || n > b.len()-off:
		return nil, fmt.Errorf("%w: %d bytes from %d of %q, which has %d", p2p.ErrDisk, n, off, name, b.len())
	}
	return b.cut(off, off+n), nil
}

// lend turns the Content that m names, if any, into what its receiver gets.
func (h *host) lend(m p2p.Msg) error {
	c := h.lang.contentOf(m)
	if c == nil || c.Len == 0 && c.Blob == "" {
		return nil
	}
	if c.Len < 0 || c.Len > p2p.MaxContent {
		panic(fmt.Sprintf("sim: %v sends a %T with a Content of %d bytes; at most %d go in one message",
			h.addr, m, c.Len, p2p.MaxContent))
	}
	part, err := (*disk)(h).read(c.Blob, c.Off, int64(c.Len))
	if err == nil {
		*c = h.w.content.wrap(part)
	}
	return err
}

func (d *disk) Remove(name string) { delete(d.files().blobs, name) }

func (d *disk) Load(name string) []byte { return slices.Clone(d.files().state[name]) }

func (d *disk) Save(name string, b []byte) {
	if len(b) > maxState {
		panic(fmt.Sprintf("sim: %v saves %d bytes as %q; at most %d", d.addr, len(b), name, maxState))
	}
	f := &d.host().own().files
	if f.state == nil {
		f.state = map[string][]byte{}
	}
	f.state[name] = slices.Clone(b)
}

// Holds reports whether the disk of the node at a, running or not, has a blob
// of this name that is, to the last byte, what Publish makes of size and seed.
func (w *World) Holds(a p2p.Addr, name string, size int64, seed uint64) bool {
	h := w.host(a)
	if h == nil || h.files().blobs[name] == nil {
		return false
	}
	return slices.Equal(h.files().blobs[name].spans, w.content.blob(size, seed))
}
