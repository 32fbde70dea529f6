package disk_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"peerbed/protocols/p2p"
)

// What is received is a blob once it is adopted, after the writes before it;
// what cannot be leaves nothing.
func TestAdopt(t *testing.T) {
	r := newRig(t)
	r.write("b", 0, "what was there, and is longer")
	for _, name := range []string{"b", "../b"} {
		arrived, err := r.folder.Receive(strings.NewReader("what has come"))
		if err != nil {
			t.Fatal(err)
		}
		if blobs := r.Blobs(); len(blobs) > 1 {
			t.Errorf("before it is adopted there are %v", blobs)
		}
		r.Adopt(arrived, name, func(err error) {
			if name == "b" && err != nil || name != "b" && !errors.Is(err, p2p.ErrDisk) {
				t.Errorf("adopting it as %q: %v", name, err)
			}
		})
	}
	r.write("b", 0, "W")
	r.wait(4)
	if got, _ := os.ReadFile(filepath.Join(r.dir, "b")); string(got) != "What has come" {
		t.Errorf("the blob is %q", got)
	}
	broken := io.MultiReader(strings.NewReader("half"), iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, err := r.folder.Receive(broken); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half of it: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(r.dir, ".state.blob.*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}
