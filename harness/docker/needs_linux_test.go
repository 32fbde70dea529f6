package docker

import (
	"fmt"
	"os"
	"testing"

	"peerbed/harness/backendtest"
)

// long skips what would make "go test ./..." take longer than a person waits.
func long(t *testing.T) {
	t.Helper()
	if os.Getenv("PEERBED_SOAK") == "" {
		t.Skip("takes long: set PEERBED_SOAK=1, as make soak does")
	}
}

func needRoot(t testing.TB, what string) {
	t.Helper()
	if os.Getuid() != 0 {
		backendtest.Lacks(t, what+" takes root")
	}
}

// needDaemon waits for this process's turn and returns the daemon, or skips the
// test where there is none.
func needDaemon(t testing.TB) *engine {
	t.Helper()
	e, err := connect(t.Context())
	if err != nil {
		backendtest.Lacks(t, err)
	}
	top, err := home()
	if err != nil {
		t.Fatal(err)
	}
	release, err := takeTurn(t.Context(), top, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		release()
		e.Close()
	})
	return e
}

// numberFrom reads how many of something a test takes, which a variable may
// change.
func numberFrom(t testing.TB, variable string, usual int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return usual
	}
	n := 0
	if _, err := fmt.Sscan(text, &n); err != nil || n < 1 {
		t.Fatalf("%s=%q: want a number, 1 or more", variable, text)
	}
	return n
}
