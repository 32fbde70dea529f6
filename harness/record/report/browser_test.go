package report_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A browser opens the page without a word of complaint and has every diagram.
func TestBrowser(t *testing.T) {
	if os.Getenv("PEERBED_SOAK") == "" {
		t.Skip("starts a browser: set PEERBED_SOAK=1")
	}
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium here: apt-get install chromium")
	}
	page, err := usual().run(t).Write()
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	// Without a sandbox, which root cannot have, and without a network.
	cmd := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--host-resolver-rules=MAP * ~NOTFOUND", "--user-data-dir="+t.TempDir(), "--enable-logging=stderr", "--dump-dom", "file://"+page)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	dom, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, complaints.String())
	}
	if n := strings.Count(string(dom), `<svg class="chart"`); n != 5 || !strings.Contains(string(dom), "</html>") {
		t.Errorf("%d diagrams are in the page that the browser has, want 5", n)
	}
	for line := range strings.Lines(complaints.String()) {
		if strings.Contains(line, "CONSOLE") {
			t.Errorf("the browser says: %s", line)
		}
	}
}
