package resident

import (
	"errors"
	"os"
	"strings"
	"testing"

	"peerbed/harness"
)

// home gives a test a folder of its own for state folders.
func home(t *testing.T) {
	t.Helper()
	dir, err := os.MkdirTemp("", "pbf")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	t.Setenv("TMPDIR", dir)
}

func claim(t *testing.T, name string) *Folder {
	t.Helper()
	f, err := Claim(name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// A name has one holder at a time; it is free again as soon as the folder is
// removed, though its process lives on.
func TestClaim(t *testing.T) {
	home(t)
	f := claim(t, "a")
	if _, err := Claim("a"); !errors.Is(err, ErrTaken) || !strings.Contains(err.Error(), "peerbed down -name a") {
		t.Errorf("a second claim: %v", err)
	}
	claim(t, "b").Release()
	if err := f.remove(); err != nil {
		t.Fatal(err)
	}
	if list, err := List(); len(list) > 0 || err != nil {
		t.Errorf("left: %v, %v", list, err)
	}
	g := claim(t, "a")
	if f.reachable() {
		t.Error("whoever lost its folder takes another's for its own")
	}
	if err := errors.Join(f.Release(), g.Release()); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "..", "a/b", "A", "-x", strings.Repeat("x", 33)} {
		if _, err := Claim(bad); err == nil || !strings.Contains(err.Error(), "want lower-case letters") {
			t.Errorf("the name %q: %v", bad, err)
		}
	}
}

// What is damaged is said in words with a command that helps, and the dead are
// told from the living.
func TestList(t *testing.T) {
	home(t)
	defer claim(t, "alive").Release()
	dead := claim(t, "dead")
	os.WriteFile(folderOf("dead")+"/"+logName, []byte("first\npanic: last words\n"), 0o600)
	dead.lock.Close()
	os.WriteFile(folderOf("file"), nil, 0o600)
	os.Mkdir(folderOf("open"), 0o755)
	list, err := List()
	if err != nil || len(list) != 4 || !list[0].Alive || list[1].Alive || list[2].Err == nil {
		t.Fatalf("the list is %+v, %v", list, err)
	}
	for name, want := range map[string]string{
		"alive": "comes up or goes down just now",
		"dead":  "its last words: panic: last words; clear its name with peerbed down -name dead",
		"file":  "the state folder of file is damaged (it is no folder); remove it: rm -r ",
		"none":  "no cluster is called none",
	} {
		if _, err := Dial(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("dialling %s: %v, want %q", name, err, want)
		}
	}
	if _, err := Claim("open"); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("a folder that others may enter: %v", err)
	}
	found, err := Clean(t.Context(), harness.Cleaning{Dry: true})
	if err != nil || len(found) != 4 || found[0].Kept != "it is alive; peerbed down -name alive ends it" || found[1].Kept != "" {
		t.Errorf("a look finds %+v, %v", found, err)
	}
	os.Remove(folderOf("file"))
	os.Remove(folderOf("open"))
	if text, err := Down(t.Context(), "dead"); err != nil || !strings.Contains(text, "dead already") {
		t.Errorf("down of a dead one: %q, %v", text, err)
	}
	os.WriteFile(folderOf("file"), nil, 0o600)
	claim(t, "dead").lock.Close()
	if found, err := Clean(t.Context(), harness.Cleaning{}); err != nil || len(found) != 3 {
		t.Errorf("cleaning finds %+v, %v", found, err)
	}
	if list, _ := List(); len(list) != 1 || list[0].Name != "alive" {
		t.Errorf("cleaning leaves %+v", list)
	}
	if got, err := Choose(""); got != "alive" || err != nil {
		t.Errorf("without a name: %q, %v", got, err)
	}
}
