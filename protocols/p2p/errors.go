package p2p

import (
	"errors"
	"strings"
)

// What can go wrong between nodes. Worlds and protocols wrap these with what
// they know (%w), so test with errors.Is.
var (
	ErrRefused     = errors.New("refused")              // a stream: nobody listens there
	ErrReset       = errors.New("reset")                // a stream: the other process is gone, or its Accept said no
	ErrSilent      = errors.New("silent")               // a stream: nothing heard for Silence
	ErrMalformed   = errors.New("malformed")            // bytes or a message that the language does not allow
	ErrTimeout     = errors.New("nobody answered")      // an Op: asked, and no answer in time
	ErrNotFound    = errors.New("not found")            // an Op: those who should know do not have it
	ErrCorrupt     = errors.New("hash does not match")  // an Op: what came is not what was promised
	ErrUnsupported = errors.New("not supported")        // an Op: this protocol does not do that
	ErrNotJoined   = errors.New("not in a network yet") // an Op: asked before the Node has joined
	ErrGone        = errors.New("node is gone")         // an Op: the node crashed or left meanwhile
	ErrOverrun     = errors.New("queue overrun")        // a stream: the Node kept sending in spite of Full
	ErrDisk        = errors.New("disk failed")          // a write or a hash that could not be done
)

var sentinels = []error{ErrRefused, ErrReset, ErrSilent, ErrMalformed, ErrTimeout, ErrNotFound,
	ErrCorrupt, ErrUnsupported, ErrNotJoined, ErrGone, ErrOverrun, ErrDisk}

// Sentinel returns the one of this package's errors that err wraps, or nil. It
// is how an error crosses from a node's process to the harness: as the text of
// the whole and the text of its sentinel.
func Sentinel(err error) error {
	for _, s := range sentinels {
		if errors.Is(err, s) {
			return s
		}
	}
	return nil
}

// Label says how an operation ended, as series are labelled: "ok", the text of the
// error's sentinel with underscores, or "failed".
func Label(err error) string {
	if err == nil {
		return "ok"
	}
	if s := Sentinel(err); s != nil {
		return strings.ReplaceAll(s.Error(), " ", "_")
	}
	return "failed"
}

// RemoteError makes an error again from the text of the whole and the text of
// its sentinel ("" if it had none).
func RemoteError(text, sentinel string) error {
	for _, s := range sentinels {
		if s.Error() == sentinel {
			return remote{text, s}
		}
	}
	return errors.New(text)
}

type remote struct {
	text string
	is   error
}

func (r remote) Error() string { return r.text }
func (r remote) Unwrap() error { return r.is }
