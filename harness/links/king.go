package links

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"peerbed/protocols/linkmodel"
)

// What stands for a delay that there is none of.
const (
	unmeasured = time.Duration(-1) // the file says so
	untold     = time.Duration(-2) // the file says nothing
)

// A king is a file of King's form that is being read.
type king struct {
	lines *bufio.Scanner
	line  int
	words []string // of this line
}

// parseKing reads a topology or a matrix: the first line tells which.
func parseKing(file string, from io.Reader) (*Table, error) {
	k := &king{lines: bufio.NewScanner(from)}
	k.lines.Buffer(nil, 32*maxRegions)
	var delays [][]time.Duration
	var err error
	switch {
	case !k.next():
		err = errors.New("nothing in it; want " + Usage)
	case k.words[0] == "topology":
		delays, err = k.topology()
	default:
		delays, err = k.matrix()
	}
	if read := k.lines.Err(); read != nil { // then the rest is a consequence
		err = read
	}
	if err != nil {
		return nil, fmt.Errorf("%s:%d: %w", file, max(k.line, 1), err)
	}
	return kingTable(delays), nil
}

// next reads the next line that says something.
func (k *king) next() bool {
	for k.lines.Scan() {
		k.line++
		k.words = strings.Fields(k.lines.Text())
		if len(k.words) > 0 && k.words[0][0] != '#' {
			return true
		}
	}
	return false
}

// number reads a delay in a unit; any negative one was not measured.
func number(text string, unit time.Duration) (time.Duration, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q: want a whole number", text)
	case n < 0:
		return unmeasured, nil
	case n > int64(longest/unit):
		return 0, fmt.Errorf("%d is longer than %v: want numbers of %v (of King's topologies that is mking-t, not uking-t)", n, longest, unit)
	}
	return time.Duration(n) * unit, nil
}

// matrix reads rows of microseconds there and back.
func (k *king) matrix() (delays [][]time.Duration, err error) {
	hosts := len(k.words)
	if hosts > maxRegions {
		return nil, fmt.Errorf("%d numbers: want at most %d", hosts, maxRegions)
	}
	for more := true; more; more = k.next() {
		if len(k.words) != hosts || len(delays) == hosts {
			return nil, fmt.Errorf("row %d with %d numbers: want %d rows of %d, for as many as the first has", len(delays)+1, len(k.words), hosts, hosts)
		}
		row := make([]time.Duration, hosts)
		for to, word := range k.words {
			if row[to], err = number(word, time.Microsecond); err != nil {
				return nil, err
			}
			if row[to] > 0 {
				row[to] /= 2
			}
		}
		delays = append(delays, row)
	}
	if len(delays) < hosts {
		return nil, fmt.Errorf("%d rows of %d numbers: want as many rows", len(delays), hosts)
	}
	return delays, nil
}

// A leg is one line of a topology.
type leg struct {
	from, to int // from 0
	delay    time.Duration
}

// topology reads milliseconds of one way, a line each.
func (k *king) topology() ([][]time.Duration, error) {
	if len(k.words) != 3 || k.words[1] != "E2EGraph" {
		return nil, fmt.Errorf("%q: want \"topology E2EGraph\" and the number of hosts", strings.Join(k.words, " "))
	}
	hosts, err := strconv.Atoi(k.words[2])
	if err != nil || hosts < 1 || hosts > maxRegions {
		return nil, fmt.Errorf("%q hosts: want 1 to %d", k.words[2], maxRegions)
	}
	var legs []leg
	for k.next() {
		if k.words[0] == "node" || k.words[0] == "failure_model" {
			continue
		}
		l, err := k.leg(hosts)
		if err != nil {
			return nil, err
		}
		legs = append(legs, l)
	}
	return whole(hosts, legs)
}

// leg reads "1,2 45".
func (k *king) leg(hosts int) (l leg, err error) {
	from, to, _ := strings.Cut(k.words[0], ",")
	i, badFrom := strconv.Atoi(from)
	j, badTo := strconv.Atoi(to)
	if len(k.words) != 2 || badFrom != nil || badTo != nil {
		return l, fmt.Errorf("%q: want a line such as \"1,2 45\"", strings.Join(k.words, " "))
	}
	if min(i, j) < 1 || max(i, j) > hosts || i == j {
		return l, fmt.Errorf("%d,%d: want two different hosts, numbered from 1 to %d", i, j, hosts)
	}
	l = leg{from: i - 1, to: j - 1}
	l.delay, err = number(k.words[1], time.Millisecond)
	return l, err
}

// whole puts the legs into a matrix. Memory is taken for as many as the file
// has, not for as many as it says.
func whole(hosts int, legs []leg) ([][]time.Duration, error) {
	if most := hosts * (hosts - 1) / 2; len(legs) < most {
		return nil, fmt.Errorf("%d hosts want %d lines such as \"1,2 45\", and there are %d; -1 stands for what was not measured", hosts, most, len(legs))
	}
	delays := make([][]time.Duration, hosts)
	for from := range delays {
		delays[from] = slices.Repeat([]time.Duration{untold}, hosts)
		delays[from][from] = 0
	}
	for _, l := range legs {
		if delays[l.from][l.to] != untold {
			return nil, fmt.Errorf("%d,%d was told twice", l.from+1, l.to+1)
		}
		delays[l.from][l.to] = l.delay
	}
	for from, row := range delays {
		for to := range row {
			if row[to] == untold {
				row[to] = delays[to][from]
			}
			if row[to] == untold {
				return nil, fmt.Errorf("no line for %d,%d; -1 stands for what was not measured", from+1, to+1)
			}
		}
	}
	return delays, nil
}

// kingTable makes a table of delays between hosts, with p2psim's rules for what
// was not measured, or said to be nothing.
func kingTable(delays [][]time.Duration) *Table {
	median := medianOf(delays)
	t := &Table{}
	for from, row := range delays {
		ways := make([]linkmodel.Way, len(row))
		for to, d := range row {
			switch {
			case from == to:
				d = 0
			case d == unmeasured:
				d = median
			case d == 0:
				d = time.Millisecond
			}
			ways[to].Delay = d
		}
		t.ways = append(t.ways, ways)
		t.regions = append(t.regions, fmt.Sprintf("host-%d", from+1))
		t.nodes = append(t.nodes, node{region: from})
	}
	return t
}

// medianOf returns the median of what was measured.
func medianOf(delays [][]time.Duration) time.Duration {
	var all []time.Duration
	for _, row := range delays {
		for _, d := range row {
			if d > 0 {
				all = append(all, d)
			}
		}
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}
