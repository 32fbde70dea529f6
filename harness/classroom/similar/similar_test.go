package similar_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"peerbed/harness/classroom/similar"
)

const reference = "../../../experiments/assignments/05-chord/reference"

func folder(t *testing.T, dir string) similar.Prints {
	t.Helper()
	p, err := similar.Folder(dir)
	if err != nil || len(p) < 50 {
		t.Fatalf("%s has %d fingerprints, %v", dir, len(p), err)
	}
	return p
}

// A source with other names, comments and layout is found; another program for the
// same task is not; what everybody was given does not count.
func TestShare(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(reference, "ring.go"))
	if err != nil {
		t.Fatal(err)
	}
	changed := regexp.MustCompile(`(?m)//.*$`).ReplaceAllString(string(b), "// mine")
	changed = regexp.MustCompile(`\b[a-z]*(succs|pred|rounds|node|adopt|answered)\b`).ReplaceAllString(changed, "my$1")
	changed = strings.ReplaceAll(changed, "\n\t", "\n\n\t\t ")
	ours := folder(t, reference)
	if share := similar.Text(changed).Share(ours, nil); share < 0.95 {
		t.Errorf("%.2f of a disguised copy is found", share)
	}
	for _, other := range []string{"../../../protocols/pastry", "../../../harness/sim", reference + "/../variants/python"} {
		if share := folder(t, other).Share(ours, nil); share > 0.05 {
			t.Errorf("%.2f of %s is found in the reference", share, other)
		}
	}
	if share := ours.Share(ours, ours); share != 0 {
		t.Errorf("%.2f of what everybody was given counts", share)
	}
}

// FuzzText: no text is too strange, and each is all in itself.
func FuzzText(f *testing.F) {
	f.Add("def f(x): return 'it''s' # yes\n")
	f.Add("func f() { `\x00")
	f.Fuzz(func(t *testing.T, source string) {
		p := similar.Text(source)
		if share := p.Share(p, nil); len(p) > 0 && share != 1 {
			t.Errorf("%v of a text is found in itself", share)
		}
	})
}
