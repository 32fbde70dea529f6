package vocabulary_test

import (
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"peerbed/protocols/vocabulary"
)

var update = flag.Bool("update", false, "write README.md anew")

func TestTableIsCurrent(t *testing.T) {
	const file = "README.md"
	if *update {
		if err := os.WriteFile(file, []byte(vocabulary.Table()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil || string(b) != vocabulary.Table() {
		t.Errorf("%s is not what the table says (%v): run go test ./protocols/vocabulary -update", file, err)
	}
}

// What Prometheus asks of names, and what the package promises.
func TestNames(t *testing.T) {
	name, label := regexp.MustCompile(`^peerbed_[a-z_]+$`), regexp.MustCompile(`^[a-z]+$`)
	seen := map[string]bool{}
	for _, m := range vocabulary.All {
		switch {
		case seen[m.Name]:
			t.Errorf("%s twice", m.Name)
		case !name.MatchString(m.Name):
			t.Errorf("%q is no name of ours", m.Name)
		case (m.Kind == vocabulary.Counter) != strings.HasSuffix(m.Name, "_total"):
			t.Errorf("%s is a %s: counters, and they alone, end in _total", m.Name, m.Kind)
		case (m.Kind == vocabulary.Info) != (strings.HasSuffix(m.Name, "_info") || m.Name == "peerbed_phase_active"):
			t.Errorf("%s is a %s", m.Name, m.Kind)
		case (m.Kind == vocabulary.Histogram) != (len(m.Buckets) > 0) || !slices.IsSorted(m.Buckets):
			t.Errorf("%s is a %s with the buckets %v", m.Name, m.Kind, m.Buckets)
		case (m.Unit == "seconds" || m.Unit == "bytes" || m.Unit == "ratio") && !strings.Contains(m.Name, m.Unit):
			t.Errorf("%s does not name its unit, %s", m.Name, m.Unit)
		case !strings.HasSuffix(m.Help, "."):
			t.Errorf("%s: %q is no sentence", m.Name, m.Help)
		case strings.HasPrefix(m.Name, "peerbed_node_") != slices.Contains(m.Labels, "node"):
			t.Errorf("%s has the labels %v: single nodes have names and labels of their own", m.Name, m.Labels)
		}
		seen[m.Name] = true
		for _, l := range m.Labels {
			if !label.MatchString(l) || slices.Contains(vocabulary.Common, l) {
				t.Errorf("%s: label %q", m.Name, l)
			}
		}
		if vocabulary.Named(m.Name) != m {
			t.Errorf("%s is not found by its name", m.Name)
		}
	}
	if vocabulary.Named("peerbed_no_such_thing") != nil {
		t.Error("a name that is nobody's was found")
	}
}
