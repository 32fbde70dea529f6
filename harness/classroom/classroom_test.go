package classroom

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"peerbed/harness/hunt"
)

const chordDir = "../../experiments/assignments/05-chord"

// The test binary is also the programs that misbehave.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 {
		if play := programs[os.Args[1]]; play != nil {
			play(os.Args[2:])
			return
		}
	}
	os.Exit(m.Run())
}

var programs = map[string]func(args []string){"misbehave": func(args []string) { misbehave(args[0]) }}

func misbehave(how string) {
	in := bufio.NewScanner(os.Stdin)
	for n := 0; in.Scan(); n++ {
		switch {
		case how == "exit":
			fmt.Fprintln(os.Stderr, "I give up")
			return
		case how == "hang":
			select {}
		case how == "spin":
			for n := 0; n < 2; n ^= 1 {
			}
		case how == "prose":
			fmt.Println("--- PASS: TestEverything")
		case how == "flood":
			fmt.Println("[" + strings.Repeat(" ", 2<<20) + "]")
		case how == "many":
			fmt.Println("[" + strings.Repeat(`{"after":1},`, 5000) + `{"after":1}]`)
		case how == "empty":
			fmt.Println("[{}]")
		case how == "nobody":
			fmt.Println(`[{"send":"here","body":1}]`)
		case how == "twice":
			fmt.Println(`[{"result":7}]`)
		case how == "clock" && n == 0:
			fmt.Printf("[{\"after\":%d}]\n", 1e9+time.Now().UnixNano()%1e6)
		default:
			fmt.Println("[]")
		}
	}
}

func chordAssignment(t *testing.T) *Manifest {
	t.Helper()
	m, err := Load(chordDir)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// only leaves the tests named of a manifest.
func only(m *Manifest, ids ...string) *Manifest {
	n := *m
	n.Parts, n.Gates = nil, nil
	for _, p := range m.Parts {
		q := Part{ID: p.ID, Title: p.Title}
		for _, t := range p.Tests {
			for _, id := range ids {
				if t.ID == id {
					q.Tests = append(q.Tests, t)
				}
			}
		}
		n.Parts = append(n.Parts, q)
	}
	return &n
}

// A program that does not keep to the rules fails, in words, and never the grader.
func TestMisbehaviour(t *testing.T) {
	for how, want := range map[string]string{
		"exit": "I give up", "hang": "no answer within", "spin": "it was killed", "prose": "want one array of actions", "flood": "a line of more than",
		"many": "5001 actions", "empty": "exactly one of", "nobody": "send:", "twice": "no such wish",
		"clock": "draws from a clock",
	} {
		m := only(chordAssignment(t), "starts")
		m.Parts[0].Tests[0].Checks = nil
		m.Seeds = Seeds{Public: 1, Hidden: 1, Split: 1}
		limits := m.Limits
		switch how {
		case "hang":
			limits.Answer = Duration(200 * time.Millisecond)
		case "spin": // it wants to answer: no time on the wall ends it, its own does
			limits.Answer, limits.CPU = Duration(200*time.Millisecond), 0
		}
		p := &Program{argv: []string{os.Args[0], "misbehave", how}, dir: t.TempDir(), reads: []string{os.Args[0]}, limits: limits}
		g := m.Grade(t.Context(), p, Options{Course: m.NewCourse("x"), Time: time.Minute})
		if r := g.Results[0]; r.Verdict != Fail || r.Points != 0 || !strings.Contains(r.Why, want) {
			t.Errorf("%s: %s with %v points: %s; want it to fail with %q", how, r.Verdict, r.Points, r.Why, want)
		}
	}
	p := &Program{argv: []string{"/nothing"}, dir: filepath.Join(t.TempDir(), "nowhere"), limits: chordAssignment(t).Limits}
	m := only(chordAssignment(t), "starts")
	if r := m.Grade(t.Context(), p, Options{Time: time.Minute}).Results[0]; r.Verdict != Infrastructure {
		t.Errorf("a program that cannot be started: %s, want infrastructure", r.Verdict)
	}
	if r := m.Grade(t.Context(), p, Options{}).Results[0]; r.Verdict != Unknown {
		t.Errorf("no time at all: %s, want unknown", r.Verdict)
	}
}

// The reference has all points of the first tests, a mutant has not; its failure is
// small, is kept, and plays again to the same bytes. Programs in Go are built from
// their own files and our contract alone.
func TestGradeAndReplay(t *testing.T) {
	m := only(chordAssignment(t), "starts", "alone", "pair")
	m.Seeds = Seeds{Public: 1, Hidden: 2, Split: 1}
	w, err := NewWorkshop("../..", m.Limits)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	c := m.NewCourse("fa27")
	o := Options{Course: c, Time: time.Minute, Program: "peerbed"}
	grade := func(edits []Edit) (*Program, *Grade) {
		p, err := w.Build(t.Context(), filepath.Join(chordDir, "reference"), edits, c.Flags)
		if err != nil {
			t.Fatal(err)
		}
		return p, m.Grade(t.Context(), p, o)
	}
	if _, g := grade(nil); g.Points != g.Most || len(g.Failures) > 0 {
		t.Fatalf("the reference:\n%s", g.Text())
	}
	p, g := grade(mutant(t, m, "wrong-owner").Edits)
	if g.Results[2].Verdict != Fail || len(g.Failures) != 1 {
		t.Fatalf("keys at the wrong owner:\n%s", g.Text())
	}
	dir := t.TempDir()
	if err := g.Save(dir); err != nil {
		t.Fatal(err)
	}
	f, err := ReadFailure(FailureFile(dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	now, same, err := m.Replay(t.Context(), p, f)
	if err != nil || !same {
		t.Errorf("played again it is otherwise (%v): %+v", err, now)
	}
	right, _ := grade(nil)
	if now, same, err := m.Replay(t.Context(), right, f); err != nil || same || now.Case.Invariant != "" {
		t.Errorf("the reference violates what the mutant did: %v, %+v", err, now.Case)
	}
	for _, file := range []string{"index.html", "results.json", "junit.xml", "grade.csv"} {
		b, err := os.ReadFile(filepath.Join(dir, "grade", file))
		if err != nil || !strings.Contains(string(b), "pair") && !strings.Contains(string(b), "Two nodes") {
			t.Errorf("%s does not tell of the test: %v", file, err)
		}
	}
}

func mutant(t *testing.T, m *Manifest, name string) Mutant {
	t.Helper()
	for _, u := range m.Mutants {
		if u.Name == name {
			return u
		}
	}
	t.Fatalf("no mutant %s", name)
	return Mutant{}
}

// What does not build is a failure of its author's, and says why.
func TestDoesNotBuild(t *testing.T) {
	m := chordAssignment(t)
	dir := t.TempDir()
	g, err := m.GradeFolder(t.Context(), "../..", dir, Options{Course: m.NewCourse("x")})
	if err != nil || g.Results[0].Verdict != Fail || !strings.Contains(g.Results[0].Why, "nothing to run") {
		t.Errorf("an empty folder: %v %+v", err, g.Results[0])
	}
}

// A manifest that makes no sense is refused, in words.
func TestManifestRefused(t *testing.T) {
	good, err := os.ReadFile(filepath.Join(chordDir, "assignment.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range [][3]string{
		{`"title"`, `"titel"`, "unknown field"}, {`"points": 100`, `"points": 99`, "add up to 100"},
		{`"oracle": "ring"`, `"oracle": "delphi"`, "no oracle"}, {`"needs": ["starts"]`, `"needs": ["churn"]`, "no test before it"},
		{`"checks": ["identity"]`, `"checks": ["luck"]`, "no check"}, {`"cap": 0.6`, `"cap": 6`, "cap of 0 to 1"},
		{`"nodes": [1, 4]`, `"nodes": [4, 1]`, "in order"}, {`"nodes": [1, 4]`, `"nodes": [1, 1000000]`, "to 64"},
	} {
		text := strings.Replace(string(good), c[0], c[1], 1)
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "assignment.json"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%s: %v, want it to say %q", c[1], err, c[2])
		}
	}
}

// Every mutant and variant still applies to the reference.
func TestMutantsApply(t *testing.T) {
	for _, m := range assignments(t) {
		all, err := m.samples()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			dir := t.TempDir()
			if err := copySubmission(s.dir, dir); err != nil {
				t.Fatal(err)
			}
			for _, e := range s.edits {
				if err := e.apply(dir); err != nil {
					t.Errorf("%s: %s: %v", m.Name, s.name, err)
				}
			}
		}
	}
}

// assignments loads all.
func assignments(t *testing.T) (all []*Manifest) {
	t.Helper()
	files, err := filepath.Glob("../../experiments/assignments/*/assignment.json")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d assignments, %v", len(files), err)
	}
	for _, f := range files {
		m, err := Load(filepath.Dir(f))
		if err != nil {
			t.Fatal(err)
		}
		if m.Name != filepath.Base(filepath.Dir(f)) {
			t.Errorf("%s calls itself %s", f, m.Name)
		}
		all = append(all, m)
	}
	return all
}

// Courses ask for different things, each for the same every time.
func TestCourses(t *testing.T) {
	m := chordAssignment(t)
	all := map[string]bool{}
	for i := range 200 {
		key := fmt.Sprint("course ", i)
		c := m.NewCourse(key)
		if again := m.NewCourse(key); fmt.Sprint(c) != fmt.Sprint(again) {
			t.Fatalf("%s: %v and %v", key, c, again)
		}
		all[strings.Join(c.Flags, " ")] = true
	}
	if want := 2 * 2 * 3 * 3; len(all) != want {
		t.Errorf("200 courses ask for %d things, want %d", len(all), want)
	}
}

// A handout has no hidden test, no mutant, and says what the course asks for.
func TestHandout(t *testing.T) {
	m, to := chordAssignment(t), t.TempDir()
	c := m.NewCourse("fa27")
	if err := m.Handout("../..", to, c); err != nil {
		t.Fatal(err)
	}
	p, err := Load(to)
	if err != nil {
		t.Fatal(err)
	}
	if p.test("leave") != nil || len(p.Mutants) > 0 || p.test("churn") == nil {
		t.Error("the handout shows a hidden test or a mutant, or lacks a visible one")
	}
	text, err := os.ReadFile(filepath.Join(to, "README.md"))
	if err != nil || !strings.Contains(string(text), c.Ways["owner"].Text) {
		t.Errorf("the handout does not say what the course asks for: %v", err)
	}
	if got, err := ReadCourse(to); err != nil || got.Ways["field"] != c.Ways["field"] {
		t.Errorf("the course is read back as %v, %v", got, err)
	}
	if err := m.Handout("../..", to, c); err == nil {
		t.Error("a handout was overwritten")
	}
}

// The oracle agrees with counting ids one by one.
func TestRingOwner(t *testing.T) {
	m := chordAssignment(t)
	for i := range 40 {
		r := &run{course: m.NewCourse(fmt.Sprint(i)), layout: layOut(uint16(i), 1+i%5), lives: make([]*node, 1+i%5), c: &hunt.Case{}}
		for k := range r.lives {
			r.lives[k] = &node{}
		}
		step := uint16(1)
		if (r.course.Ways["direction"].Name == "clockwise") != (r.course.Ways["owner"].Name == "after") {
			step = ^uint16(0)
		}
		for _, key := range []uint16{0, 1, 0xffff, 0x8000, r.ids[0], r.ids[0] + 1, r.ids[0] - 1} {
			at := key
			for r.at(at) < 0 {
				at += step
			}
			want := r.addrs[r.at(at)]
			if got := r.circle().expect(hexID(key)).found[0]; got != want {
				t.Errorf("%v: key %04x belongs to %v, not to %v", r.course.Flags, key, want, got)
			}
		}
	}
}

// at is the node with an id; -1: none has it.
func (r *run) at(id uint16) int {
	for i, o := range r.ids {
		if o == id {
			return i
		}
	}
	return -1
}

// Our own Chord, handed in, is named, and so is another's work; a right program that
// is somebody's own is not.
func TestSimilar(t *testing.T) {
	m, all := chordAssignment(t), t.TempDir()
	for name, from := range map[string]string{"ours": "../../protocols/chord", "first": filepath.Join(chordDir, "variants/python"), "second": filepath.Join(chordDir, "variants/python")} {
		if err := copySubmission(from, filepath.Join(all, name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"ours": "100 % of the submission's source is also in protocols/chord", "second": "100 % of the submission's source is also in " + filepath.ToSlash(all) + "/first"} {
		notes, err := m.Similar("../..", filepath.Join(all, name), all)
		if err != nil || !strings.Contains(strings.Join(notes, "\n"), want) {
			t.Errorf("%s: %q, %v; want %q", name, notes, err, want)
		}
	}
	if notes, err := m.Similar("../..", filepath.Join(chordDir, "reference"), ""); err != nil || len(notes) > 0 {
		t.Errorf("the reference is like %q, %v", notes, err)
	}
}

// A file that no grade has saved is refused.
func TestBadFailure(t *testing.T) {
	for text, want := range map[string]string{
		`{`: "no failure", `{}`: "no failure", `{"Case":{"Nodes":0}}`: "want 1 to",
		`{"Case":{"Nodes":2,"Events":[{"Do":"shape","Links":{}}]}}`:  "no assignment has",
		`{"Case":{"Nodes":2,"Events":[{"Do":"crash","Nodes":[7]}]}}`: "no node 7",
	} {
		file := filepath.Join(t.TempDir(), "failure-1.json")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadFailure(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// The tests of the assignment tell right from wrong: see Check. It plays a hundred
// networks for each program, so it is no test for every day.
func TestAssignments(t *testing.T) {
	if os.Getenv("PEERBED_SOAK") == "" {
		t.Skip("it takes many minutes: PEERBED_SOAK=1 plays it")
	}
	for _, m := range assignments(t) {
		for i := range 5 {
			key := fmt.Sprint("soak ", i)
			if err := m.Check(context.Background(), "../..", m.NewCourse(key), key, os.Stderr); err != nil {
				t.Errorf("%s, %s: %v", m.Name, key, err)
			}
		}
	}
}

// A fault has a text of its own, and what was written to standard error.
func TestFault(t *testing.T) {
	f := &Fault{"it ended", "why"}
	if got, ok := errors.AsType[*Fault](fmt.Errorf("x: %w", f)); !ok || !strings.Contains(got.Error(), "why") {
		t.Error(got)
	}
}
