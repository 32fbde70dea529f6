package disk

import (
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"os"
)

// Receive writes the bytes of from beside the blobs, away from the loop, for
// Adopt to make a blob of; arrived names them. What is read is not bounded
// here. An error wraps p2p.ErrDisk, unless from itself failed; then nothing is
// left.
func (f *Folder) Receive(from io.Reader) (arrived string, err error) {
	arrived = arriving + rand.Text()
	file, err := f.root.OpenFile(arrived, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return "", failed(err)
	}
	_, err = io.Copy(file, from)
	if shut := file.Close(); err == nil && shut != nil {
		err = failed(shut)
	}
	if err != nil {
		f.root.Remove(arrived)
		return "", err
	}
	return arrived, nil
}

// Adopt makes what has arrived the blob of that name, in place of what was
// there, after all Writes before it. done hears of it on the loop; an error
// wraps p2p.ErrDisk.
func (d *Disk) Adopt(arrived, blob string, done func(error)) {
	d.ask(func() {
		if d.name == blob {
			d.forget()
		}
		err := d.folder.adopt(arrived, blob)
		d.post(func() { done(err) })
	})
}

func (f *Folder) adopt(arrived, blob string) error {
	err := f.regular(blob)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = f.root.Rename(arrived, blob)
	}
	if err != nil {
		f.root.Remove(arrived)
		return failed(err)
	}
	return nil
}
