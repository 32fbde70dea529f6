package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/prompb"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/compression"

	"peerbed/harness/record/journal"
)

// RemoteWrite sends the samples of one run's folder, or of all runs that lie in a
// folder, to a receiver of Prometheus remote write 1.0, each run from its beginning
// and the oldest run first, and goes on with what is new until ctx ends. The
// journals are its queue: while the receiver is slow, or away, they are not read
// on, so that nothing is held in memory but one request.
//
// A request is tried again for five minutes where the receiver does not answer, is
// overloaded or fails (429, 5xx), and then left out. One that is refused as bad
// (400) is left out at once. Any other refusal ends RemoteWrite with an error that
// has the receiver's status and words. say hears of what is left out, a sentence
// for each run.
func RemoteWrite(ctx context.Context, path string, receiver *url.URL, say func(format string, args ...any)) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	s := &sender{to: receiver, say: say, told: map[string]bool{}, client: http.Client{Timeout: 30 * time.Second}}
	return s.follow(ctx, path)
}

// A sender sends samples to one receiver, a request at a time.
type sender struct {
	to     *url.URL
	client http.Client
	say    func(format string, args ...any)
	end    context.CancelCauseFunc // of the sending

	sent         int // samples
	down         bool
	told         map[string]bool // runs of which something was refused
	noHistograms bool            // the receiver takes no native ones
}

const (
	followEvery = time.Second
	patience    = 5 * time.Minute
	firstWait   = 500 * time.Millisecond
	longestWait = 30 * time.Second
	// maxRequest is how many samples a request has, at most: less than a megabyte.
	maxRequest = 5000
)

func (s *sender) follow(ctx context.Context, path string) error {
	ctx, s.end = context.WithCancelCause(ctx)
	defer s.end(nil)
	runs := map[string]*run{}
	defer func() {
		for _, r := range runs {
			r.close()
		}
	}()
	for caughtUp := false; ; caughtUp = true {
		if err := s.readOn(ctx, path, runs); err != nil {
			return err
		}
		if !caughtUp {
			s.say("%d samples of %d runs were sent to %s, which gets from now on what is new", s.sent, len(runs), s.to.Redacted())
		}
		select {
		case <-time.After(followEvery):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// readOn sends what the journals have that was not sent yet. A receiver may take
// nothing that is older than what it has: so the oldest run is first.
func (s *sender) readOn(ctx context.Context, path string, runs map[string]*run) error {
	list, err := folders(path)
	if err != nil {
		return err
	}
	for _, f := range slices.Backward(list) {
		r := runs[f.Path]
		if r == nil {
			r = &run{folder: f, feeds: map[string]*feed{}}
			r.open = func(journal.Clock) (func() appender, error) {
				a := &remote{sender: s, ctx: ctx, run: f.Name}
				return func() appender { return a }, nil
			}
			runs[f.Path] = r
		}
		now, err := r.sizes()
		if err == nil {
			err = r.readOn(ctx, now)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !s.told[f.Path] {
			s.told[f.Path] = true
			s.say("%s cannot be sent: %v", f.Name, err)
		}
	}
	return nil
}

// A remote is an appender that sends a cluster's samples. A request has those of
// one cluster alone, for a receiver that refuses one sample may drop all of its
// request; native histograms, which many receivers do not take, go by themselves.
type remote struct {
	*sender
	ctx    context.Context
	run    string
	series [][]prompb.Label // by reference, less 1

	floats, histograms request
}

// A request is samples by series.
type request struct {
	list []prompb.TimeSeries
	of   map[storage.SeriesRef]int // where in list
	n    int                       // samples
}

// in returns where the next sample of a series goes, and the series' reference.
func (r *remote) in(q *request, ref storage.SeriesRef, l labels.Labels) (*prompb.TimeSeries, storage.SeriesRef) {
	if ref == 0 {
		r.series = append(r.series, prompb.FromLabels(l, nil))
		ref = storage.SeriesRef(len(r.series))
	}
	i, ok := q.of[ref]
	if !ok {
		if q.of == nil {
			q.of = map[storage.SeriesRef]int{}
		}
		i = len(q.list)
		q.of[ref] = i
		q.list = append(q.list, prompb.TimeSeries{Labels: r.series[ref-1]})
	}
	q.n++
	return &q.list[i], ref
}

func (r *remote) Append(ref storage.SeriesRef, l labels.Labels, t int64, v float64) (storage.SeriesRef, error) {
	series, ref := r.in(&r.floats, ref, l)
	series.Samples = append(series.Samples, prompb.Sample{Timestamp: t, Value: v})
	return ref, r.flush(&r.floats, maxRequest)
}

func (r *remote) AppendHistogram(ref storage.SeriesRef, l labels.Labels, t int64, h *histogram.Histogram, _ *histogram.FloatHistogram) (storage.SeriesRef, error) {
	if r.noHistograms {
		return ref, nil
	}
	series, ref := r.in(&r.histograms, ref, l)
	series.Histograms = append(series.Histograms, prompb.FromIntHistogram(t, h))
	return ref, r.flush(&r.histograms, maxRequest/50)
}

// Commit sends what is left.
func (r *remote) Commit() error {
	return errors.Join(r.flush(&r.floats, 1), r.flush(&r.histograms, 1))
}

// flush sends a request that has that many samples, and empties it.
func (r *remote) flush(q *request, least int) error {
	if q.n < least {
		return nil
	}
	b, err := (&prompb.WriteRequest{Timeseries: q.list}).Marshal()
	if err == nil {
		b, err = compression.Encode(compression.Snappy, b, nil)
	}
	if err == nil {
		err = r.send(r.ctx, r.run, b, q.n)
	}
	*q = request{}
	return err
}

// send sends a request until it is taken, refused, or given up.
func (s *sender) send(ctx context.Context, run string, body []byte, samples int) error {
	began := time.Now()
	for wait := firstWait; ctx.Err() == nil; wait = min(2*wait, longestWait) {
		code, what := s.post(ctx, body)
		switch {
		case ctx.Err() != nil:
		case code/100 == 2:
			s.sent, s.down = s.sent+samples, false
			return nil
		case strings.Contains(what, "native histograms are disabled"):
			if !s.noHistograms {
				s.say("%s takes no native histograms (%s); it gets the classic ones alone", s.to.Redacted(), what)
			}
			s.noHistograms = true
			return nil
		case code == http.StatusBadRequest:
			s.refused(run, what)
			return nil
		case code != 0 && code != http.StatusTooManyRequests && code < 500:
			s.end(fmt.Errorf("%s does not take what is sent (%s); nothing more is sent", s.to.Redacted(), what))
		case time.Since(began) >= patience:
			s.say("%s has failed for %v (%s); %d samples of %s are left out", s.to.Redacted(), patience, what, samples, run)
			return nil
		case !s.down:
			s.down = true
			s.say("%s does not answer as it should (%s); each request is tried again for %v", s.to.Redacted(), what, patience)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	return context.Cause(ctx)
}

// refused tells, once for a run, that the receiver does not want samples of it.
func (s *sender) refused(run, what string) {
	if !s.told[run] {
		s.told[run] = true
		s.say("%s refuses samples of %s (%s); they are left out, and so are later ones that it refuses", s.to.Redacted(), run, what)
	}
}

// post sends a request once, and returns the receiver's status (0: there was no
// answer) and what it says, on one line.
func (s *sender) post(ctx context.Context, body []byte) (code int, what string) {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, s.to.String(), bytes.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	q.Header.Set("Content-Encoding", "snappy")
	q.Header.Set("Content-Type", "application/x-protobuf")
	q.Header.Set("X-Prometheus-Remote-Write-Version", "0.1.0")
	q.Header.Set("User-Agent", "peerbed")
	a, err := s.client.Do(q)
	if err != nil {
		return 0, err.Error()
	}
	defer a.Body.Close()
	words, _ := io.ReadAll(io.LimitReader(a.Body, 500))
	if text := strings.Join(strings.Fields(string(words)), " "); text != "" {
		return a.StatusCode, fmt.Sprintf("%s: %q", a.Status, text)
	}
	return a.StatusCode, a.Status
}
