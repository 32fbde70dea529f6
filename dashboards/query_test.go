package dashboards_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"peerbed/dashboards/boards"
	"peerbed/dashboards/grafana"
	"peerbed/harness"
	"peerbed/harness/check"
	"peerbed/harness/fault"
	"peerbed/harness/record/store"
	"peerbed/harness/workload"
	_ "peerbed/harness/worlds"
	"peerbed/protocols/all"
	"peerbed/protocols/chord"
	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

// Every query of every panel, variable and annotation has an answer, on runs of
// all protocols with faults in them. The queries go through the HTTP API of
// peerbed serve, as Grafana sends them, and so through Prometheus' engine.
func TestEveryPanelShowsSimulatedRuns(t *testing.T) {
	t.Setenv("PEERBED_OUT", t.TempDir())
	for _, p := range all.All {
		if p != introducer.Protocol {
			t.Run(p.Name, func(t *testing.T) { play(t, p, 30*time.Second, harness.World("sim")) })
		}
	}
	s := serve(t)
	for _, d := range boards.All() {
		s.board(t, d, realOnly.MatchString)
	}
}

// realOnly are series that a world without processors has not.
var realOnly = regexp.MustCompile(`peerbed_(node_)?(cpu_seconds|timer_lag|throttled|machine_)`)

// The same boards, unchanged, show containers.
func TestEveryPanelShowsContainers(t *testing.T) {
	if os.Getenv("PEERBED_SOAK") == "" {
		t.Skip("starts containers and takes a minute: set PEERBED_SOAK=1")
	}
	t.Setenv("PEERBED_OUT", t.TempDir())
	t.Run("chord", func(t *testing.T) { play(t, chord.Protocol, 20*time.Second, harness.World("docker")) })
	s := serve(t)
	for _, d := range boards.All() {
		p, _ := all.Find(strings.TrimPrefix(d.UID, "peerbed-"))
		if p == nil || p == chord.Protocol { // a board of all, or of the one that was played
			s.board(t, d, func(string) bool { return false })
		}
	}
}

// play records a run in which nodes crash, for good, and the network is parted.
func play(t *testing.T, p *p2p.Protocol, length time.Duration, world harness.Option) {
	c := harness.New(t, p, 8, world, harness.Seed(1), harness.Quiet())
	c.Settle(check.Whole(p))
	c.Share(12, 40<<10)
	c.Advance(time.Second)
	c.Run(length, workload.Lookups{Rate: 6}, workload.Lookups{Rate: 2, Fetch: true},
		fault.Partition{At: length / 5, For: length / 5}, fault.Crashes{At: length / 2, Fraction: 0.4})
}

// A server is what Grafana asks, and when the runs in it were.
type server struct {
	*store.Store
	from, to float64 // seconds since 1970
}

func serve(t *testing.T) *server {
	t.Helper()
	st, err := store.Open(os.Getenv("PEERBED_OUT"), t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	s := &server{Store: st, to: float64(time.Now().Unix())}
	s.from = s.values(t, url.Values{"query": {`min(min_over_time(peerbed_sample_time_seconds[60y]))`}})[0]
	s.to = s.values(t, url.Values{"query": {`max(max_over_time(peerbed_sample_time_seconds[60y]))`}})[0]
	return s
}

// board asks all that a board asks; void says which queries have no answer here,
// and they may have none.
func (s *server) board(t *testing.T, d *grafana.Dashboard, void func(expr string) bool) {
	for _, v := range d.Templating.List {
		if q, ok := v.Query.(grafana.VariableQuery); ok && len(s.labels(t, q.Query)) == 0 {
			t.Errorf("%s: the variable %s has no values: %s", d.UID, v.Name, q.Query)
		}
	}
	for _, a := range d.Annotations.List {
		if a.Expr != "" && !strings.Contains(a.Expr, "protocol=") && len(s.ask(t, a.Expr, false)) == 0 {
			t.Errorf("%s: %s marks nothing: %s", d.UID, a.Name, a.Expr)
		}
	}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			q, ok := target.(grafana.PromQL)
			if !ok {
				continue
			}
			if got := s.ask(t, q.Expr, q.Instant); (len(got) == 0) != void(q.Expr) {
				t.Errorf("%s, %q, query %s has %d numbers: %s", d.UID, p.Title, q.RefID, len(got), q.Expr)
			}
		}
	}
}

// ask returns the numbers that a query gives.
func (s *server) ask(t *testing.T, expr string, instant bool) []float64 {
	expr = strings.ReplaceAll(plain(expr), "[1h]", fmt.Sprintf("[%.0fs]", max(s.to-s.from, 1)))
	form := url.Values{"query": {expr}}
	if !instant {
		form = url.Values{"query": {expr}, "start": {text(s.from)}, "end": {text(s.to)}, "step": {"1"}}
	}
	return s.values(t, form)
}

func text(f float64) string { return strconv.FormatFloat(f, 'f', 3, 64) }

// values posts a query and returns all finite numbers of the answer.
func (s *server) values(t *testing.T, form url.Values) (all []float64) {
	t.Helper()
	path := "/api/v1/query_range"
	if !form.Has("step") {
		path = "/api/v1/query"
		form.Set("time", text(s.to))
	}
	var data struct {
		Result []struct {
			Value      [2]any
			Values     [][2]any
			Histogram  []any
			Histograms []any
		}
	}
	s.post(t, path, form, &data)
	for _, r := range data.Result {
		for _, v := range append(r.Values, r.Value) {
			word, _ := v[1].(string)
			if f, err := strconv.ParseFloat(word, 64); err == nil && f-f == 0 {
				all = append(all, f)
			}
		}
		for range append(r.Histograms, r.Histogram...) {
			all = append(all, 0)
		}
	}
	return all
}

// labels answers label_values(series, label).
func (s *server) labels(t *testing.T, query string) (values []string) {
	t.Helper()
	m := regexp.MustCompile(`^label_values\((.*), ([a-z]+)\)$`).FindStringSubmatch(query)
	if m == nil {
		t.Fatalf("%s is no label_values(series, label)", query)
	}
	s.post(t, "/api/v1/label/"+m[2]+"/values", url.Values{"match[]": {plain(m[1])}, "start": {text(s.from)}, "end": {text(s.to)}}, &values)
	return values
}

func (s *server) post(t *testing.T, path string, form url.Values, data any) {
	t.Helper()
	r := httptest.NewRequestWithContext(context.Background(), "POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	var reply struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil || reply.Status != "success" {
		t.Errorf("%s %s: status %d, %v %s", path, form.Get("query"), w.Code, err, reply.Error)
		return
	}
	if err := json.Unmarshal(reply.Data, data); err != nil {
		t.Errorf("%s %s: %v", path, form.Get("query"), err)
	}
}

// What boards say of a run is what happened: Compare's figures of it are those
// that it ends with.
func TestFiguresAreTheRuns(t *testing.T) {
	t.Setenv("PEERBED_OUT", t.TempDir())
	var r *harness.Results
	t.Run("calm", func(t *testing.T) {
		c := harness.New(t, chord.Protocol, 16, harness.World("sim"), harness.Seed(2), harness.Quiet())
		c.Settle(chord.Closed)
		c.Share(20, 100)
		r = c.Run(time.Minute, workload.Lookups{Rate: 10})
	})
	s := serve(t)
	compare := boards.All()[slices.IndexFunc(boards.All(), func(d *grafana.Dashboard) bool { return d.UID == "peerbed-compare" })]
	bar := func(title string) float64 {
		for _, p := range compare.Panels {
			if p.Title == title {
				if v := s.ask(t, p.Targets[0].(grafana.PromQL).Expr, true); len(v) == 1 {
					return v[0]
				}
			}
		}
		t.Errorf("%q has not one value", title)
		return 0
	}
	near := func(what string, got, want, tolerance float64) {
		if got < want*(1-tolerance) || got > want*(1+tolerance) {
			t.Errorf("%s: the board says %v, the run %v", what, got, want)
		}
	}
	near("hops", bar("Hops beside log₂ N"), r.Hops, 1e-9)
	near("half within", bar("Latency: half find within"), r.P50.Seconds(), 0.1)
	near("messages a lookup", bar("Messages a lookup"), r.Messages, 0.1) // those of publishing are in the board's
}
