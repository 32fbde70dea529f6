package disk_test

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"peerbed/node/disk"
	"peerbed/protocols/p2p"
)

// A rig is a Disk whose loop is the test: it runs what is posted when it waits.
type rig struct {
	*disk.Disk
	t      *testing.T
	dir    string
	folder *disk.Folder
	posted chan func()
	lent   int
	heard  []p2p.Msg
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), posted: make(chan func(), 1000)}
	var err error
	if r.folder, err = disk.Open(r.dir); err != nil {
		t.Fatal(err)
	}
	r.Disk = disk.New(r.folder, func(f func()) { r.posted <- f }, func(b []byte) ([]byte, func()) {
		r.lent++
		return b, func() { r.lent-- }
	})
	t.Cleanup(r.Disk.Close)
	return r
}

func (r *rig) Handle(from p2p.Peer, m p2p.Msg) {
	if from != (p2p.Peer{}) {
		r.t.Errorf("the disk speaks as %v", from)
	}
	r.heard = append(r.heard, m)
}

// wait runs n posted functions.
func (r *rig) wait(n int) {
	r.t.Helper()
	for range n {
		select {
		case f := <-r.posted:
			f()
		case <-time.After(10 * time.Second):
			r.t.Fatal("the disk's worker does not answer")
		}
	}
}

func (r *rig) write(blob string, off int64, text string) {
	r.Write(blob, off, p2p.View([]byte(text)), r)
}

// "h gets one *Written, in the order of the calls"; Sum comes "after all Writes
// before it".
func TestOrder(t *testing.T) {
	r := newRig(t)
	r.write("b", 3, "def")
	r.write("b", 0, "abc")
	r.Sum("b", 0, 6, func() hash.Hash { return sha1.New() }, r)
	r.write("b", 0, "xyz")
	if r.lent != 3 {
		t.Errorf("%d contents on loan before the worker is done, want 3", r.lent)
	}
	r.wait(4)
	if r.lent != 0 {
		t.Errorf("%d contents never came back", r.lent)
	}
	var got []string
	for _, m := range r.heard {
		switch m := m.(type) {
		case *p2p.Written:
			got = append(got, fmt.Sprintf("written %s %d %d %v", m.Blob, m.Off, m.Len, m.Err))
		case *p2p.Summed:
			got = append(got, fmt.Sprintf("summed %s %v", hex.EncodeToString(m.Sum), m.Err))
		}
	}
	want := []string{
		"written b 3 3 <nil>", "written b 0 3 <nil>",
		"summed 1f8ac10f23c5b5bc1167bda84b833e5c057a77d2 <nil>", // SHA-1 of "abcdef"
		"written b 0 3 <nil>",
	}
	if !slices.Equal(got, want) {
		t.Errorf("heard\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if b, _ := os.ReadFile(filepath.Join(r.dir, "b")); string(b) != "xyzdef" {
		t.Errorf("the blob has %q, want %q", b, "xyzdef")
	}
}

func TestNamesStayInside(t *testing.T) {
	r := newRig(t)
	os.Symlink("/etc/passwd", filepath.Join(r.dir, "link"))
	names := []string{"", ".", "..", "../x", "a/b", `a\b`, ".state", ".state.new", "nul\x00", strings.Repeat("n", 256), "link"}
	for _, name := range names {
		r.write(name, 0, "evil")
		r.Sum(name, 0, 1, func() hash.Hash { return sha1.New() }, r)
		r.wait(2)
		w, s := r.heard[0].(*p2p.Written), r.heard[1].(*p2p.Summed)
		if !errors.Is(w.Err, p2p.ErrDisk) || !errors.Is(s.Err, p2p.ErrDisk) {
			t.Errorf("blob %q: written %v, summed %v; want %v twice", name, w.Err, s.Err, p2p.ErrDisk)
		}
		r.heard = nil
	}
	if got := r.Blobs(); len(got) != 0 {
		t.Errorf("blobs %v, want none", got)
	}
}

func TestBlobsAndRemove(t *testing.T) {
	r := newRig(t)
	os.WriteFile(filepath.Join(r.dir, "song"), []byte("la"), 0o644)
	os.Mkdir(filepath.Join(r.dir, "folder"), 0o755)
	r.Save("table", []byte("x"))
	r.write("b", 0, "12345")
	r.wait(1)
	want := []p2p.Blob{{Name: "b", Len: 5}, {Name: "song", Len: 2}}
	if got := r.Blobs(); !slices.Equal(got, want) {
		t.Errorf("blobs %v, want %v", got, want)
	}
	r.Remove("song")
	r.Remove("never there")
	if got := r.Blobs(); !slices.Equal(got, want[:1]) {
		t.Errorf("right after Remove: blobs %v, want %v", got, want[:1])
	}
	r.wait(2)
	r.write("b", 0, "again") // the open file of a removed blob must not be used
	r.Remove("b")
	r.write("b", 0, "new")
	r.wait(3)
	if got := r.Blobs(); !slices.Equal(got, []p2p.Blob{{Name: "b", Len: 3}}) {
		t.Errorf("after a new start: blobs %v", got)
	}
}

func TestState(t *testing.T) {
	r := newRig(t)
	if b := r.Load("table"); b != nil {
		t.Errorf("state %q before any was saved", b)
	}
	r.Save("table", []byte("old and longer"))
	r.Save("table", []byte("new"))
	again, err := disk.Open(r.dir)
	if err != nil {
		t.Fatal(err)
	}
	d := disk.New(again, func(func()) {}, nil)
	defer d.Close()
	if b := d.Load("table"); string(b) != "new" {
		t.Errorf("after a restart the state is %q", b)
	}
}

func TestSumOfTooMuch(t *testing.T) {
	r := newRig(t)
	r.write("b", 0, "123")
	r.Sum("b", 1, 3, func() hash.Hash { return sha1.New() }, r)
	r.wait(2)
	if s := r.heard[1].(*p2p.Summed); !errors.Is(s.Err, p2p.ErrDisk) || s.Sum != nil {
		t.Errorf("summed bytes that are not there: %x, %v", s.Sum, s.Err)
	}
}

// The bytes of a seed are the same in every world and version: golden.
func TestBytes(t *testing.T) {
	h := sha1.New()
	io.Copy(h, p2p.Publish{Size: 1 << 20, Seed: 42}.Bytes())
	const want = "e61b1a70f339194bd9ff2f06058bb9edd8d4b694"
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		t.Errorf("the first MiB of seed 42 has SHA-1 %s, want %s", got, want)
	}
}

func TestFill(t *testing.T) {
	r := newRig(t)
	r.write("b", 0, strings.Repeat("old", 1000))
	var errs []error
	note := func(err error) { errs = append(errs, err) }
	p := p2p.Publish{Name: "b", Size: 1000, Seed: 42}
	r.Fill(p, note)
	r.Fill(p2p.Publish{Name: "c", Size: disk.MaxFill + 1}, note)
	r.Fill(p2p.Publish{Name: "d", Size: -1}, note)
	r.wait(4)
	want, _ := io.ReadAll(p.Bytes())
	if got, _ := os.ReadFile(filepath.Join(r.dir, "b")); errs[0] != nil || string(got) != string(want) {
		t.Errorf("%d bytes, %v; want the first 1000 of seed 42", len(got), errs[0])
	}
	if !errors.Is(errs[1], p2p.ErrDisk) || !errors.Is(errs[2], p2p.ErrDisk) {
		t.Errorf("too long and too short: %v, %v", errs[1], errs[2])
	}
	if got := r.Blobs(); len(got) != 1 {
		t.Errorf("blobs %v: a refused one was made", got)
	}
}

func TestOpen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o644)
	if _, err := disk.Open(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file as share: %v", err)
	}
	if f, err := disk.Open(filepath.Join(t.TempDir(), "new", "share")); err != nil {
		t.Errorf("a share that is missing: %v", err)
	} else {
		f.Close()
	}
}

func TestEveryProcessIsAnotherLife(t *testing.T) {
	dir := t.TempDir()
	for want := range uint64(3) {
		f, err := disk.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Life(); got != want+1 {
			t.Errorf("life %d, want %d", got, want+1)
		}
		f.Close()
	}
}
