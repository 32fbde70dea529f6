package fasttrack

import (
	"crypto/md5"
	"encoding/binary"
	"hash"
	"hash/crc32"

	"peerbed/protocols/p2p"
)

// UUHash is the hash by which the network names files: the MD5 of the beginning,
// and a CRC over samples that lie ever farther apart. It is fast, and it is why the
// network could be flooded with broken files: most of a large file is in no sample,
// and may be anything.

// sample is how much is hashed at a time.
const sample = 307_200

// A uuhash computes it of a file of known size, read from its beginning.
type uuhash struct {
	size int64
	at   int64
	head hash.Hash
	crc  uint32
	next int // of samples
	from []int64
	ends []int64
}

// newUUHash returns the hash of a file of that size.
func newUUHash(size int64) func() hash.Hash {
	return func() hash.Hash {
		h := &uuhash{size: size, head: md5.New(), crc: 0xFFFFFFFF}
		h.from, h.ends = samples(size)
		return h
	}
}

// samples are the parts of a file of that size that go into the CRC.
func samples(size int64) (from, ends []int64) {
	covered := int64(min(sample, size))
	for at := int64(1 << 20); at+2*sample < size; at *= 2 {
		from, ends = append(from, at), append(ends, at+sample)
		covered = at + sample
	}
	if last := min(sample, size-covered); last > 0 {
		from, ends = append(from, size-last), append(ends, size)
	}
	return from, ends
}

// Write hashes the bytes that follow.
func (h *uuhash) Write(p []byte) (int, error) {
	n := len(p)
	if h.at < sample {
		h.head.Write(p[:min(int64(n), sample-h.at)])
	}
	end := h.at + int64(n)
	for h.next < len(h.from) && h.from[h.next] < end {
		low, high := max(h.from[h.next], h.at), min(h.ends[h.next], end)
		h.crc = ^crc32.Update(^h.crc, crc32.IEEETable, p[low-h.at:high-h.at])
		if high < h.ends[h.next] {
			break
		}
		h.next++
	}
	h.at = end
	return n, nil
}

// Sum appends the hash: an MD5, and four bytes with the low one first.
func (h *uuhash) Sum(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(h.head.Sum(b), h.crc^uint32(h.size))
}

func (h *uuhash) Size() int      { return len(Hash{}) }
func (h *uuhash) BlockSize() int { return md5.BlockSize }

// Reset begins anew.
func (h *uuhash) Reset() {
	h.head.Reset()
	h.at, h.crc, h.next = 0, 0xFFFFFFFF, 0
}

// checksum is the short form of a hash that goes with it in a Share.
func (h Hash) checksum() uint16 {
	var crc uint16
	for _, b := range h {
		crc ^= uint16(b) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc & 0x3FFF
}

// sumOf asks the Disk for the hash of a blob.
func sumOf(env p2p.Env, b p2p.Blob, h p2p.Handler) {
	env.Disk().Sum(b.Name, 0, b.Len, newUUHash(b.Len), h)
}
