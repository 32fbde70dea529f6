package fault

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// A Trace is the sessions that somebody measured. As a Law it draws their
// lengths, each as often as it occurs; Replay plays them as they were. Sessions
// that the measurement cut off count as they stand.
type Trace struct {
	File  string
	Nodes []string    // their names, in the order in which the file first has them
	Stays [][]Session // by node, in order of time

	lengths []time.Duration // of all sessions, sorted
	sums    []time.Duration // sums[i]: of lengths up to i
}

// A Session is one stay of a node: from Start up to End, since the trace began.
type Session struct{ Start, End time.Duration }

// ReadTrace reads a trace: lines "node,start,end", or JSON objects of the same
// keys, one a line, with times in seconds since the trace began. The first line
// may be the header; empty lines and those that begin with # are passed over.
// An error names the file and the line.
func ReadTrace(file string) (*Trace, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("trace of sessions: %w", err)
	}
	defer f.Close()
	return parseTrace(file, f)
}

// A stay is one line of a trace.
type stay struct {
	node string
	Session
	line int
}

func parseTrace(file string, from io.Reader) (*Trace, error) {
	lines := bufio.NewScanner(from)
	var stays []stay
	for n := 1; lines.Scan(); n++ {
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 || text[0] == '#' || n == 1 && isHeader(text) {
			continue
		}
		s, err := parseStay(text)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, n, err)
		}
		s.line = n
		stays = append(stays, s)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: after %d sessions: %w", file, len(stays), err)
	}
	if len(stays) == 0 {
		return nil, fmt.Errorf("%s: no session in it; want lines of node,start,end in seconds", file)
	}
	return newTrace(file, stays)
}

func isHeader(text []byte) bool {
	return strings.EqualFold(strings.ReplaceAll(string(text), " ", ""), "node,start,end")
}

var errStay = errors.New("want node,start,end or {\"node\":...,\"start\":...,\"end\":...}, in seconds")

func parseStay(text []byte) (s stay, err error) {
	var start, end float64
	if text[0] == '{' {
		start, end, err = s.readJSON(text)
	} else {
		start, end, err = s.readCSV(text)
	}
	switch {
	case err != nil:
		return s, err
	case s.node == "":
		return s, fmt.Errorf("a session of nobody: %w", errStay)
	case !(start >= 0 && start < end && end <= Forever.Seconds()): // also NaN
		return s, fmt.Errorf("a session from %v to %v: want 0 <= start < end", start, end)
	}
	s.Start, s.End = seconds(start), seconds(end)
	if s.Start == s.End {
		return s, fmt.Errorf("a session from %v to %v: want a millisecond at least", start, end)
	}
	return s, nil
}

func (s *stay) readJSON(text []byte) (start, end float64, err error) {
	var line struct {
		Node       json.RawMessage
		Start, End *float64
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&line); err != nil {
		return 0, 0, fmt.Errorf("%w: %v", errStay, err)
	}
	if line.Start == nil || line.End == nil {
		return 0, 0, fmt.Errorf("no start or no end: %w", errStay)
	}
	s.node = strings.Trim(string(line.Node), `"`)
	return *line.Start, *line.End, nil
}

func (s *stay) readCSV(text []byte) (start, end float64, err error) {
	f := strings.Split(string(text), ",")
	if len(f) != 3 {
		return 0, 0, fmt.Errorf("%d fields: %w", len(f), errStay)
	}
	s.node = strings.TrimSpace(f[0])
	start, err = strconv.ParseFloat(strings.TrimSpace(f[1]), 64)
	if err == nil {
		end, err = strconv.ParseFloat(strings.TrimSpace(f[2]), 64)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("%w: %v", errStay, err)
	}
	return start, end, nil
}

// seconds makes a time of seconds, to the millisecond.
func seconds(s float64) time.Duration {
	return time.Duration(math.Round(s*1000)) * time.Millisecond
}

// newTrace sorts the stays by node and time, and finds those that overlap.
func newTrace(file string, stays []stay) (*Trace, error) {
	t := &Trace{File: file}
	number := map[string]int{}
	var lines [][]stay
	for _, s := range stays {
		if _, known := number[s.node]; !known {
			number[s.node] = len(t.Nodes)
			t.Nodes = append(t.Nodes, s.node)
			lines = append(lines, nil)
		}
		lines[number[s.node]] = append(lines[number[s.node]], s)
		t.lengths = append(t.lengths, s.End-s.Start)
	}
	for _, own := range lines {
		slices.SortStableFunc(own, func(a, b stay) int { return cmp.Compare(a.Start, b.Start) })
		sessions := make([]Session, len(own))
		for i, s := range own {
			if sessions[i] = s.Session; i > 0 && s.Start < own[i-1].End {
				return nil, fmt.Errorf("%s:%d: node %s is there already, by line %d", file, s.line, s.node, own[i-1].line)
			}
		}
		t.Stays = append(t.Stays, sessions)
	}
	return t, t.measure()
}

// measure sorts the lengths and adds them up.
func (t *Trace) measure() error {
	slices.Sort(t.lengths)
	t.sums = make([]time.Duration, len(t.lengths))
	sum := time.Duration(0)
	for i, l := range t.lengths {
		if sum += l; sum > Forever {
			return fmt.Errorf("%s: its sessions are longer than %v together", t.File, Forever)
		}
		t.sums[i] = sum
	}
	return nil
}

// Draw implements Law.
func (t *Trace) Draw(r *rand.Rand) time.Duration { return t.lengths[r.IntN(len(t.lengths))] }

// Left implements Law: a moment within all sessions laid end to end.
func (t *Trace) Left(r *rand.Rand) time.Duration {
	at := time.Duration(r.Int64N(int64(t.sums[len(t.sums)-1])))
	i := sort.Search(len(t.sums), func(i int) bool { return t.sums[i] > at })
	return t.sums[i] - at
}

// Mean implements Law.
func (t *Trace) Mean() time.Duration {
	return t.sums[len(t.sums)-1] / time.Duration(len(t.sums))
}

// Quantile implements Law.
func (t *Trace) Quantile(p float64) time.Duration {
	i := int(math.Ceil(p*float64(len(t.lengths)))) - 1
	return t.lengths[min(max(i, 0), len(t.lengths)-1)]
}

// Check implements Law.
func (t *Trace) Check() error {
	if t == nil || len(t.lengths) == 0 {
		return errors.New("a trace that was not read: use ReadTrace")
	}
	return nil
}

// String writes the law as ParseLaw reads it.
func (t *Trace) String() string { return fmt.Sprintf("Trace(%s)", t.File) }
