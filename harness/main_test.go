package harness

import (
	"os"
	"testing"
)

// Tests of the harness leave nothing in out/.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "peerbed-out-*")
	if err != nil {
		panic(err)
	}
	os.Setenv("PEERBED_OUT", dir)
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}
