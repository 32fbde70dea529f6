package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/prompb"
	"github.com/prometheus/prometheus/util/compression"

	"peerbed/harness/plan"
	"peerbed/harness/record/journal"
	"peerbed/protocols/vocabulary"
)

// A receiver keeps what remote write sends to it, by series and time in ms.
type receiver struct {
	floats     map[string]map[int64]float64
	histograms map[string]prompb.Histogram                // the last of each
	answer     func(floats bool) (code int, words string) // nil: takes all
}

func newReceiver() *receiver {
	return &receiver{floats: map[string]map[int64]float64{}, histograms: map[string]prompb.Histogram{}}
}

func (v *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, err := io.ReadAll(r.Body)
	if err == nil {
		b, err = compression.Decode(compression.Snappy, b, nil)
	}
	var q prompb.WriteRequest
	if err == nil {
		err = q.Unmarshal(b)
	}
	if err != nil || len(q.Timeseries) == 0 || r.Header.Get("Content-Encoding") != "snappy" || r.Header.Get("X-Prometheus-Remote-Write-Version") != "0.1.0" {
		http.Error(w, fmt.Sprintf("not remote write: %v %v", err, r.Header), http.StatusTeapot)
		return
	}
	if v.answer != nil {
		if code, words := v.answer(len(q.Timeseries[0].Samples) > 0); code != 0 {
			http.Error(w, words, code)
			return
		}
	}
	for _, s := range q.Timeseries {
		v.take(s)
	}
}

func (v *receiver) take(s prompb.TimeSeries) {
	b := labels.NewScratchBuilder(len(s.Labels))
	name := s.ToLabels(&b, nil).String()
	for _, x := range s.Samples {
		if v.floats[name] == nil {
			v.floats[name] = map[int64]float64{}
		}
		v.floats[name][x.Timestamp] = x.Value
	}
	for _, x := range s.Histograms {
		if !value.IsStaleNaN(x.Sum) {
			v.histograms[name] = x
		}
	}
}

// RoundTrip answers without a network, so that time may be virtual.
func (v *receiver) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	v.ServeHTTP(w, r)
	return w.Result(), nil
}

// written leaves a run of one cluster, on the wall's clock: n samples, a second
// apart, and an operation before each.
func written(t *testing.T, out string, began time.Time, n int) *journal.ClusterWriter {
	t.Helper()
	dir := filepath.Join(out, journal.FolderName("TestSent", began, "1"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w, err := journal.Create(filepath.Join(dir, journal.File), journal.Run{}, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	c := w.Begin(journal.Cluster{Cluster: "c", Clock: journal.Wall, Started: began, World: "proc", Protocol: "chord"})
	for i := range n {
		c.Write(journal.Line{Operation: &journal.Operation{Cluster: "c", Op: plan.Find, Result: "ok", Hops: i}})
		alive(c, time.Duration(i)*time.Second)
	}
	return c
}

// alive writes a sample: as many nodes as seconds.
func alive(c *journal.ClusterWriter, at time.Duration) {
	c.Sample(at, []journal.Value{{Metric: vocabulary.LiveNodes, V: at.Seconds()}})
}

// nodes is how many samples of live nodes v has, of the run that began then.
func (v *receiver) nodes(began time.Time) int {
	return len(v.floats[named(vocabulary.LiveNodes, journal.FolderName("TestSent", began, "1"), "c", "proc")])
}

// named is how a receiver knows a series that has no labels of its own.
func named(m *vocabulary.Metric, run, cluster, world string) string {
	return labels.FromStrings("__name__", m.Name, "run", run, "cluster", cluster, "protocol", "chord", "world", world).String()
}

// sending sends what lies in out to v for some virtual time. hear hears what is
// said.
func sending(t *testing.T, v *receiver, out string, long time.Duration, hear func(string)) (said []string, err error) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), long)
		defer cancel()
		to := &url.URL{Scheme: "http", User: url.UserPassword("user", "secret"), Host: "receiver.test", Path: "/api/v1/write"}
		s := &sender{to: to, client: http.Client{Transport: v}, told: map[string]bool{}, say: func(format string, args ...any) {
			said = append(said, fmt.Sprintf(format, args...))
			hear(said[len(said)-1])
		}}
		err = s.follow(ctx, out)
	})
	if strings.Contains(fmt.Sprint(said, err), "secret") {
		t.Errorf("the password is told: %q, %v", said, err)
	}
	return said, err
}

func nobody(string) {}

var began = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

// What a receiver on this machine decodes is, sample by sample, what an hour's
// journal has.
func TestRemoteWrite(t *testing.T) {
	recorded(t).Close()
	v, run := newReceiver(), filepath.Base(hour.folder)
	web := httptest.NewServer(v)
	defer web.Close()
	to, err := url.Parse(web.URL + "/api/v1/write")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = RemoteWrite(ctx, hour.folder, to, func(format string, args ...any) { cancel() }) // it has sent what there is
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	compared := 0
	for _, track := range hour.log.Tracks {
		l := map[string]string{"__name__": track.Name, "run": run, "cluster": hour.log.Cluster.Cluster, "protocol": "chord", "world": "sim"}
		maps.Copy(l, track.Labels)
		compared += compare(t, track, v.floats[labels.FromMap(l).String()])
	}
	if compared < 10_000 {
		t.Errorf("only %d samples were compared", compared)
	}
	hops := v.histograms[named(vocabulary.LookupHops, run, hour.log.Cluster.Cluster, "sim")]
	if hops.GetCountInt() != uint64(hour.results.OK) {
		t.Errorf("a native histogram of %d lookups, want %d", hops.GetCountInt(), hour.results.OK)
	}
}

// compare compares a series of the journal at every sample.
func compare(t *testing.T, track *journal.Track, got map[int64]float64) (compared int) {
	t.Helper()
	info := vocabulary.Named(track.Name).Kind == vocabulary.Info
	for _, at := range hour.log.Samples {
		want := track.At(at)
		if math.IsNaN(want) || info && want == 0 {
			continue
		}
		compared++
		if x, ok := got[at.Milliseconds()]; !ok || x != want {
			t.Fatalf("%s %v at %v: %v (there: %v), the journal has %v", track.Name, track.Labels, at, x, ok, want)
		}
	}
	return compared
}

// A run that goes on is sent as it grows, and marked at its end.
func TestRemoteWriteFollows(t *testing.T) {
	out := t.TempDir()
	c := written(t, out, began, 3)
	v := newReceiver()
	said, err := sending(t, v, out, 5*time.Second, func(string) {
		alive(c, 3*time.Second)
		c.End(journal.End{At: 4 * time.Second})
	})
	if !errors.Is(err, context.DeadlineExceeded) || len(said) != 1 || !strings.Contains(said[0], "samples of 1 runs were sent to http://user:xxxxx@receiver.test/api/v1/write") {
		t.Errorf("%q, %v", said, err)
	}
	if n := v.nodes(began); n != 5 { // 4, and the mark that it is over
		t.Errorf("%d samples of live nodes, want 5", n)
	}
}

// A receiver that is away for a while gets everything, in the order of time.
func TestRemoteWriteTriesAgain(t *testing.T) {
	out := t.TempDir()
	written(t, out, began, 2000)
	v := newReceiver()
	asked := 0
	v.answer = func(bool) (int, string) {
		asked++
		return []int{0, http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusBadGateway}[asked%4], "later"
	}
	said, _ := sending(t, v, out, time.Hour, nobody)
	if n := v.nodes(began); n != 2000 || asked < 20 {
		t.Errorf("%d samples in %d requests, want 2000 in more than 20", n, asked)
	}
	if all := strings.Join(said, "\n"); !strings.Contains(all, `does not answer as it should (503 Service Unavailable: "later"); each request is tried again for 5m0s`) || strings.Contains(all, "left out") {
		t.Errorf("said %q", said)
	}
}

// After five minutes a request is left out, and said to be, and the next is tried.
func TestRemoteWriteGivesUp(t *testing.T) {
	out := t.TempDir()
	written(t, out, began, 3)
	written(t, out, began.Add(time.Hour), 4)
	v := newReceiver()
	start := time.Time{}
	v.answer = func(floats bool) (int, string) {
		if start.IsZero() {
			start = time.Now()
		}
		if floats && time.Since(start) < patience+10*time.Second {
			return http.StatusInternalServerError, ""
		}
		return 0, ""
	}
	said, _ := sending(t, v, out, time.Hour, nobody)
	if a, b := v.nodes(began), v.nodes(began.Add(time.Hour)); a != 0 || b != 4 {
		t.Errorf("%d samples of the first run and %d of the second, want 0 and 4", a, b)
	}
	all := strings.Join(said, "\n")
	if !strings.Contains(all, "has failed for 5m0s (500 Internal Server Error); ") || !strings.Contains(all, " samples of TestSent-20260102T150405-s1 are left out") || strings.Count(all, "left out") != 1 {
		t.Errorf("said %q", said)
	}
}

// What a receiver refuses is said once for a run, with its words.
func TestRemoteWriteRefused(t *testing.T) {
	out := t.TempDir()
	written(t, out, began, 2000)
	written(t, out, began.Add(time.Hour), 4)
	v := newReceiver()
	asked := 0
	v.answer = func(bool) (int, string) {
		if asked++; asked < 4 {
			return http.StatusBadRequest, "out of\nbounds"
		}
		return 0, ""
	}
	said, _ := sending(t, v, out, time.Minute, nobody)
	if a, b := v.nodes(began), v.nodes(began.Add(time.Hour)); a == 0 || a == 2000 || b != 4 {
		t.Errorf("%d and %d samples arrived, want some of 2000, and 4", a, b)
	}
	if len(said) != 2 || !strings.Contains(said[0], `refuses samples of TestSent-20260102T150405-s1 (400 Bad Request: "out of bounds")`) {
		t.Errorf("said %q", said)
	}
}

// A receiver that is none ends the sending, with its words.
func TestRemoteWriteEnds(t *testing.T) {
	out := t.TempDir()
	written(t, out, began, 2000)
	v := newReceiver()
	asked := 0
	v.answer = func(bool) (int, string) {
		asked++
		return http.StatusNotFound, "remote write receiver needs to be enabled"
	}
	said, err := sending(t, v, out, time.Hour, nobody)
	if want := `does not take what is sent (404 Not Found: "remote write receiver needs to be enabled"); nothing more is sent`; err == nil || !strings.Contains(err.Error(), want) || len(said) > 0 || asked != 1 {
		t.Errorf("%d requests, said %q, %v; want %q", asked, said, err, want)
	}
}

// A receiver that knows no native histograms gets all the rest.
func TestRemoteWriteWithoutHistograms(t *testing.T) {
	out := t.TempDir()
	written(t, out, began, 2000)
	v := newReceiver()
	v.answer = func(floats bool) (int, string) {
		if !floats {
			return http.StatusInternalServerError, "native histograms are disabled"
		}
		return 0, ""
	}
	said, _ := sending(t, v, out, time.Minute, nobody)
	if n := v.nodes(began); n != 2000 || len(v.histograms) > 0 {
		t.Errorf("%d samples, %d histograms; want 2000 and none", n, len(v.histograms))
	}
	if len(said) != 2 || !strings.Contains(said[0], "takes no native histograms") {
		t.Errorf("said %q", said)
	}
}
