package napster

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"peerbed/protocols/p2p"
)

const (
	maxName  = 255      // bytes of a file's name, or of a query
	hashed   = 300_000  // bytes of a file that its MD5 covers, as linux nap has it
	windows  = 299_008  // as the client for Windows has it
	savedAs  = "shares" // on the Disk
	maxSaved = 64 << 10 // what Disk.Save takes
)

// library is what a client shares, in the order in which it was published.
type library struct{ files []shared }

// A shared is one file of the library.
type shared struct {
	name string
	size int64
	md5  string
	line string // of what is saved
}

// find returns a file by its exact name, or nil.
func (b *library) find(name string) *shared {
	for i := range b.files {
		if b.files[i].name == name {
			return &b.files[i]
		}
	}
	return nil
}

func (b *library) add(disk p2p.Disk, f shared) {
	f.line = fmt.Sprintf("%d %s %q\n", f.size, f.md5, f.name)
	b.files = append(slices.DeleteFunc(b.files, func(k shared) bool { return k.name == f.name }), f)
	b.save(disk)
}

func (b *library) remove(disk p2p.Disk, name string) {
	b.files = slices.DeleteFunc(b.files, func(f shared) bool { return f.name == name })
	b.save(disk)
}

// save writes a line per file, the oldest left out where there is no room.
func (b *library) save(disk p2p.Disk) {
	var lines []byte
	for i := range b.files {
		line := b.files[len(b.files)-1-i].line
		if len(lines)+len(line) > maxSaved {
			break
		}
		lines = append(lines, line...)
	}
	disk.Save(savedAs, lines)
}

// recall shares again what was shared before a crash and still lies there.
func (b *library) recall(disk p2p.Disk) {
	blobs := disk.Blobs()
	for line := range strings.Lines(string(disk.Load(savedAs))) {
		f := shared{line: line}
		n, _ := fmt.Sscanf(line, "%d %s %q", &f.size, &f.md5, &f.name)
		if n == 3 && slices.Contains(blobs, p2p.Blob{Name: f.name, Len: f.size}) {
			b.files = append(b.files, f)
		}
	}
	slices.Reverse(b.files)
}

// publish shares a blob of the Disk once its hash is known.
func (c *client) publish(name string, done func(p2p.Result)) {
	blobs := c.env.Disk().Blobs()
	i := slices.IndexFunc(blobs, func(b p2p.Blob) bool { return b.Name == name })
	switch {
	case i < 0:
		done(p2p.Result{Err: fmt.Errorf("napster: no file %q in the folder: %w", name, p2p.ErrNotFound)})
	case !speakable(name):
		done(p2p.Result{Err: fmt.Errorf("napster: %q cannot be shared, a name needs a letter or digit, no quotes, and at most %d bytes: %w", name, maxName, p2p.ErrUnsupported)})
	default:
		c.env.Disk().Sum(name, 0, min(blobs[i].Len, hashed), md5.New, &publishing{c, blobs[i], done})
	}
}

// speakable reports whether a name can be said on the wire, and found.
func speakable(name string) bool {
	return len(words(base(name))) > 0 && len(name) <= maxName && !strings.ContainsAny(name, "\"\r\n\x00")
}

// publishing waits for the hash of a blob.
type publishing struct {
	c    *client
	blob p2p.Blob
	done func(p2p.Result)
}

func (p *publishing) Handle(_ p2p.Peer, m p2p.Msg) {
	sum, ok := m.(*p2p.Summed)
	switch {
	case !ok:
	case sum.Err != nil:
		p.done(p2p.Result{Err: fmt.Errorf("napster: hash of %q: %w: %w", p.blob.Name, p2p.ErrDisk, sum.Err)})
	case p.c.node.gone:
		p.done(p2p.Result{Err: p2p.ErrGone})
	default:
		p.c.share(shared{name: p.blob.Name, size: p.blob.Len, md5: hex.EncodeToString(sum.Sum)})
		p.done(p2p.Result{Blob: p.blob})
	}
}

// share adds a file, or its new content, and tells the server.
func (c *client) share(f shared) {
	if c.in && c.library.find(f.name) != nil {
		p2p.Send(c.env, c.server, Unshare{f.name})
	}
	c.library.add(c.env.Disk(), f)
	if c.in {
		p2p.Send(c.env, c.server, c.shareOf(&f))
	}
}

func (c *client) remove(name string, done func(p2p.Result)) {
	if c.library.find(name) == nil {
		done(p2p.Result{Err: fmt.Errorf("napster: %q is not shared: %w", name, p2p.ErrNotFound)})
		return
	}
	c.library.remove(c.env.Disk(), name)
	if c.in {
		p2p.Send(c.env, c.server, Unshare{name})
	}
	done(p2p.Result{})
}
