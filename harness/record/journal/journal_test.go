package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"peerbed/harness/plan"
	"peerbed/protocols/p2p"
	"peerbed/protocols/vocabulary"
)

func quiet(t *testing.T) func(error) {
	return func(err error) { t.Errorf("complained: %v", err) }
}

// write writes a small run and returns its file.
func write(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), File)
	w, err := Create(file, Run{Name: "TestX", Seed: 3}, quiet(t))
	if err != nil {
		t.Fatal(err)
	}
	c := w.Begin(Cluster{Cluster: "chord", Protocol: "chord", Clock: Virtual, Nodes: 2})
	c.Tell(Nodes{Names: []string{"chord-0", "chord-1"}, Addrs: []p2p.Addr{1, 2}, Roles: []string{"peer", "peer"}})
	live := Value{Metric: vocabulary.LiveNodes, V: 2}
	sent := func(n float64) Value {
		return Value{Metric: vocabulary.Messages, Labels: []string{"ask", "lookup", "sent"}, V: n}
	}
	c.Sample(1*time.Second, []Value{live, sent(5)})
	c.Sample(2*time.Second, []Value{live, sent(9)})
	c.Write(Line{Fault: &Fault{Cluster: c.Name, N: 2, Name: "cut", Since: 2}})
	c.Write(Line{Fault: &Fault{Cluster: c.Name, N: 1, Name: "crash", Since: 1}})
	c.Write(Line{Fault: &Fault{Cluster: c.Name, N: 2, Name: "cut", Since: 2, Until: 3}})
	c.Write(Line{Operation: &Operation{Cluster: c.Name, Op: plan.Find, Name: "file-1", At: 2 * time.Second, Took: time.Second, Result: "ok",
		Path: []p2p.Hop{{Addr: 1}, {Addr: 2, By: "finger 3"}}}})
	other := w.Begin(Cluster{Cluster: "chord"})
	for i := range 2 {
		other.Write(Line{Overlay: &Overlay{Cluster: other.Name, At: 7, Title: "before", Node: i, State: p2p.State{Self: p2p.Addr(i), ID: "a0"}}})
	}
	c.End(End{At: 5 * time.Second})
	return file
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	j, err := Load(write(t))
	if err != nil || len(j.Damage) > 0 || len(j.Clusters) != 2 {
		t.Fatalf("%+v, %v: want two clusters and no damage", j, err)
	}
	a, b := j.Clusters[0], j.Clusters[1]
	if a.Cluster.Cluster != "chord" || b.Cluster.Cluster != "chord-2" || a.End == nil || b.End != nil || a.Last != 5*time.Second {
		t.Errorf("clusters %+v and %+v", a, b)
	}
	if !reflect.DeepEqual(a.Names, []string{"chord-0", "chord-1"}) || len(a.Addrs) != 2 {
		t.Errorf("nodes %v at %v", a.Names, a.Addrs)
	}
	if len(a.Faults) != 2 || a.Faults[0].Name != "crash" || a.Faults[1].Until != 3 {
		t.Errorf("faults %+v: want each once, as it was last, in order", a.Faults)
	}
	if len(a.Operations) != 1 || a.Operations[0].Path[1].By != "finger 3" {
		t.Errorf("operations %+v", a.Operations)
	}
	if len(b.Overlays) != 1 || len(b.Overlays[0].Nodes) != 2 {
		t.Errorf("overlays %+v: want one of two nodes", b.Overlays)
	}
}

func TestSeriesOverTime(t *testing.T) {
	j, err := Load(write(t))
	if err != nil {
		t.Fatal(err)
	}
	g := j.Clusters[0]
	live, sent := g.Find("peerbed_live_nodes"), g.Find("peerbed_messages_total", "class=lookup", "direction=sent")
	if len(live) != 1 || len(sent) != 1 || len(g.Find("peerbed_messages_total", "class=transfer")) != 0 {
		t.Fatalf("found %v and %v", live, sent)
	}
	if len(live[0].Points) != 1 || len(sent[0].Points) != 2 {
		t.Errorf("points %v and %v: want one where nothing changed, and two", live[0].Points, sent[0].Points)
	}
	for at, want := range map[time.Duration]float64{0: 0, time.Second: 5, 1999 * time.Millisecond: 5, time.Hour: 9} {
		if got := Sum(sent, at); got != want {
			t.Errorf("%v messages at %v, want %v", got, at, want)
		}
	}
}

// A run that is killed while it writes leaves all but its last line, wherever it
// is cut.
func TestHalfAJournalIsReadable(t *testing.T) {
	b, err := os.ReadFile(write(t))
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.IndexByte(b, '\n') + 1
	for n := first; n <= len(b); n++ {
		j, err := load(NewReader("x", bytes.NewReader(b[:n])))
		if err != nil {
			t.Fatalf("cut after %d bytes: %v", n, err)
		}
		half := b[n-1] != '\n'
		if half != (len(j.Damage) == 1) || half && !strings.Contains(j.Damage[0], "half a line") {
			t.Fatalf("cut after %d bytes: damage %q", n, j.Damage)
		}
	}
}

func TestDamageIsPassedOver(t *testing.T) {
	b, err := os.ReadFile(write(t))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(b), "\n")
	for i := range lines[:len(lines)-1] {
		bad := strings.Join(lines[:i], "") + "{\"sample\": oops\n" + strings.Join(lines[i+1:], "")
		j, err := load(NewReader("f", strings.NewReader(bad)))
		if err != nil || len(j.Damage) == 0 || !strings.HasPrefix(j.Damage[0], fmt.Sprintf("f:%d: ", i+1)) {
			t.Errorf("line %d damaged: %v, %+v", i+1, err, j)
		}
	}
	long := lines[0] + strings.Repeat("x", MaxLine+10) + "\n" + strings.Join(lines[1:], "")
	if j, err := load(NewReader("f", strings.NewReader(long))); err != nil || len(j.Damage) != 1 || len(j.Clusters) != 2 {
		t.Errorf("a long line: %v, %+v", err, j)
	}
	if _, err := load(NewReader("f", strings.NewReader("no journal\nat all\n"))); err == nil {
		t.Error("a file that is no journal was read")
	}
	newer := strings.Replace(string(b), `"Version":1`, `"Version":99`, 1)
	if _, err := load(NewReader("f", strings.NewReader(newer))); err == nil || !strings.Contains(err.Error(), "newer peerbed") {
		t.Errorf("a journal of version 99: %v", err)
	}
}

// A growing is a file that another process appends to.
type growing struct{ bytes.Buffer }

func TestNextGoesOnWhereTheFileGrows(t *testing.T) {
	g := &growing{}
	r := NewReader("g", g)
	g.WriteString(`{"run":{"Version":1}}` + "\n" + `{"end":{"Clus`)
	if l, err := r.Next(); err != nil || l.Run == nil {
		t.Fatalf("%+v, %v", l, err)
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) {
		t.Fatalf("half a line: %v, want EOF", err)
	}
	g.WriteString(`ter":"chord"}}` + "\n")
	if l, err := r.Next(); err != nil || l.End == nil || l.End.Cluster != "chord" || len(r.Damage()) > 0 {
		t.Fatalf("%+v, %v, damage %v", l, err, r.Damage())
	}
}

// A disk is full after some bytes, until there is room again.
type disk struct {
	bytes.Buffer
	room int
}

func (d *disk) Write(b []byte) (int, error) {
	n := min(len(b), d.room)
	d.room -= n
	d.Buffer.Write(b[:n])
	if n < len(b) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (d *disk) Close() error { return nil }

func TestFullDiskIsToldOnceAndTheRunGoesOn(t *testing.T) {
	d := &disk{room: 300}
	var told []error
	w := begin("run.jsonl", func() (io.WriteCloser, error) { return d, nil }, Run{}, func(err error) { told = append(told, err) })
	c := w.Begin(Cluster{Cluster: "chord"})
	for i := range 100 {
		c.Write(Line{Operation: &Operation{Cluster: c.Name, N: i}})
	}
	if len(told) != 1 || !errors.Is(told[0], syscall.ENOSPC) {
		t.Fatalf("told %v: want once that the disk is full", told)
	}
	d.room = 1 << 20
	c.Write(Line{End: &End{Cluster: c.Name}})
	j, err := load(NewReader("x", &d.Buffer))
	if err != nil || len(j.Damage) != 1 || len(j.Clusters) != 1 || j.Clusters[0].End == nil {
		t.Errorf("%+v, %v: want one damaged line, and the end that was written when there was room again", j, err)
	}
}

func TestRuns(t *testing.T) {
	out := t.TempDir()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	names := []string{FolderName("TestB", at.Add(time.Hour), "1"), FolderName("TestA", at, "18446744073709551615") + "-2", FolderName("TestA", at, "1")}
	for _, n := range append(names, "TestA", "gone-2026-s1") {
		if err := os.MkdirAll(filepath.Join(out, n, "seed-1"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	all, err := Runs(out)
	if err != nil || len(all) != 3 {
		t.Fatalf("%v, %v: want the three", all, err)
	}
	for i, f := range all {
		if f.Name != names[i] || f.Test != names[i][:5] {
			t.Errorf("%d: %+v, want %s", i, f, names[i])
		}
	}
	if all, err := Runs(filepath.Join(out, "nowhere")); err != nil || len(all) > 0 {
		t.Errorf("%v, %v: want none where there is no folder", all, err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(`{"run":{"Version":1}}` + "\n" + `{"cluster":{"Cluster":"a"}}` + "\n" + `{"series":{"Cluster":"a","Series":1}}` + "\n" + `{"sample":{"Cluster":"a","At":1,"Values":[[1,2]]}}` + "\n"))
	f.Add([]byte(`{"cluster":{"Cluster":"a"}}` + "\n" + `{"fault":{"Cluster":"a","N":-1}}` + "\n" + `{"nodes":{"Cluster":"a","First":3}}` + "\n\n{"))
	f.Fuzz(func(t *testing.T, b []byte) {
		j, err := load(NewReader("x", bytes.NewReader(b)))
		if err != nil {
			return
		}
		for _, g := range j.Clusters {
			for _, track := range g.Tracks {
				track.At(time.Second)
			}
		}
	})
}
