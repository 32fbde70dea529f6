package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"peerbed/harness/plan"
	"peerbed/harness/record/journal"
	"peerbed/harness/record/report"
	"peerbed/protocols/p2p"
)

// A play is what a test's run was like.
type play struct {
	test   string
	seed   uint64
	took   time.Duration // of every lookup
	fails  int           // one of so many lookups; 0: none
	nodes  int
	killed bool
	broken bool // a verdict
}

func addr(i int) p2p.Addr { return p2p.MakeAddr(10<<24|uint32(i+1), 7000) }

// write writes a journal into a folder, line by line as a run would.
func (p play) write(t *testing.T, folder string) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	line := func(l journal.Line) {
		if err := json.NewEncoder(&b).Encode(l); err != nil {
			t.Fatal(err)
		}
	}
	line(journal.Line{Run: &journal.Run{Version: journal.Version, Name: filepath.Base(folder), Test: p.test, Seed: p.seed,
		Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Repeat: "go test ./x -run '^" + p.test + "$'", Go: "go1.26", System: "linux/amd64", Processors: 2}})
	line(journal.Line{Cluster: &journal.Cluster{Cluster: "chord", Protocol: "chord", World: "sim", Detail: "one process", Clock: journal.Virtual, Nodes: p.nodes, Seed: p.seed}})
	n := &journal.Nodes{Cluster: "chord"}
	for i := range p.nodes {
		n.Names, n.Addrs, n.Roles = append(n.Names, fmt.Sprintf("chord-%d", i)), append(n.Addrs, addr(i)), append(n.Roles, "peer")
	}
	line(journal.Line{Nodes: n})
	for i, name := range []string{"peerbed_messages_total", "peerbed_live_nodes"} {
		s := &journal.Series{Cluster: "chord", Series: i + 1, Name: name}
		if i == 0 {
			s.Labels = map[string]string{"type": "ask", "class": "lookup", "direction": "sent"}
		}
		line(journal.Line{Series: s})
	}
	for phase, title := range []string{"before", "during the <cut>"} {
		p.phase(line, phase+1, title)
	}
	line(journal.Line{Figure: &journal.Figure{Test: p.test, Title: "Path length", X: "log2 N", Y: "hops", Curves: []journal.Curve{
		{Name: "expected", Theory: "log2 N / 2 (Stoica 2001)", Marks: []journal.Mark{{X: 3, Y: 1.5}, {X: 4, Y: 2}}},
		{Name: "measured", Marks: []journal.Mark{{X: 3, Y: 1.4 + float64(p.seed)/10}, {X: 4, Y: 2.1}}}}}})
	line(journal.Line{Verdict: &journal.Verdict{Test: p.test, What: "found", Want: "0.9 or more", Got: 0.95, OK: !p.broken}})
	if !p.killed {
		line(journal.Line{End: &journal.End{Cluster: "chord", At: 60 * time.Second}})
	}
	if err := os.WriteFile(filepath.Join(folder, journal.File), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (p play) phase(line func(journal.Line), phase int, title string) {
	const length = 25 * time.Second
	began := time.Duration(phase) * length
	line(journal.Line{Phase: &journal.Phase{Cluster: "chord", Phase: phase, At: began, Length: length, Title: title, Plans: []string{"workload.Lookups{Rate: 4}"}}})
	if phase == 2 {
		line(journal.Line{Fault: &journal.Fault{Cluster: "chord", N: 1, Name: "halves", Kind: "cut", Since: began + time.Second, Until: began + 20*time.Second}})
	}
	for i := range 100 {
		o := &journal.Operation{Cluster: "chord", Phase: phase, N: i, Op: plan.Find, Name: "file", Result: "ok", Hops: 2, Took: p.took,
			At: began + time.Duration(i)*length/100, Path: []p2p.Hop{{Addr: addr(0)}, {Addr: addr(3), By: "finger 2"}, {Addr: addr(4), By: "successor"}}}
		if p.fails > 0 && i%p.fails == 0 {
			o.Result, o.Error = "timeout", "timeout"
		}
		line(journal.Line{Operation: o})
		line(journal.Line{Sample: &journal.Sample{Cluster: "chord", At: o.At, Values: [][2]float64{{1, float64(phase*1000 + 10*i)}, {2, float64(p.nodes)}}}})
	}
	for i := range p.nodes {
		angle := float64(i) / float64(p.nodes)
		line(journal.Line{Overlay: &journal.Overlay{Cluster: "chord", At: began + length, Title: title, Node: i, Angle: &angle,
			State: p2p.State{Self: addr(i), ID: fmt.Sprintf("%04x", i), Neighbours: []p2p.Addr{addr((i + 1) % p.nodes), addr((i + p.nodes/2) % p.nodes)}}}})
	}
	line(journal.Line{Summary: &journal.Summary{Cluster: "chord", Phase: phase, N: 100, OK: 100, Messages: 6, Bytes: 120, Hours: float64(p.nodes) * length.Hours(),
		Traffic: []p2p.Traffic{{Kind: "ping", Class: p2p.Membership, Sent: uint64(50 * p.nodes), SentBytes: uint64(1000 * p.nodes)}}}})
}

// run writes a run of one journal and loads it.
func (p play) run(t *testing.T) *report.Run {
	t.Helper()
	folder := filepath.Join(t.TempDir(), p.test+"-20260102T030405-s1")
	p.write(t, folder)
	return load(t, folder)
}

func load(t *testing.T, folder string) *report.Run {
	t.Helper()
	r, err := report.Load(folder)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func usual() play {
	return play{test: "TestX", seed: 1, took: 80 * time.Millisecond, fails: 10, nodes: 24}
}

func html(t *testing.T, r *report.Run) string {
	t.Helper()
	b, err := r.HTML()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestReport(t *testing.T) {
	r := usual().run(t)
	page := html(t, r)
	for what, times := range map[string]int{
		`<svg class="chart"`:                5, // the figure, and four of the cluster
		`fill:var(--band)`:                  4, // the cut over each of the cluster's
		"log2 N / 2 (Stoica 2001)":          1,
		"stroke-dasharray:5,3":              1,
		`class="hop"`:                       4, // two hops in two pictures
		"during the &lt;cut&gt;":            -1,
		"go test ./x -run":                  1,
		"linux/amd64, 2 processors, go1.26": 1,
		"<td>90.0</td>":                     2,
		"<td>2.00</td>":                     4, // hops, and upkeep of 50 messages a node in 25 s
		"workload.Lookups{Rate: 4}":         2,
		`<th>p95 ms</th>`:                   1,
		"holds":                             -1,
	} {
		if n := strings.Count(page, what); n != times && (times >= 0 || n == 0) {
			t.Errorf("%q: %d times, want %d", what, n, times)
		}
	}
	if bad := regexp.MustCompile(`(?i)https?://|<script|<link|@import|src=|NaN|#fe01|-8000|%!`).FindString(page); bad != "" {
		t.Errorf("the page holds %q", bad)
	}
	if again := html(t, r); again != page {
		t.Error("the same journal gave two different pages")
	}
	if len(page) > 200_000 {
		t.Errorf("%d bytes", len(page))
	}
}

// Written reports are the same figures three times.
func TestWrite(t *testing.T) {
	r := usual().run(t)
	page, err := r.Write()
	if err != nil || filepath.Base(page) != "report.html" {
		t.Fatal(page, err)
	}
	b, err := os.ReadFile(filepath.Join(filepath.Dir(page), "report.csv"))
	if err != nil {
		t.Fatal(err)
	}
	cells, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil || len(cells) != 1+2*8 { // nothing was fetched
		t.Errorf("%d lines of CSV, %v", len(cells), err)
	}
	if b, err = os.ReadFile(filepath.Join(filepath.Dir(page), "report.json")); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Phases []struct {
			Measure string
			Value   report.Value
		}
	}
	if err := json.Unmarshal(b, &doc); err != nil || len(doc.Phases) != 16 || doc.Phases[0].Measure != "found" || doc.Phases[0].Value.Mean != 90 {
		t.Errorf("%+v, %v", doc, err)
	}
}

// Several seeds are one run with intervals.
func TestSeeds(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "TestX-20260102T030405-s1")
	for seed := range uint64(3) {
		p := usual()
		p.seed, p.took = seed+1, time.Duration(80+10*seed)*time.Millisecond
		p.write(t, filepath.Join(folder, fmt.Sprintf("seed-%d", p.seed)))
	}
	r := load(t, folder)
	page := html(t, r)
	for _, want := range []string{"Played with 3 seeds", "90.0 ± 24.8", "<dd>1, 2, 3</dd>"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	f := r.Figures()
	if len(f) != 1 || len(f[0].Curves[1].Marks) != 2 || math.Abs(f[0].Curves[1].Marks[0].Y-1.6) > 1e-9 || f[0].Curves[1].Marks[0].Low >= 1.6 {
		t.Errorf("figures of three seeds: %+v", f)
	}
}

// What is left of a killed run, wherever its journal ends, is a report that says
// so.
func TestKilledRun(t *testing.T) {
	p := usual()
	p.killed = true
	r := p.run(t)
	if page := html(t, r); !strings.Contains(page, "cut short") {
		t.Error("the page does not tell that the run was cut short")
	}
	whole, err := os.ReadFile(filepath.Join(r.Folder, journal.File))
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	for _, n := range []int{1, 2, 3, 5, 60, len(lines) - 3} {
		half := append(bytes.Join(lines[:n], nil), lines[n][:len(lines[n])/2]...)
		if err := os.WriteFile(filepath.Join(r.Folder, journal.File), half, 0o644); err != nil {
			t.Fatal(err)
		}
		if page := html(t, load(t, r.Folder)); !strings.Contains(page, "half a line") {
			t.Errorf("after %d lines: the page does not tell of the damage", n)
		}
	}
}

func TestLargeRunsFit(t *testing.T) {
	p := usual()
	p.nodes = 300
	r := p.run(t)
	log := r.Groups[0].Logs[0]
	for i := range 40 {
		m := log.Overlays[i%2]
		m.Title = fmt.Sprintf("moment %d", i)
		log.Overlays = append(log.Overlays, m)
	}
	if page := html(t, r); len(page) > report.MaxSize || !strings.Contains(page, "of 42 pictures of the overlay are shown") {
		t.Errorf("the page has %d bytes", len(page))
	}
}

// A test that starts hundreds of clusters has a report of what it found, and of
// those of them that it measured.
func TestManyClustersFit(t *testing.T) {
	r := usual().run(t)
	one := r.Groups[0]
	for i := range 45 {
		g := one
		g.Name = fmt.Sprintf("chord-%d", i+2)
		r.Groups = append(r.Groups, g)
	}
	page := html(t, r)
	if !strings.Contains(page, "more clusters, for which there is no room") || len(page) > report.MaxSize {
		t.Errorf("the page has %d bytes", len(page))
	}
}

func TestNoRun(t *testing.T) {
	empty := t.TempDir()
	if _, err := report.Load(empty); err == nil || !strings.Contains(err.Error(), "run.jsonl") {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := report.Load(filepath.Join(empty, "gone")); err == nil || !strings.Contains(err.Error(), "there is no folder") {
		t.Errorf("no folder: %v", err)
	}
	if err := os.WriteFile(filepath.Join(empty, journal.File), []byte("\x00\x01 rubbish\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := report.Load(empty); err == nil {
		t.Error("rubbish was loaded")
	}
}

func TestCompare(t *testing.T) {
	old := usual().run(t)
	slow := usual()
	slow.took, slow.fails, slow.broken = 120*time.Millisecond, 4, true
	c, err := report.Compare(old, slow.run(t))
	if err != nil {
		t.Fatal(err)
	}
	var worse []string
	for _, p := range c.Regressions(0.1) {
		worse = append(worse, p.String())
	}
	got := strings.Join(worse, "\n")
	for _, want := range []string{"chord, before: p50: from 80.0 ms to 120 ms (+50.0 %)", "before: found: from 90.0 % to 75.0 % (-16.7 %)", "found: held with 0.95, fails with 0.95"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if len(worse) != 7 { // found, p50, p95 of two phases, and the verdict
		t.Errorf("%d are worse:\n%s", len(worse), got)
	}
	if n := len(c.Regressions(0.6)); n != 1 {
		t.Errorf("%d are worse by 60 %%, want the verdict alone", n)
	}
	if n := len(c.Regressions(0.1, "found")); n != 3 {
		t.Errorf("%d of found are worse, want those of two phases and the verdict", n)
	}
	back, err := report.Compare(slow.run(t), old)
	if err != nil || len(back.Regressions(0)) != 0 {
		t.Errorf("what has become better counts as worse: %v, %v", back.Regressions(0), err)
	}
	table := c.Table(0.05)
	if text := table.String(); !strings.Contains(text, "+50.0 %") || !strings.Contains(text, "more differ by no more than 5 %") || !strings.Contains(text, "one seed") {
		t.Errorf("the table is\n%s", text)
	}
	var page, doc bytes.Buffer
	if _, err := c.Page().WriteTo(&page); err != nil || !strings.Contains(page.String(), "FAILS now") {
		t.Errorf("the page: %v", err)
	}
	if err := c.WriteJSON(&doc); err != nil || !json.Valid(doc.Bytes()) {
		t.Errorf("JSON: %v", err)
	}
}

// Where seeds tell that a difference is chance, no build fails on it.
func TestCompareWithSeeds(t *testing.T) {
	seeds := func(base, step int) *report.Run {
		folder := filepath.Join(t.TempDir(), "TestX-20260102T030405-s1")
		for seed := range 4 {
			p := usual()
			p.seed, p.took = uint64(seed+1), time.Duration(base+step*seed)*time.Millisecond
			p.write(t, filepath.Join(folder, fmt.Sprintf("seed-%d", p.seed)))
		}
		return load(t, folder)
	}
	for _, c := range []struct{ step, worse int }{{1, 4}, {60, 0}} { // p50 and p95 of two phases
		both, err := report.Compare(seeds(100, c.step), seeds(130, c.step))
		if err != nil {
			t.Fatal(err)
		}
		if n := len(both.Regressions(0.1)); n != c.worse {
			t.Errorf("seeds %d ms apart: %d are worse, want %d: %v", c.step, n, c.worse, both.Regressions(0.1))
		}
	}
}

func TestCompareOthers(t *testing.T) {
	other := usual()
	other.test = "TestY"
	if _, err := report.Compare(usual().run(t), other.run(t)); err == nil || !strings.Contains(err.Error(), "different tests") {
		t.Errorf("two tests: %v", err)
	}
}
