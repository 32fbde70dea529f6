package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// MaxLine is how long a line may be, in bytes.
const MaxLine = 4 << 20

// A Reader reads a journal from its beginning. It passes over what is damaged and
// keeps count of it. Where the file still grows, Next goes on after io.EOF.
type Reader struct {
	file string
	from *bufio.Reader
	end  io.Closer

	line    int    // whole ones so far
	part    []byte // of the line that is being read
	long    bool   // it is too long, and passed over
	damage  []string
	damaged int
}

// Open opens a journal.
func Open(file string) (*Reader, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	r := NewReader(file, f)
	r.end = f
	return r, nil
}

// NewReader reads a journal from elsewhere; file is its name in errors.
func NewReader(file string, from io.Reader) *Reader {
	return &Reader{file: file, from: bufio.NewReaderSize(from, 64<<10)}
}

// Close closes the file.
func (r *Reader) Close() error {
	if r.end == nil {
		return nil
	}
	return r.end.Close()
}

// Next returns the next line that can be read. At the end of the file it returns
// io.EOF; half a line there is not read, and not damage yet. Any other error ends
// the reading: the file cannot be read, or a newer peerbed wrote it.
func (r *Reader) Next() (Line, error) {
	for {
		b, err := r.whole()
		if err != nil {
			return Line{}, err
		}
		if len(bytes.TrimSpace(b)) == 0 {
			continue
		}
		var l Line
		if err := json.Unmarshal(b, &l); err != nil {
			r.complain(r.line, err.Error())
			continue
		}
		if l.Run != nil && l.Run.Version > Version {
			return Line{}, fmt.Errorf("%s is of version %d, and this program reads up to %d: use the newer peerbed that wrote it", r.file, l.Run.Version, Version)
		}
		return l, nil
	}
}

// whole returns the next line that has its end, without it.
func (r *Reader) whole() ([]byte, error) {
	for {
		b, err := r.from.ReadSlice('\n')
		if r.long = r.long || len(r.part)+len(b) > MaxLine+1; r.long {
			r.part = r.part[:0]
		} else {
			r.part = append(r.part, b...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil:
			return nil, err
		}
		r.line++
		line, long := r.part, r.long
		r.part, r.long = r.part[:0], false
		if !long {
			return line, nil
		}
		r.complain(r.line, fmt.Sprintf("longer than %d bytes", MaxLine))
	}
}

// maxDamage is how many places are told one by one.
const maxDamage = 20

func (r *Reader) complain(line int, what string) {
	if r.damaged++; r.damaged <= maxDamage {
		r.damage = append(r.damage, fmt.Sprintf("%s:%d: %s; passed over", r.file, line, what))
	}
}

// Damage tells what could not be read so far, a sentence for each place. Asked
// after io.EOF it also tells of half a line at the end, which a run leaves that
// was killed, or that still goes on.
func (r *Reader) Damage() []string {
	all := r.damage
	if more := r.damaged - len(r.damage); more > 0 {
		all = append(all[:len(all):len(all)], fmt.Sprintf("%s: %d more lines that cannot be read", r.file, more))
	}
	if len(r.part) > 0 || r.long {
		all = append(all[:len(all):len(all)], fmt.Sprintf("%s:%d: half a line; passed over", r.file, r.line+1))
	}
	return all
}
