package disk

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
)

// MaxFill is the largest blob that Fill makes, in bytes.
const MaxFill = 16 << 30

// Bytes returns the endless stream of bytes that a blob drawn from seed begins
// with. It is the output of ChaCha8 (math/rand/v2; C2SP chacha8rand) whose key
// is the seed in 8 bytes, low byte first, and 24 zero bytes: the same in every
// world and in every version of Go.
func Bytes(seed uint64) io.Reader {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return rand.NewChaCha8(key)
}

// Fill puts a blob of size bytes, drawn from seed, on the disk, in place of
// what was there. done hears of it on the loop; an error wraps p2p.ErrDisk.
func (d *Disk) Fill(blob string, size int64, seed uint64, done func(error)) {
	d.ask(func() {
		err := d.fill(blob, size, seed)
		d.post(func() { done(err) })
	})
}

func (d *Disk) fill(blob string, size int64, seed uint64) error {
	if size < 0 || size > MaxFill {
		return failed(fmt.Errorf("a blob of %d bytes: at most %d can be made", size, int64(MaxFill)))
	}
	if err := d.open(blob); err != nil {
		return failed(err)
	}
	defer d.forget()
	if err := d.file.Truncate(0); err != nil {
		return failed(err)
	}
	if _, err := io.CopyN(io.NewOffsetWriter(d.file, 0), Bytes(seed), size); err != nil {
		return failed(err)
	}
	return nil
}
