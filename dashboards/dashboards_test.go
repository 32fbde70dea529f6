package dashboards_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"peerbed/dashboards"
	"peerbed/dashboards/boards"
	"peerbed/dashboards/grafana"
)

var update = flag.Bool("update", false, "write the files anew")

// file is where a board's JSON lies.
func file(d *grafana.Dashboard) string {
	return "json/" + strings.TrimPrefix(d.UID, "peerbed-") + ".json"
}

func written(t *testing.T, d *grafana.Dashboard) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(d); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The committed files are what the boards say, no more and no less of them.
func TestFilesAreCurrent(t *testing.T) {
	all := boards.All()
	if *update {
		rewrite(t, all)
		t.Skip("written anew")
	}
	for _, d := range all {
		b, err := dashboards.Files.ReadFile(file(d))
		if err != nil || !bytes.Equal(b, written(t, d)) {
			t.Errorf("%s is not what package boards says (%v): run go generate ./dashboards", file(d), err)
		}
	}
	if list, _ := fs.Glob(dashboards.Files, "json/*"); len(list) != len(all) {
		t.Errorf("%d files for %d boards: run go generate ./dashboards", len(list), len(all))
	}
}

func rewrite(t *testing.T, all []*grafana.Dashboard) {
	old, _ := filepath.Glob("json/*.json")
	for _, f := range old {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range all {
		if err := os.WriteFile(file(d), written(t, d), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
