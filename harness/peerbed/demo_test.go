package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"peerbed/harness/record"
)

// The half of the demo that is simulated tells what the lecture tells.
func TestDemoTellsTheLecture(t *testing.T) {
	var out bytes.Buffer
	d := &story{ctx: context.Background(), out: &out, seed: 1, page: record.Page{Title: "demo"}}
	if err := d.tell(d.lookup, d.crash, d.cut, d.longCut); err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(out.String()), " ")
	at := 0
	for _, want := range []string{
		"N16 > N32 > N45 > N80 > N96 > N112 > and round again",
		"finger 4 from 96 on N96", "finger 5 from 112 on N112", "finger 6 from 16 on N16", // ft[80]
		"N80 asks N16 is finger 6 of N80 N32 is finger 4 of N16 N45 is successor of N32 Found at N45, in 3 hops",
		"A crash, with 1 copy", "Not found: the nodes that should have it do not",
		"A crash, with 2 copies", "Found at N80",
		"A cut, and a heal", "Not found: nobody answers", "Found at N45",
		"A cut that lasts", "Not found",
	} {
		i := strings.Index(text[at:], want)
		if i < 0 {
			t.Fatalf("the story lacks %q, or tells it too early:\n%s", want, out.String())
		}
		at += i + len(want)
	}
	if got := len(d.page.Parts[0].Overlay.Pictures); got != 6 {
		t.Errorf("%d pictures, want 6", got)
	}
}

func TestDemoWritesItsPage(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PEERBED_OUT", dir)
	var out bytes.Buffer
	d := &story{ctx: context.Background(), out: &out, page: record.Page{Title: "demo"}}
	if err := d.end(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "demo-*", "index.html"))
	if err != nil || len(files) != 1 || !strings.Contains(out.String(), files[0]) {
		t.Errorf("pages %v (%v); the demo says %s", files, err, out.String())
	}
}

// What cannot be understood is said in one sentence, with exit status 2.
func TestCommandLines(t *testing.T) {
	for _, c := range []struct {
		args   string
		status int
		out    string // part of standard output
		errs   string // part of standard error, one line
	}{
		{"", 2, "", "peerbed demo"},
		{"-h", 0, "peerbed demo", ""},
		{"--help", 0, "peerbed demo", ""},
		{"help", 0, "peerbed demo", ""},
		{"demo -h", 0, "-seed", ""},
		{"demo --help", 0, "-backend", ""},
		{"dmeo", 2, "", `no command "dmeo"; there are demo`},
		{"demo -sed 1", 2, "", "flag provided but not defined: -sed"},
		{"demo -seed x", 2, "", `invalid value "x" for flag -seed`},
		{"demo more", 2, "", `want 0 arguments, not ["more"]`},
		{"demo -backend moon", 2, "", "docker or proc"},
		{"clean -backend sim", 2, "", "docker or proc"},
		{"clean all", 2, "", `want 0 arguments, not ["all"]`},
		{"clean -h", 0, "-run id", ""},
		{"doctor -o xml", 2, "", "table or json"},
		{"doctor -h", 0, "-quick", ""},
	} {
		var out, errs bytes.Buffer
		status := run(context.Background(), strings.Fields(c.args), &out, &errs)
		if status != c.status || !strings.Contains(out.String(), c.out) || !strings.Contains(errs.String(), c.errs) {
			t.Errorf("peerbed %s: status %d, out %q, errors %q", c.args, status, out.String(), errs.String())
		}
		if c.args != "" && c.status != 0 && strings.Count(errs.String(), "\n") != 1 {
			t.Errorf("peerbed %s: errors are not one line: %q", c.args, errs.String())
		}
	}
}
