package agent

import (
	"os"
	"path/filepath"
	"testing"
)

// "Raise makes room in the machine's neighbour table", never lowers it, and the
// old limits can be written back.
func TestLimits(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "default"), 0o700); err != nil {
		t.Fatal(err)
	}
	before := Limits{128, 512, 1024}
	if err := writeLimits(dir, before); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		entries int
		want    Limits
	}{{0, before}, {100, before}, {10000, Limits{10000, 15000, 20000}}, {400, Limits{10000, 15000, 20000}}} {
		if err := raiseLimits(dir, c.entries); err != nil {
			t.Fatal(err)
		}
		if got, err := readLimits(dir); got != c.want || err != nil {
			t.Errorf("room for %d: %v (error %v), want %v", c.entries, got, err, c.want)
		}
	}
	if err := writeLimits(dir, ParseLimits(before.String())); err != nil {
		t.Fatal(err)
	}
	if got, _ := readLimits(dir); got != before {
		t.Errorf("restored: %v, want %v", got, before)
	}
	if got := ParseLimits("1/2"); got != (Limits{}) {
		t.Errorf("limits of nonsense: %v", got)
	}
}
