package store

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/pprof/profile"
	"github.com/grafana/pyroscope-go"

	"peerbed/harness/record/journal"
)

// A node's own client sends its profiles here, and they are pprof files below the
// run that it names.
func TestIngestFromPyroscopesClient(t *testing.T) {
	if flag.Lookup("test.cpuprofile").Value.String() != "" {
		t.Skip("this process can have one profile of the processor only, and -cpuprofile has it")
	}
	out := t.TempDir()
	written(t, out, began, 1)
	s := open(t, out)
	run := journal.FolderName("TestSent", began, "1")
	p, err := pyroscope.Start(pyroscope.Config{
		ApplicationName: "peerbed.node", ServerAddress: s.http.URL + "/runs/" + run, DisableGCRuns: true,
		// Without the processor's the client's Flush never returns.
		ProfileTypes: []pyroscope.ProfileType{pyroscope.ProfileCPU, pyroscope.ProfileInuseSpace, pyroscope.ProfileGoroutines},
		Tags:         map[string]string{"protocol": "chord", "node": "127.0.0.1:4000"},
	})
	if err != nil {
		t.Fatal(err)
	}
	p.Flush(true)
	p.Stop()
	kinds := map[string]bool{}
	for _, file := range kept(t, filepath.Join(out, run, "profiles", "127.0.0.1_4000")) {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		p, err := profile.Parse(f)
		f.Close()
		if err != nil || len(p.SampleType) == 0 {
			t.Errorf("%s: %v, %v", file, err, p)
		}
		_, kind, _ := strings.Cut(filepath.Base(file), "-")
		kinds[kind] = true
	}
	if !kinds["cpu.pb.gz"] || !kinds["inuse_space.pb.gz"] || !kinds["goroutine.pb.gz"] {
		t.Errorf("kept %v, want profiles of processor, memory and goroutines", kinds)
	}
}

// kept lists the profiles in a folder.
func kept(t *testing.T, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*.pb.gz"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// upload posts a profile.
func (s *server) upload(path, name string, file []byte) (code int, words string) {
	s.t.Helper()
	b, kind := form("profile", file)
	q := url.Values{"name": {name}, "from": {fmt.Sprint(began.UnixNano())}}
	res, err := http.Post(s.http.URL+path+"?"+q.Encode(), kind, b)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text)
}

func form(field string, file []byte) (body *bytes.Buffer, kind string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, _ := w.CreateFormFile(field, "profile.pprof")
	part.Write(file)
	w.Close()
	return &b, w.FormDataContentType()
}

func packed(b []byte) []byte {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	w.Write(b)
	w.Close()
	return z.Bytes()
}

// cpu is a profile of a processor.
func cpu() []byte {
	var b bytes.Buffer
	f := &profile.Function{ID: 1, Name: "main.main"}
	l := &profile.Location{ID: 1, Line: []profile.Line{{Function: f}}}
	p := &profile.Profile{SampleType: []*profile.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}},
		Sample: []*profile.Sample{{Location: []*profile.Location{l}, Value: []int64{1, 10}}}, Location: []*profile.Location{l}, Function: []*profile.Function{f}}
	p.Write(&b)
	return b.Bytes()
}

// Two profiles of one moment are two files, in the folder that is served.
func TestIngestKeeps(t *testing.T) {
	out := t.TempDir()
	s := open(t, out)
	for range 2 {
		if code, words := s.upload("/ingest", "peerbed.node{protocol=chord,node=10.0.0.1:4000}", cpu()); code != http.StatusOK {
			t.Fatal(code, words)
		}
	}
	dir := filepath.Join(out, "profiles", "10.0.0.1_4000")
	at := began.Format("20060102T150405.000")
	if got := kept(t, dir); len(got) != 2 || got[0] != filepath.Join(dir, at+"-cpu-2.pb.gz") || got[1] != filepath.Join(dir, at+"-cpu.pb.gz") {
		t.Errorf("kept %q", got)
	}
	s.profiles[filepath.Join(out, "profiles")] = maxProfiles
	if code, words := s.upload("/ingest", "n", cpu()); code != http.StatusInsufficientStorage || !strings.Contains(words, "10000 profiles, and no more are taken") {
		t.Errorf("one too many: %d %s", code, words)
	}
}

// What is no profile is refused in a sentence, and leaves nothing.
func TestIngestRefuses(t *testing.T) {
	out := t.TempDir()
	s := open(t, out)
	for _, c := range []struct {
		path, name string
		file       []byte
		want       string
	}{
		{"/runs/other/ingest", "n", cpu(), `there is no run "other" here`},
		{"/ingest", "", cpu(), "want app{node=NAME}"},
		{"/ingest", "app{node=../../up}", cpu(), "want app{node=NAME}"},
		{"/ingest", "app{node=..}", cpu(), "want app{node=NAME}"},
		{"/ingest", "n", []byte("text"), "no gzipped pprof file"},
		{"/ingest", "n", packed([]byte("text")), "no gzipped pprof file"},
		{"/ingest", "n", cpu()[:40], "no gzipped pprof file"},
		{"/ingest", "n", packed(make([]byte, maxUnpacked+1)), "unpacked it has more than 16777216 bytes"},
		{"/ingest", "n", make([]byte, maxUpload+1), "of at most 4194304 bytes"},
	} {
		if code, words := s.upload(c.path, c.name, c.file); code != http.StatusBadRequest || !strings.Contains(words, c.want) {
			t.Errorf("%s %s: %d %q, want %q", c.path, c.name, code, words, c.want)
		}
	}
	if code, _ := s.ask("POST", "/api/v1/query", url.Values{"query": {"1"}}); code.Status != "success" {
		t.Errorf("afterwards: %+v", code)
	}
	if list, err := os.ReadDir(out); err != nil || len(list) > 0 {
		t.Errorf("it left %v, %v", list, err)
	}
}

// A page in a browser cannot write here.
func TestIngestFromAPage(t *testing.T) {
	s := open(t, t.TempDir())
	b, kind := form("profile", cpu())
	r, err := http.NewRequest("POST", s.http.URL+"/ingest?name=n&from=1", b)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Origin", "http://elsewhere.test")
	res, err := http.DefaultClient.Do(r)
	if err != nil || res.StatusCode != http.StatusForbidden {
		t.Errorf("%v, %v", res, err)
	}
}

// No name leads out of the folder.
func FuzzNodeOf(f *testing.F) {
	for _, name := range []string{"peerbed.node{node=127.0.0.1:4000,protocol=chord}", "app", "{node=..}", "a{node=a/b}", "a{node=,node=x}"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if node, err := nodeOf(name); err == nil && (node != filepath.Base(node) || !filepath.IsLocal(node)) {
			t.Errorf("%q is node %q", name, node)
		}
	})
}

// A file that is no profile is refused, whatever it is.
func FuzzProfile(f *testing.F) {
	z, _ := gzip.NewReader(bytes.NewReader(cpu()))
	whole, _ := io.ReadAll(z)
	f.Add(whole)
	f.Add([]byte("text"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if kind, err := kindOfProfile(packed(b)); err == nil && !fileName.MatchString(kind) {
			t.Errorf("a profile of %q", kind)
		}
	})
}
