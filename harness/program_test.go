package harness

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"peerbed/protocols/p2p"
)

// lay makes a module of files and goes there.
func lay(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	files["go.mod"] = "module mine\n\ngo 1.26\n"
	for name, text := range files {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
}

func TestNodeProgram(t *testing.T) {
	const node, other = "package main\n\nimport \"peerbed/node/run\"\n\nfunc main() { run.Main() }\n", "package main\n\nfunc main() {}\n"
	for _, test := range []struct {
		name  string
		files map[string]string
		want  string
		err   string
	}{
		{"none", map[string]string{"cmd/main.go": other}, "peerbed/node", ""},
		{"one", map[string]string{"cmd/main.go": other, "node/main.go": node}, "mine/node", ""},
		{"at the root", map[string]string{"main.go": node}, "mine", ""},
		{"two", map[string]string{"a/main.go": node, "b/main.go": node}, "", "import peerbed/node/run: mine/a, mine/b; leave one"},
	} {
		t.Run(test.name, func(t *testing.T) {
			lay(t, test.files)
			got, err := NodeProgram(t.Context(), toy)
			if got != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("%q, error %v; want %q, %q", got, err, test.want, test.err)
			}
		})
	}
}

// Who has a protocol of his own and no program that speaks it is told what to
// add. (This module's protocols need none.)
func TestNodeProgramIsMissing(t *testing.T) {
	if home := homeOf(chordlike); home != "peerbed/harness" {
		t.Fatalf("its messages are of %q, want this package", home)
	}
	if _, err := pick("/mine", nil, chordlike, "mine/news"); err == nil || !strings.HasPrefix(err.Error(), "no program of the module in /mine speaks chordlike: add") {
		t.Errorf("error %v", err)
	}
	if got, err := pick("/mine", nil, chordlike, homeOf(chordlike)); got != ownProgram || err != nil {
		t.Errorf("%q, error %v, want this module's own program", got, err)
	}
}

var chordlike = &p2p.Protocol{Name: "chordlike", Kinds: []p2p.KindInfo{{Name: "up", Blank: (*p2p.Up)(nil)}, {Name: "ping", Blank: (*ping)(nil)}}}

type ping struct{}

func (*ping) Kind() p2p.Kind { return p2p.First }
func (*ping) Size() int      { return 0 }
