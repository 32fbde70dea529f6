package backendtest

import (
	"os"
	"testing"
)

// Lacks skips a test for what this machine lacks. In continuous integration (CI
// is true), where nothing about worlds may go unproved, the test fails.
func Lacks(t testing.TB, why any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("under CI nothing may lack: %v", why)
	}
	t.Skip(why)
}
