package links

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"peerbed/protocols/linkmodel"
)

// A sheet is a CSV file that is read line by line, by the names of its columns.
type sheet struct {
	file    string
	r       *csv.Reader
	columns []string
	fields  []string // of the line that was read last
}

// openSheet reads the header. columns are those that there may be, and so many
// of them, the first, must be there.
func openSheet(file string, from io.Reader, needed int, columns ...string) (*sheet, error) {
	s := &sheet{file: file, r: csv.NewReader(from)}
	s.r.Comment, s.r.TrimLeadingSpace, s.r.ReuseRecord = '#', true, true
	header, err := s.r.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s is empty: want a first line with %s", file, strings.Join(columns, ","))
	}
	if err != nil {
		return nil, s.broken(err)
	}
	for k, c := range header {
		c = strings.ToLower(strings.TrimSpace(c))
		if !slices.Contains(columns, c) || slices.Contains(s.columns, c) {
			return nil, s.wrong(k, "column %q: want each of %s once, and no others", c, strings.Join(columns, ","))
		}
		s.columns = append(s.columns, c)
	}
	for _, c := range columns[:needed] {
		if !slices.Contains(s.columns, c) {
			return nil, s.wrong(0, "there is no column %q", c)
		}
	}
	return s, nil
}

// each calls f for every line after the header.
func (s *sheet) each(f func() error) error {
	for {
		fields, err := s.r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return s.broken(err)
		}
		s.fields = fields
		if err := f(); err != nil {
			return err
		}
	}
}

// broken names the file in an error of the CSV reader, which names the line.
func (s *sheet) broken(err error) error {
	if parse, ok := errors.AsType[*csv.ParseError](err); ok {
		return fmt.Errorf("%s:%d: %w", s.file, parse.Line, parse.Err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.file, err)
	}
	return nil
}

// wrong is what is wrong with the k-th field of the line.
func (s *sheet) wrong(k int, format string, args ...any) error {
	line, _ := s.r.FieldPos(k)
	return fmt.Errorf("%s:%d: %s", s.file, line, fmt.Sprintf(format, args...))
}

// field returns the text in a column and its place; "" if it is not there.
func (s *sheet) field(column string) (text string, k int) {
	if k = slices.Index(s.columns, column); k < 0 {
		return "", 0
	}
	return strings.TrimSpace(s.fields[k]), k
}

// rate reads bytes per second.
func (s *sheet) rate(column string) (int64, error) {
	text, k := s.field(column)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, s.wrong(k, "%s %q: want bytes per second, a whole number; 0 or nothing: any", column, text)
	}
	return n, nil
}

func (s *sheet) share(column string) (float64, error) {
	text, k := s.field(column)
	if text == "" {
		return 0, nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= 0 && v <= 1) { // also NaN
		return 0, s.wrong(k, "%s %q: want a share from 0 to 1", column, text)
	}
	return v, nil
}

// longest is more than any message on Earth takes.
const longest = time.Minute

func (s *sheet) time(column string) (time.Duration, error) {
	text, k := s.field(column)
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > longest {
		return 0, s.wrong(k, "%s %q: want a time with its unit, such as 12.5ms, from 0 to %v", column, text, longest)
	}
	return d, nil
}

// parsePair reads the two files.
func parsePair(nodeFile string, nodes io.Reader, edgeFile string, edges io.Reader) (*Table, error) {
	t := &Table{}
	number := map[string]int{}
	if err := t.parseNodes(nodeFile, nodes, number); err != nil {
		return nil, err
	}
	if err := t.parseEdges(edgeFile, edges, number); err != nil {
		return nil, err
	}
	return t, nil
}

func (t *Table) parseNodes(file string, from io.Reader, number map[string]int) error {
	s, err := openSheet(file, from, 1, "region", "up", "down", "loss")
	if err != nil {
		return err
	}
	err = s.each(func() error {
		if len(t.nodes) == maxNodes {
			return s.wrong(0, "more than %d nodes", maxNodes)
		}
		n, err := t.parseNode(s, number)
		t.nodes = append(t.nodes, n)
		return err
	})
	if err == nil && len(t.nodes) == 0 {
		return fmt.Errorf("%s: no node in it; want a line for each, such as europe,125000,1250000,0.01", file)
	}
	return err
}

func (t *Table) parseNode(s *sheet, number map[string]int) (n node, err error) {
	region, k := s.field("region")
	if region == "" {
		return n, s.wrong(k, "a node without a region")
	}
	known := false
	if n.region, known = number[region]; !known {
		if n.region = len(t.regions); n.region == maxRegions {
			return n, s.wrong(k, "more than %d regions", maxRegions)
		}
		number[region] = n.region
		t.regions = append(t.regions, region)
	}
	var errUp, errDown, errLoss error
	n.up, errUp = s.rate("up")
	n.down, errDown = s.rate("down")
	n.loss, errLoss = s.share("loss")
	for _, err := range []error{errUp, errDown, errLoss} {
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (t *Table) parseEdges(file string, from io.Reader, number map[string]int) error {
	s, err := openSheet(file, from, 3, "from", "to", "latency", "jitter")
	if err != nil {
		return err
	}
	told := map[[2]int]linkmodel.Way{}
	if err := s.each(func() error { return parseEdge(s, number, told) }); err != nil {
		return err
	}
	return t.connect(file, told)
}

func parseEdge(s *sheet, number map[string]int, told map[[2]int]linkmodel.Way) error {
	var ends [2]int
	for i, column := range []string{"from", "to"} {
		name, k := s.field(column)
		region, known := number[name]
		if !known {
			return s.wrong(k, "%s %q: no node is in such a region", column, name)
		}
		ends[i] = region
	}
	latency, k := s.field("latency")
	if latency == "" {
		return s.wrong(k, "no latency: want a time with its unit, such as 12.5ms")
	}
	if _, twice := told[ends]; twice {
		return s.wrong(0, "this direction was told before")
	}
	var w linkmodel.Way
	var err error
	if w.Delay, err = s.time("latency"); err != nil {
		return err
	}
	if w.Jitter, err = s.time("jitter"); err != nil {
		return err
	}
	told[ends] = w
	return nil
}

// connect fills in the directions that have no line.
func (t *Table) connect(file string, told map[[2]int]linkmodel.Way) error {
	n := len(t.regions)
	if most := n * (n - 1) / 2; len(told) < most { // before memory is taken for all of them
		return fmt.Errorf("%s: %d regions want %d lines at least, and there are %d", file, n, most, len(told))
	}
	for from := range n {
		row := make([]linkmodel.Way, n)
		for to := range n {
			w, there := told[[2]int{from, to}]
			if !there {
				w, there = told[[2]int{to, from}]
			}
			if !there && from != to {
				return fmt.Errorf("%s: no line between %s and %s, in either direction", file, t.regions[from], t.regions[to])
			}
			row[to] = w
		}
		t.ways = append(t.ways, row)
	}
	return nil
}
