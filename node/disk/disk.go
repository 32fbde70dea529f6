package disk

import (
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"sync"

	"peerbed/protocols/p2p"
)

// maxState is the longest value that Save takes, in bytes.
const maxState = 64 << 10

// A Disk is a Folder as one node's loop uses it. All methods but Close are
// called on the loop.
type Disk struct {
	folder *Folder
	post   func(func())
	borrow Borrow
	going  map[string]int // blobs whose removal is still to be done, and how often

	mu   sync.Mutex
	more sync.Cond
	jobs []func()
	shut bool
	done chan struct{}

	name string   // the worker's: the blob that file is
	file *os.File // kept open between writes to the same blob
}

var _ p2p.Disk = (*Disk)(nil)

// A Borrow is asked, on the loop, for the bytes of a Content that are to be
// written: it returns them in a form that stays as it is until release is
// called, also on the loop. A loop lends its receive buffers this way.
type Borrow func(b []byte) (kept []byte, release func())

// New starts the worker. post hands a function to the node's loop and never
// waits.
func New(f *Folder, post func(func()), borrow Borrow) *Disk {
	d := &Disk{folder: f, post: post, borrow: borrow, going: map[string]int{}, done: make(chan struct{})}
	d.more.L = &d.mu
	go d.work()
	return d
}

// Close finishes what was asked before and ends the worker.
func (d *Disk) Close() {
	d.mu.Lock()
	d.shut = true
	d.mu.Unlock()
	d.more.Signal()
	<-d.done
}

// ask queues a job. It never waits: what bounds the queue is that lent receive
// buffers come back only when their job is done.
func (d *Disk) ask(job func()) {
	d.mu.Lock()
	d.jobs = append(d.jobs, job)
	d.mu.Unlock()
	d.more.Signal()
}

func (d *Disk) work() {
	defer close(d.done)
	defer d.forget()
	for {
		job := d.next()
		if job == nil {
			return
		}
		job()
	}
}

func (d *Disk) next() func() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.jobs) == 0 {
		if d.shut {
			return nil
		}
		d.more.Wait()
	}
	job := d.jobs[0]
	d.jobs[0] = nil
	d.jobs = d.jobs[1:]
	return job
}

// Blobs lists the blobs; those that Remove was asked for are gone already.
func (d *Disk) Blobs() []p2p.Blob {
	list := d.folder.blobs()
	kept := list[:0]
	for _, b := range list {
		if d.going[b.Name] == 0 {
			kept = append(kept, b)
		}
	}
	return kept
}

// Write stores c in the background.
func (d *Disk) Write(blob string, off int64, c p2p.Content, h p2p.Handler) {
	b, release := d.borrow(c.Bytes())
	d.ask(func() {
		err := d.write(blob, off, b, c.Len)
		d.post(func() {
			release()
			h.Handle(p2p.Peer{}, &p2p.Written{Blob: blob, Off: off, Len: c.Len, Err: err})
		})
	})
}

func (d *Disk) write(blob string, off int64, b []byte, n int) error {
	if len(b) != n || off < 0 {
		return failed(fmt.Errorf("%d bytes at hand, %d to write at %d of %q", len(b), n, off, blob))
	}
	if err := d.open(blob); err != nil {
		return failed(err)
	}
	if _, err := d.file.WriteAt(b, off); err != nil {
		d.forget()
		return failed(err)
	}
	return nil
}

// open makes d.file the blob.
func (d *Disk) open(blob string) error {
	if d.file != nil && d.name == blob {
		return nil
	}
	d.forget()
	if err := d.folder.regular(blob); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := d.folder.root.OpenFile(blob, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	d.name, d.file = blob, file
	return nil
}

func (d *Disk) forget() {
	if d.file != nil {
		d.file.Close()
	}
	d.name, d.file = "", nil
}

// Sum hashes a part of a blob in the background.
func (d *Disk) Sum(blob string, off, n int64, f func() hash.Hash, h p2p.Handler) {
	d.ask(func() {
		sum, err := d.sum(blob, off, n, f())
		d.post(func() {
			h.Handle(p2p.Peer{}, &p2p.Summed{Blob: blob, Off: off, Len: n, Sum: sum, Err: err})
		})
	})
}

func (d *Disk) sum(blob string, off, n int64, h hash.Hash) ([]byte, error) {
	if off < 0 || n < 0 {
		return nil, failed(fmt.Errorf("%d bytes at %d of %q to sum", n, off, blob))
	}
	file, err := d.folder.Blob(blob)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	got, err := io.Copy(h, io.NewSectionReader(file, off, n))
	if err == nil && got < n {
		err = fmt.Errorf("%q has %d bytes from %d on, %d to sum", blob, got, off, n)
	}
	if err != nil {
		return nil, failed(err)
	}
	return h.Sum(nil), nil
}

// Remove deletes a blob, after all Writes before it.
func (d *Disk) Remove(blob string) {
	d.going[blob]++
	d.ask(func() {
		if d.name == blob {
			d.forget()
		}
		if d.folder.regular(blob) == nil {
			d.folder.root.Remove(blob)
		}
		d.post(func() {
			if d.going[blob]--; d.going[blob] == 0 {
				delete(d.going, blob)
			}
		})
	})
}

// Load returns what Save saved, or nil.
func (d *Disk) Load(name string) []byte {
	b, err := d.folder.root.ReadFile(stateDir + "/" + stateName(name))
	if err != nil {
		return nil
	}
	return b
}

// Save replaces what was saved under name. A node that cannot keep its state
// cannot keep its promises: it panics, and the process ends.
func (d *Disk) Save(name string, b []byte) {
	if len(b) > maxState {
		panic(fmt.Sprintf("disk: %d bytes to save as %q, at most %d", len(b), name, maxState))
	}
	path := stateDir + "/" + stateName(name)
	err := d.folder.root.WriteFile(newState, b, 0o644)
	if err == nil {
		err = d.folder.root.Rename(newState, path)
	}
	if err != nil {
		panic(fmt.Sprintf("disk: cannot save %q: %v", name, err))
	}
}

// stateName refuses names that the contract forbids.
func stateName(name string) string {
	if !Valid(name) {
		panic(fmt.Sprintf("disk: %q is not a name for saved state", name))
	}
	return name
}
