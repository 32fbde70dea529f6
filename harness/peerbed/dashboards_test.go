package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The boards are written for a Grafana that is there.
func TestBoardsAreWritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "boards")
	status, out, errs := says(t, "dashboards", "-write", dir)
	files, _ := filepath.Glob(filepath.Join(dir, "*.json"))
	if status != 0 || !strings.Contains(out, "14 boards in "+dir) || len(files) != 14 {
		t.Fatalf("status %d, %d files: %s%s", status, len(files), out, errs)
	}
	for _, f := range files {
		var d struct{ UID string }
		b, err := os.ReadFile(f)
		if err != nil || json.Unmarshal(b, &d) != nil || !strings.HasPrefix(d.UID, "peerbed-") {
			t.Errorf("%s is no board of peerbed: %v", f, err)
		}
	}
	if status, _, errs := says(t, "dashboards", "-write", files[0]); status != 1 || !strings.Contains(errs, files[0]) {
		t.Errorf("into a file: status %d, %s", status, errs)
	}
	if status, _, errs := says(t, "dashboards", "extra"); status != 2 || !strings.Contains(errs, "extra") {
		t.Errorf("with an argument: status %d, %s", status, errs)
	}
}
