package napster_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"peerbed/protocols/napster"
)

// A tree gives each word a number of its own, and finds exactly those that it has
// been given.
func TestTree(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	var tree napster.Tree
	numbers := map[string]int{}
	for range 5000 {
		word := string([]byte("abcdefgh")[:1+r.IntN(3)]) + fmt.Sprint(r.IntN(700))
		n := tree.Insert(word)
		if old, ok := numbers[word]; ok && old != n || !ok && n != len(numbers) {
			t.Fatalf("%q is number %d, want %d of %d", word, n, old, len(numbers))
		}
		numbers[word] = n
	}
	for _, word := range slices.Sorted(maps.Keys(numbers)) {
		if n, compared := tree.Find(word); n != numbers[word] || compared < len(word) {
			t.Fatalf("find %q: %d after %d letters, want %d", word, n, compared, numbers[word])
		}
		if n, _ := tree.Find(word + "x"); n >= 0 {
			t.Fatalf("find %q: %d", word+"x", n)
		}
		if prefix := word[:len(word)-1]; prefix != "" {
			if n, _ := tree.Find(prefix); n >= 0 != (slices.Contains(slices.Collect(maps.Keys(numbers)), prefix)) {
				t.Fatalf("find %q, the beginning of a word: %d", prefix, n)
			}
		}
	}
	if n, _ := (&napster.Tree{}).Find("a"); n >= 0 {
		t.Error("an empty tree finds something")
	}
}

// A directory from which much is removed finds what is left, and takes no more memory
// than at its fullest.
func TestDirectoryForgets(t *testing.T) {
	d := newServer(t)
	bob := d.logged(atBob, "bob", "6699")
	eve := d.logged(atEve, "eve", "6699")
	r := rand.New(rand.NewPCG(2, 2))
	held := map[string]bool{}
	most := int64(0)
	for i := range 4000 {
		name := fmt.Sprintf("common word%d song%d", r.IntN(10), r.IntN(100))
		switch {
		case i%1000 == 999:
			bob.Say(frame(110, "")) // all
			clear(held)
		case held[name]:
			bob.Say(frame(102, `"`+name+`"`))
			delete(held, name)
		default:
			bob.Say(frame(100, `"`+name+`" x 1 1 1 1`))
			held[name] = true
		}
		if i%97 == 0 {
			eve.Said()
			eve.Say(frame(200, `FILENAME CONTAINS "common" MAX_RESULTS 1000`))
			if got := strings.Count(eve.Said(), `"common`); got != min(100, len(held)) {
				t.Fatalf("step %d: %d results, want %d", i, got, min(100, len(held)))
			}
		}
		if detail := d.detail(); detail.Files != len(held) {
			t.Fatalf("step %d: %d files, want %d", i, detail.Files, len(held))
		} else if i < 2000 {
			most = max(most, detail.Held)
		} else if detail.Held > 2*most {
			t.Fatalf("step %d: %d bytes are held for %d files; it were at most %d before", i, detail.Held, len(held), most)
		}
	}
}

// detail is what the node tells of itself.
func (d *desk) detail() napster.Detail { return d.Node.Inspect().Detail.(napster.Detail) }
