package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/harness/record/journal"
	"peerbed/harness/sim"
	"peerbed/harness/workload"
	"peerbed/protocols/chord"
	"peerbed/protocols/vocabulary"
)

// A server is a store and its HTTP API.
type server struct {
	*Store
	t    *testing.T
	http *httptest.Server
	said []string
}

func open(t *testing.T, path string) *server {
	t.Helper()
	s := &server{t: t}
	var err error
	s.Store, err = Open(path, func(format string, args ...any) { s.said = append(s.said, fmt.Sprintf(format, args...)) })
	if err != nil {
		t.Fatal(err)
	}
	s.http = httptest.NewServer(s.Handler())
	t.Cleanup(func() { s.http.Close(); s.Close() })
	return s
}

// A reply is what the API answers.
type reply struct {
	Status, ErrorType, Error string
	Data                     json.RawMessage
}

// ask asks by GET or POST.
func (s *server) ask(method, path string, form url.Values) (r reply, code int) {
	s.t.Helper()
	var res *http.Response
	var err error
	if method == http.MethodPost {
		res, err = http.PostForm(s.http.URL+path, form)
	} else {
		res, err = http.Get(s.http.URL + path + "?" + form.Encode())
	}
	if err == nil {
		err = json.NewDecoder(res.Body).Decode(&r)
		res.Body.Close()
	}
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return r, res.StatusCode
}

// values asks an instant query and returns the values by the label named.
func (s *server) values(query string, at time.Duration, label string) map[string]float64 {
	s.t.Helper()
	r, code := s.ask("POST", "/api/v1/query", url.Values{"query": {query}, "time": {fmt.Sprint(at.Seconds())}})
	var data struct {
		Result []struct {
			Metric map[string]string
			Value  [2]any
		}
	}
	if err := json.Unmarshal(r.Data, &data); err != nil || code != 200 {
		s.t.Fatalf("%s: %d, %+v, %v", query, code, r, err)
	}
	all := map[string]float64{}
	for _, x := range data.Result {
		v, _ := strconv.ParseFloat(x.Value[1].(string), 64)
		all[x.Metric[label]] = v
	}
	return all
}

// hour records an hour of virtual time once for all tests.
var hour struct {
	out, folder string
	results     *harness.Results
	log         *journal.Log
}

func TestMain(m *testing.M) {
	out, err := os.MkdirTemp("", "peerbed-store-*")
	if err != nil {
		panic(err)
	}
	hour.out = out
	os.Setenv("PEERBED_OUT", out)
	harness.Register("sim", sim.Open)
	code := m.Run()
	os.RemoveAll(out)
	os.Exit(code)
}

// recorded plays an hour of Chord under churn, if that was not done yet, and
// opens its store.
func recorded(t *testing.T) *server {
	t.Helper()
	if hour.results == nil {
		t.Run("hour", func(t *testing.T) {
			c := harness.New(t, chord.Protocol, 12, harness.World("sim"), harness.Seed(7), harness.Quiet(), harness.Config("successors=6"))
			c.Settle(chord.Closed)
			c.Share(10, 100)
			hour.results = c.Run(time.Hour, workload.Lookups{Rate: 0.5}, fault.Churn{Session: fault.Exponential(20 * time.Minute)})
			c.Advance(5 * time.Second) // a sample has all that came of the last lookups
			c.Close()
		})
		j, err := journal.Load(hour.results.Journal())
		if err != nil || len(j.Damage) > 0 {
			t.Fatalf("%v, %v", err, j)
		}
		hour.log, hour.folder = j.Clusters[0], filepath.Dir(hour.results.Journal())
	}
	return open(t, hour.out)
}

// What PromQL says of an hour of virtual time is what the run's Results say.
func TestAnHourFromZero(t *testing.T) {
	s := recorded(t)
	r, end := hour.results, hour.log.Last-time.Second
	ops := 0.0
	for result, n := range s.values(`sum by (result) (peerbed_operations_total{op="find"})`, end, "result") {
		if ops += n; result == "ok" && n != float64(r.OK) {
			t.Errorf("%v finds were ok, want %d", n, r.OK)
		}
	}
	if ops != float64(r.N) {
		t.Errorf("%v finds, want %d", ops, r.N)
	}
	got := s.values(`increase(peerbed_operations_total{op="find",result="ok"}[70m])`, end, "op")["find"]
	if want := float64(r.OK); got < 0.97*want || got > 1.03*want {
		t.Errorf("an increase of %v finds, want about %v: a counter must be seen to begin at 0", got, want)
	}
	hops := s.values(`histogram_sum(peerbed_lookup_hops) / histogram_count(peerbed_lookup_hops)`, end, "protocol")["chord"]
	if classic := s.values(`peerbed_lookup_hops_sum / peerbed_lookup_hops_count`, end, "protocol")["chord"]; hops != classic || hops < 0.99*r.Hops || hops > 1.01*r.Hops {
		t.Errorf("mean hops %v by the native histogram, %v by the classic one, want %v", hops, classic, r.Hops)
	}
	sent := s.values(`sum by (protocol) (peerbed_messages_total{direction="sent"})`, end, "protocol")["chord"]
	if each := s.values(`sum by (protocol) (peerbed_node_messages_total{direction="sent"})`, end, "protocol")["chord"]; sent != each || sent < float64(r.Traffic.All().Sent) {
		t.Errorf("%v messages of all nodes and %v of each, want %d or more", sent, each, r.Traffic.All().Sent)
	}
}

// Quantiles of native histograms are exact to 5 %.
func TestQuantiles(t *testing.T) {
	s := recorded(t)
	for q, want := range map[string]time.Duration{"0.5": hour.results.P50, "0.95": hour.results.P95} {
		// Finds that failed count too; they are few, and take longest.
		got := s.values(`histogram_quantile(`+q+`, peerbed_operation_duration_seconds{op="find"})`, hour.log.Last-time.Second, "op")["find"]
		if got < 0.9*want.Seconds() || got > 1.15*want.Seconds() {
			t.Errorf("the quantile %s is %v s, want about %v", q, got, want)
		}
	}
}

// Every metric that the simulator has is there, with all common labels.
func TestEveryMetricIsThere(t *testing.T) {
	s := recorded(t)
	real := []*vocabulary.Metric{vocabulary.SeenBytes, vocabulary.Malformed, vocabulary.Streams, vocabulary.TimerLag, vocabulary.Busy,
		vocabulary.CPU, vocabulary.Throttled, vocabulary.NodeCPU, vocabulary.NodeTimerLag, vocabulary.StateRoles}
	for _, m := range vocabulary.All {
		absent := false
		for _, x := range real {
			absent = absent || x == m
		}
		r, _ := s.ask("GET", "/api/v1/series", url.Values{"match[]": {m.Name}})
		var list []map[string]string
		if err := json.Unmarshal(r.Data, &list); err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 != absent {
			t.Errorf("%s has %d series", m.Name, len(list))
		}
		for _, l := range list {
			for _, name := range append(append([]string{}, vocabulary.Common...), m.Labels...) {
				if l[name] == "" {
					t.Fatalf("%v lacks %s", l, name)
				}
			}
		}
	}
	r, _ := s.ask("GET", "/api/v1/label/__name__/values", nil)
	var names []string
	if err := json.Unmarshal(r.Data, &names); err != nil || len(names) < 20 {
		t.Fatalf("%v, %v", names, err)
	}
	for _, n := range names {
		if !strings.HasPrefix(n, "peerbed_") {
			t.Errorf("%s is no name of ours", n)
		}
	}
}

// What Grafana asks, by GET and POST.
func TestAPI(t *testing.T) {
	s := recorded(t)
	for _, c := range []struct {
		path string
		form string
		want string // in the data
	}{
		{"query", "query=1%2B1&time=5", `{"resultType":"scalar","result":[5,"2"]}`},
		{"query", "query=nothing&time=5", `{"resultType":"vector","result":[]}`},
		{"query_range", "query=nothing&start=0&end=10&step=1", `{"resultType":"matrix","result":[]}`},
		{"query_range", "query=vector(3)&start=0&end=2&step=1s", `[{"metric":{},"values":[[0,"3"],[1,"3"],[2,"3"]]}]`},
		{"query_range", "query=peerbed_nodes&start=1000&end=1000&step=15", `[1000,"12"]`},
		{"labels", "match[]=peerbed_live_nodes", `["__name__","cluster","protocol","run","world"]`},
		{"label/world/values", "", `["sim"]`},
		{"label/protocol/values", "match[]=peerbed_live_nodes&start=0&end=3600", `["chord"]`},
		{"label/protocol/values", "match[]=peerbed_live_nodes&start=1700000000", `[]`},
		{"series", "match[]=peerbed_live_nodes&match[]=peerbed_neighbours", `"__name__":"peerbed_neighbours"`},
		{"metadata", "metric=peerbed_live_nodes", `{"peerbed_live_nodes":[{"type":"gauge"`},
		{"query_exemplars", "query=peerbed_live_nodes", `[]`},
		{"status/buildinfo", "", `"version":"3.`},
		{"rules", "", `{"groups":[]}`},
	} {
		form, err := url.ParseQuery(c.form)
		if err != nil {
			t.Fatal(err)
		}
		for _, method := range []string{"GET", "POST"} {
			r, code := s.ask(method, "/api/v1/"+c.path, form)
			if code != 200 || r.Status != "success" || !strings.Contains(string(r.Data), c.want) {
				t.Errorf("%s %s?%s: %d %s %s, want %s", method, c.path, c.form, code, r.Error, r.Data, c.want)
			}
		}
	}
}

func TestBadRequests(t *testing.T) {
	s := recorded(t)
	for path, want := range map[string]string{
		"query?query=sum(&time=1":                       "parse error",
		"query?query=1&time=yesterday":                  `time="yesterday": want seconds since 1970`,
		"query_range?query=1&start=0&end=1":             `"" is no duration`,
		"query_range?query=1&end=1&step=1":              "start is missing",
		"query_range?query=1&start=2&end=1&step=1":      "end lies before start",
		"query_range?query=1&start=0&end=1&step=-1":     "step must be more than 0",
		"query_range?query=1&start=0&end=1e9&step=1":    "make step longer",
		"query?query=1&timeout=x":                       `"x" is no duration`,
		"series":                                        "match[] is missing",
		"series?match[]={":                              "parse error",
		"labels?start=x":                                `start="x"`,
		"query?query=" + strings.Repeat("a", maxForm+1): "",
	} {
		r, code := s.ask("POST", "/api/v1/"+strings.SplitN(path, "?", 2)[0], func() url.Values { v, _ := url.ParseQuery(strings.SplitN(path+"?", "?", 3)[1]); return v }())
		if code != http.StatusBadRequest || r.ErrorType != "bad_data" || !strings.Contains(r.Error, want) {
			t.Errorf("%.60s: %d %+v, want %q", path, code, r, want)
		}
	}
	if r, code := s.ask("POST", "/api/v1/query", url.Values{"query": {"label_replace(peerbed_node_up, \"node\", \"x\", \"\", \"\")"}, "time": {"100"}}); code != http.StatusUnprocessableEntity || r.ErrorType != "execution" {
		t.Errorf("a query that cannot be carried out: %d %+v", code, r)
	}
}

// A store that is whole is taken as it is; one that is damaged, or older than its
// journal, is made again.
func TestReopened(t *testing.T) {
	s := recorded(t)
	end := hour.log.Last - time.Second
	want := s.values("sum by (protocol) (peerbed_messages_total)", end, "protocol")["chord"]
	s.Close()
	mark := filepath.Join(hour.folder, "store", "virtual", "mark")
	again := func(stays bool) {
		t.Helper()
		s := open(t, hour.folder)
		defer s.Close()
		if got := s.values("sum by (protocol) (peerbed_messages_total)", end, "protocol")["chord"]; got != want || want == 0 {
			t.Errorf("%v messages, want %v", got, want)
		}
		if _, err := os.Stat(mark); err == nil != stays {
			t.Errorf("the store was kept: %v, want %v", err == nil, stays)
		}
	}
	if err := os.WriteFile(mark, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	again(true)
	if err := os.WriteFile(filepath.Join(hour.folder, "store", "stamp.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	again(false)
}

// A run that goes on is shown as it grows, clusters of both clocks side by side,
// and a second cluster begins at 0 after a first that lasted long.
func TestLiveRun(t *testing.T) {
	out := t.TempDir()
	began := time.Now()
	dir := filepath.Join(out, journal.FolderName("TestLive", began, "1"), "seed-4")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	w, err := journal.Create(filepath.Join(dir, journal.File), journal.Run{}, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, out)
	live := func(c *journal.ClusterWriter, at time.Duration, n float64) {
		c.Sample(at, []journal.Value{{Metric: vocabulary.LiveNodes, V: n}})
		if err := s.Refresh(context.Background()); err != nil || len(s.said) > 0 {
			t.Fatalf("%v, %v", err, s.said)
		}
	}
	real := w.Begin(journal.Cluster{Cluster: "real", Clock: journal.Wall, Started: began, World: "proc", Protocol: "chord"})
	first := w.Begin(journal.Cluster{Cluster: "first", Clock: journal.Virtual, Protocol: "chord"})
	live(first, 10*time.Hour, 3)
	second := w.Begin(journal.Cluster{Cluster: "second", Clock: journal.Virtual, Protocol: "chord"})
	live(second, time.Second, 4)
	live(real, 5*time.Second, 5)
	query := "sum by (cluster) (peerbed_live_nodes)"
	if got := s.values(query, 10*time.Hour, "cluster")["seed-4/first"]; got != 3 {
		t.Errorf("%v nodes of the first, want 3", got)
	}
	if got := s.values(query, 2*time.Second, "cluster")["seed-4/second"]; got != 4 {
		t.Errorf("%v nodes of the second, want 4", got)
	}
	now := time.Duration(began.UnixNano()) + 6*time.Second
	if got := s.values(query, now, "cluster"); len(got) != 1 || got["seed-4/real"] != 5 {
		t.Errorf("now %v nodes, want 5 of the real one alone", got)
	}
	live(real, 7*time.Second, 6)
	if got := s.values(query, now+2*time.Second, "cluster")["seed-4/real"]; got != 6 {
		t.Errorf("%v nodes after more was written, want 6", got)
	}
	real.End(journal.End{At: 8 * time.Second})
	s.Refresh(context.Background())
	if got := s.values(query, now+3*time.Second, "cluster"); len(got) != 0 {
		t.Errorf("after its end there are %v", got)
	}
}

// A damaged run is told of, and the rest of it, and others, are shown.
func TestDamagedRun(t *testing.T) {
	recorded(t).Close()
	b, err := os.ReadFile(hour.results.Journal())
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(b, []byte("\n"))
	lines[len(lines)/2] = []byte("{\"sample\": half a li\n")
	out := t.TempDir()
	for i, text := range [][]byte{bytes.Join(lines, nil), []byte("nothing of ours\n"), nil} {
		dir := filepath.Join(out, journal.FolderName("TestDamaged", time.Unix(int64(i), 0), "1"))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, journal.File), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, out)
	if len(s.said) != 2 || !strings.Contains(strings.Join(s.said, "\n"), fmt.Sprintf("run.jsonl:%d: ", len(lines)/2+1)) {
		t.Errorf("said %q: want the two damaged places", s.said)
	}
	if got := s.values("sum by (protocol) (peerbed_operations_total)", hour.log.Last-time.Second, "protocol")["chord"]; got < float64(hour.results.N) {
		t.Errorf("%v operations, want %d or more", got, hour.results.N)
	}
}
