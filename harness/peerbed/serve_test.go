package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"peerbed/harness/record/journal"
)

// What cannot be served is said in a sentence, before anything is compiled.
func TestServeRefuses(t *testing.T) {
	out := t.TempDir()
	t.Setenv("PEERBED_OUT", out)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	refuse := func(want string, args ...string) {
		t.Helper()
		var errs strings.Builder
		code := run(t.Context(), append([]string{"serve"}, args...), &errs, &errs)
		if text := errs.String(); code == 0 || !strings.Contains(text, want) || strings.Count(strings.TrimSpace(text), "\n") > 0 {
			t.Errorf("serve %v: %d, %q; want %q in one line", args, code, text, want)
		}
	}
	refuse("there is no recorded run in " + out)
	refuse("there is no recorded run in nowhere", "nowhere")
	refuse("want [FOLDER]", "a", "b")
	dir := filepath.Join(out, journal.FolderName("TestX", time.Now(), "1"))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	refuse("another program answers there, perhaps another serve; choose another address with -listen", "-listen", l.Addr().String())
	refuse("cannot answer at nonsense", "-listen", "nonsense")
	for _, to := range []string{"nonsense", "http://127.0.0.1:9091", "ftp://127.0.0.1/api/v1/write", "http://%zz"} {
		refuse("want the address of a receiver, such as http://127.0.0.1:9091/api/v1/write", "-remote-write", to)
	}
}
