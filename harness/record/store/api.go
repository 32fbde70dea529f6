package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"

	"peerbed/protocols/vocabulary"
)

// Handler answers Prometheus' HTTP API, as far as Grafana uses it.
func (s *Store) Handler() http.Handler {
	mux := http.NewServeMux()
	for path, f := range map[string]func(*http.Request) (any, annotations.Annotations, error){
		"query":               s.query,
		"query_range":         s.queryRange,
		"series":              s.series,
		"labels":              s.labelNames,
		"label/{name}/values": s.labelValues,
		"metadata":            metadata,
		"query_exemplars":     s.exemplars,
		"status/buildinfo":    buildinfo,
		"rules":               rules,
	} {
		answer := func(w http.ResponseWriter, r *http.Request) { respond(w, r, f) }
		mux.HandleFunc("GET /api/v1/"+path, answer)
		mux.HandleFunc("POST /api/v1/"+path, answer)
	}
	mux.HandleFunc("GET /-/ready", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ready") })
	mux.HandleFunc("GET /{$}", s.welcome)
	// A page in a browser may have its user ask, but not write.
	ours := http.NewCrossOriginProtection().Handler(http.HandlerFunc(s.ingest))
	mux.Handle("POST /ingest", ours)
	mux.Handle("POST /runs/{run}/ingest", ours)
	return mux
}

func (s *Store) welcome(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintf(w, "%d runs of peerbed, as a Prometheus would show them. This address is a data source for Grafana, of type Prometheus.\nTry /api/v1/label/__name__/values\n", s.Runs())
}

// A bad is what is wrong with a request.
type bad string

func (b bad) Error() string { return string(b) }

// maxForm is how long a request may be: a query is some lines.
const maxForm = 1 << 20

// respond writes an answer, or an error, in Prometheus' form.
func respond(w http.ResponseWriter, r *http.Request, f func(*http.Request) (any, annotations.Annotations, error)) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	type reply struct {
		Status    string   `json:"status"`
		Data      any      `json:"data,omitempty"`
		ErrorType string   `json:"errorType,omitempty"`
		Error     string   `json:"error,omitempty"`
		Warnings  []string `json:"warnings,omitempty"`
		Infos     []string `json:"infos,omitempty"`
	}
	err := r.ParseForm()
	var data any
	var notes annotations.Annotations
	if err == nil {
		data, notes, err = f(r)
	} else {
		err = bad(err.Error())
	}
	a, code := reply{Status: "success", Data: data}, http.StatusOK
	a.Warnings, a.Infos = notes.AsStrings(r.Form.Get("query"), 10, 10)
	if err != nil {
		a = reply{Status: "error", Error: err.Error()}
		a.ErrorType, code = kindOf(err)
	}
	b, err := json.Marshal(a)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	w.Write(b)
}

// kindOf is what Prometheus calls an error, and its status.
func kindOf(err error) (kind string, code int) {
	var canceled promql.ErrQueryCanceled
	var timeout promql.ErrQueryTimeout
	var inside promql.ErrStorage
	switch {
	case errors.As(err, new(bad)), errors.As(err, new(parser.ParseErrors)):
		return "bad_data", http.StatusBadRequest
	case errors.As(err, &canceled), errors.Is(err, context.Canceled):
		return "canceled", http.StatusServiceUnavailable
	case errors.As(err, &timeout):
		return "timeout", http.StatusServiceUnavailable
	case errors.As(err, &inside):
		return "internal", http.StatusInternalServerError
	}
	return "execution", http.StatusUnprocessableEntity
}

// A result is what a query gives.
type result struct {
	Type   parser.ValueType `json:"resultType"`
	Result parser.Value     `json:"result"`
}

func answer(q promql.Query, err error, ctx context.Context) (any, annotations.Annotations, error) {
	if err != nil {
		return nil, nil, bad(err.Error())
	}
	defer q.Close()
	res := q.Exec(ctx)
	if res.Err != nil {
		return nil, res.Warnings, res.Err
	}
	v := res.Value
	switch x := v.(type) {
	case promql.Vector:
		if x == nil {
			v = promql.Vector{}
		}
	case promql.Matrix:
		if x == nil {
			v = promql.Matrix{}
		}
	}
	// The result is written before the query is closed, which takes its memory back.
	b, err := json.Marshal(result{v.Type(), v})
	return json.RawMessage(b), res.Warnings, err
}

func (s *Store) query(r *http.Request) (any, annotations.Annotations, error) {
	at, err := timeOf(r, "time", time.Now())
	if err != nil {
		return nil, nil, err
	}
	opts, ctx, cancel, err := limits(r)
	if err != nil {
		return nil, nil, err
	}
	defer cancel()
	q, err := s.engine.NewInstantQuery(ctx, s, opts, r.Form.Get("query"), at)
	return answer(q, err, ctx)
}

// maxPoints is how many moments a range query may ask for, as in Prometheus.
const maxPoints = 11_000

func (s *Store) queryRange(r *http.Request) (any, annotations.Annotations, error) {
	start, err := timeOf(r, "start", time.Time{})
	end, err2 := timeOf(r, "end", time.Time{})
	step, err3 := durationOf(r.Form.Get("step"))
	if err := errors.Join(err, err2, err3); err != nil {
		return nil, nil, bad(err.Error())
	}
	switch {
	case step <= 0:
		return nil, nil, bad("step must be more than 0")
	case end.Before(start):
		return nil, nil, bad("end lies before start")
	case end.Sub(start)/step > maxPoints:
		return nil, nil, bad(fmt.Sprintf("more than %d points: make step longer", maxPoints))
	}
	opts, ctx, cancel, err := limits(r)
	if err != nil {
		return nil, nil, err
	}
	defer cancel()
	q, err := s.engine.NewRangeQuery(ctx, s, opts, r.Form.Get("query"), start, end, step)
	return answer(q, err, ctx)
}

// limits reads timeout and lookback_delta.
func limits(r *http.Request) (promql.QueryOpts, context.Context, context.CancelFunc, error) {
	back, timeout := time.Duration(0), maxTime
	var err error
	if text := r.Form.Get("lookback_delta"); text != "" {
		if back, err = durationOf(text); err != nil {
			return nil, nil, nil, err
		}
	}
	if text := r.Form.Get("timeout"); text != "" {
		if timeout, err = durationOf(text); err != nil {
			return nil, nil, nil, err
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), min(timeout, maxTime))
	return promql.NewPrometheusQueryOpts(false, back), ctx, cancel, nil
}

// timeOf reads a time: seconds since 1970, or RFC 3339.
func timeOf(r *http.Request, name string, otherwise time.Time) (time.Time, error) {
	text := r.Form.Get(name)
	if text == "" {
		if otherwise.IsZero() {
			return otherwise, bad(name + " is missing")
		}
		return otherwise, nil
	}
	if v, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(v) < 1e11 {
		whole, part := math.Modf(v)
		return time.Unix(int64(whole), int64(math.Round(part*1000))*int64(time.Millisecond)).UTC(), nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	return time.Time{}, bad(fmt.Sprintf("%s=%q: want seconds since 1970, or a time such as 2026-01-02T15:04:05Z", name, text))
}

// durationOf reads a duration: seconds, or Prometheus' form.
func durationOf(text string) (time.Duration, error) {
	if v, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(v) < 1e9 {
		return time.Duration(v * float64(time.Second)), nil
	}
	if d, err := model.ParseDuration(text); err == nil {
		return time.Duration(d), nil
	}
	return 0, bad(fmt.Sprintf("%q is no duration: want seconds, or 30s, 5m, 1h", text))
}

// span reads start and end, which may be left out.
func span(r *http.Request) (mint, maxt int64, err error) {
	start, err := timeOf(r, "start", time.UnixMilli(math.MinInt64/2))
	end, err2 := timeOf(r, "end", time.UnixMilli(math.MaxInt64/2))
	return start.UnixMilli(), end.UnixMilli(), errors.Join(err, err2)
}

func (s *Store) matchers(r *http.Request) ([][]*labels.Matcher, error) {
	sets, err := s.parser.ParseMetricSelectors(r.Form["match[]"])
	if err != nil {
		return nil, bad(err.Error())
	}
	return sets, nil
}

// querier opens what a request for labels or series is about.
func (s *Store) querier(r *http.Request) (storage.Querier, [][]*labels.Matcher, error) {
	mint, maxt, err := span(r)
	if err != nil {
		return nil, nil, err
	}
	sets, err := s.matchers(r)
	if err != nil {
		return nil, nil, err
	}
	q, err := s.Querier(mint, maxt)
	return q, sets, err
}

func (s *Store) series(r *http.Request) (any, annotations.Annotations, error) {
	q, sets, err := s.querier(r)
	if err != nil {
		return nil, nil, err
	}
	defer q.Close()
	if len(sets) == 0 {
		return nil, nil, bad("match[] is missing")
	}
	mint, maxt, err := span(r)
	if err != nil {
		return nil, nil, err
	}
	hints := &storage.SelectHints{Start: mint, End: maxt, Func: "series"} // labels alone
	all := []labels.Labels{}
	var found []storage.SeriesSet
	for _, set := range sets {
		found = append(found, q.Select(r.Context(), true, hints, set...))
	}
	set := storage.NewMergeSeriesSet(found, 0, storage.ChainedSeriesMerge)
	for set.Next() {
		all = append(all, set.At().Labels())
	}
	return all, set.Warnings(), set.Err()
}

func (s *Store) labelNames(r *http.Request) (any, annotations.Annotations, error) {
	return s.listed(r, func(q storage.Querier, m []*labels.Matcher) ([]string, annotations.Annotations, error) {
		return q.LabelNames(r.Context(), nil, m...)
	})
}

func (s *Store) labelValues(r *http.Request) (any, annotations.Annotations, error) {
	return s.listed(r, func(q storage.Querier, m []*labels.Matcher) ([]string, annotations.Annotations, error) {
		return q.LabelValues(r.Context(), r.PathValue("name"), nil, m...)
	})
}

// listed joins what each set of matchers gives; without any, all.
func (s *Store) listed(r *http.Request, f func(storage.Querier, []*labels.Matcher) ([]string, annotations.Annotations, error)) (any, annotations.Annotations, error) {
	q, sets, err := s.querier(r)
	if err != nil {
		return nil, nil, err
	}
	defer q.Close()
	if len(sets) == 0 {
		sets = append(sets, nil)
	}
	all := []string{}
	var notes annotations.Annotations
	for _, set := range sets {
		list, more, err := f(q, set)
		if err != nil {
			return nil, more, err
		}
		notes.Merge(more)
		for _, x := range list {
			all = append(all, strings.Clone(x)) // they end with the querier
		}
	}
	slices.Sort(all)
	return slices.Compact(all), notes, nil
}

// metadata is the vocabulary.
func metadata(r *http.Request) (any, annotations.Annotations, error) {
	type about struct {
		Type string `json:"type"`
		Help string `json:"help"`
		Unit string `json:"unit"`
	}
	all := map[string][]about{}
	for _, m := range vocabulary.All {
		kind := string(m.Kind)
		if m.Kind == vocabulary.Info {
			kind = string(vocabulary.Gauge)
		}
		if want := r.Form.Get("metric"); want == "" || want == m.Name {
			all[m.Name] = []about{{kind, m.Help, m.Unit}}
		}
	}
	return all, nil, nil
}

// exemplars are none, for any query that can be read.
func (s *Store) exemplars(r *http.Request) (any, annotations.Annotations, error) {
	if _, err := s.parser.ParseExpr(r.Form.Get("query")); err != nil {
		return nil, nil, bad(err.Error())
	}
	return []any{}, nil, nil
}

// buildinfo says which Prometheus this answers as: Grafana chooses its ways by it.
func buildinfo(*http.Request) (any, annotations.Annotations, error) {
	return map[string]string{"version": "3.15.0", "revision": "", "branch": "peerbed", "buildUser": "", "buildDate": "", "goVersion": ""}, nil, nil
}

// rules are none.
func rules(*http.Request) (any, annotations.Annotations, error) {
	return map[string]any{"groups": []any{}}, nil, nil
}
