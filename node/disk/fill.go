package disk

import (
	"fmt"
	"io"

	"peerbed/protocols/p2p"
)

// MaxFill is the largest blob that Fill makes, in bytes.
const MaxFill = 16 << 30

// Fill puts the blob that a Publish asks for on the disk, in place of what was
// there. done hears of it on the loop; an error wraps p2p.ErrDisk.
func (d *Disk) Fill(p p2p.Publish, done func(error)) {
	d.ask(func() {
		err := d.fill(p)
		d.post(func() { done(err) })
	})
}

func (d *Disk) fill(p p2p.Publish) error {
	if p.Size < 0 || p.Size > MaxFill {
		return failed(fmt.Errorf("a blob of %d bytes: at most %d can be made", p.Size, int64(MaxFill)))
	}
	if err := d.open(p.Name); err != nil {
		return failed(err)
	}
	defer d.forget()
	if err := d.file.Truncate(0); err != nil {
		return failed(err)
	}
	if _, err := io.Copy(io.NewOffsetWriter(d.file, 0), p.Bytes()); err != nil {
		return failed(err)
	}
	return nil
}
