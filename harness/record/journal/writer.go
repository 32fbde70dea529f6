package journal

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"peerbed/protocols/vocabulary"
)

// A Writer appends to a journal. Its methods may be called from any goroutine.
// It keeps the file open while a cluster of it lives.
//
// What cannot be written is lost, and the run goes on without it: complain hears
// of that once. When there is room again, the journal goes on.
type Writer struct {
	file     string
	open     func() (io.WriteCloser, error)
	complain func(error)

	mu     sync.Mutex
	to     io.WriteCloser // nil: closed
	live   int            // clusters that have not ended
	size   int64
	failed bool // the last write; half a line may stand at the end
	told   bool
	names  map[string]int // of clusters, and how many have it
}

// MaxSize is how long a journal may grow by operations, samples and the like, in
// bytes. Beyond that it has only what sums up.
const MaxSize = 1 << 30

// Create begins a journal in a file that is not there yet. complain hears, at most
// once, of what goes wrong later.
func Create(file string, r Run, complain func(error)) (*Writer, error) {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	f.Close()
	return begin(file, func() (io.WriteCloser, error) { return os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0) }, r, complain), nil
}

func begin(file string, open func() (io.WriteCloser, error), r Run, complain func(error)) *Writer {
	w := &Writer{file: file, open: open, complain: complain, names: map[string]int{}}
	r.Version = Version
	w.Write(Line{Run: &r})
	return w
}

// File is where the journal lies.
func (w *Writer) File() string { return w.file }

// Write appends one line.
func (w *Writer) Write(l Line) {
	b, err := json.Marshal(l)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		err = w.append(append(b, '\n'), l.Operation != nil || l.Sample != nil || l.Overlay != nil || l.Member != nil)
	}
	if err != nil && !w.told {
		w.told = true
		w.complain(fmt.Errorf("the journal %s has gaps from here on: %w; the run goes on without", w.file, err))
	}
	if w.live == 0 {
		w.close()
	}
}

var errFull = fmt.Errorf("it has %d MiB, and no room for more operations and samples", MaxSize>>20)

func (w *Writer) append(b []byte, bulk bool) (err error) {
	if len(b) > MaxLine {
		return fmt.Errorf("a line of %d bytes, and %d is the most", len(b), MaxLine)
	}
	if bulk && w.size > MaxSize {
		return errFull
	}
	w.size += int64(len(b))
	if w.to == nil {
		if w.to, err = w.open(); err != nil {
			w.to = nil
			return err
		}
	}
	if w.failed {
		b = append([]byte{'\n'}, b...) // parts what comes from half a line
	}
	_, err = w.to.Write(b)
	w.failed = err != nil
	return err
}

func (w *Writer) close() {
	if w.to != nil {
		w.to.Close() // what a write has taken is there
		w.to = nil
	}
}

// A ClusterWriter writes the lines of one cluster.
type ClusterWriter struct {
	*Writer
	Name string // in the journal

	mu     sync.Mutex
	series map[string]*known
}

// A known series and the value that the journal has of it.
type known struct {
	number int
	value  float64
}

// Begin announces a cluster. c.Cluster is what it wants to be called; a second
// one of that name is NAME-2.
func (w *Writer) Begin(c Cluster) *ClusterWriter {
	w.mu.Lock()
	w.live++
	w.names[c.Cluster]++
	if n := w.names[c.Cluster]; n > 1 {
		c.Cluster = fmt.Sprintf("%s-%d", c.Cluster, n)
	}
	w.mu.Unlock()
	w.Write(Line{Cluster: &c})
	return &ClusterWriter{Writer: w, Name: c.Cluster, series: map[string]*known{}}
}

// End closes the cluster.
func (w *ClusterWriter) End(e End) {
	e.Cluster = w.Name
	w.Writer.mu.Lock()
	w.live--
	w.Writer.mu.Unlock()
	w.Write(Line{End: &e})
}

// A Value is one measurement of a series.
type Value struct {
	Metric *vocabulary.Metric
	Labels []string // values, in the order of Metric.Labels
	V      float64
}

// Sample writes down those values that have changed.
func (w *ClusterWriter) Sample(at time.Duration, values []Value) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &Sample{Cluster: w.Name, At: at}
	for _, v := range values {
		if k := w.know(v); k.value != v.V && !math.IsNaN(v.V) && !math.IsInf(v.V, 0) {
			k.value = v.V
			s.Values = append(s.Values, [2]float64{float64(k.number), v.V})
		}
	}
	w.Write(Line{Sample: s})
}

// know gives the series a number when it is seen first.
func (w *ClusterWriter) know(v Value) *known {
	key := v.Metric.Name + "\x00" + strings.Join(v.Labels, "\x00")
	if k := w.series[key]; k != nil {
		return k
	}
	if len(v.Labels) != len(v.Metric.Labels) {
		panic(fmt.Sprintf("%s has the labels %q, not values %q", v.Metric.Name, v.Metric.Labels, v.Labels))
	}
	k := &known{number: len(w.series) + 1, value: math.NaN()}
	w.series[key] = k
	s := Series{Cluster: w.Name, Series: k.number, Name: v.Metric.Name, Labels: map[string]string{}}
	for i, name := range v.Metric.Labels {
		s.Labels[name] = v.Labels[i]
	}
	w.Write(Line{Series: &s})
	return k
}

// Tell writes who nodes are; the slices are by their number from first on.
func (w *ClusterWriter) Tell(n Nodes) {
	const most = 1000 // to a line
	for from := 0; from < len(n.Names); from += most {
		to := min(from+most, len(n.Names))
		w.Write(Line{Nodes: &Nodes{Cluster: w.Name, First: n.First + from, Names: slices.Clone(n.Names[from:to]), Addrs: n.Addrs[from:to], Roles: n.Roles[from:to]}})
	}
}
