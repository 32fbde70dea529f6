package record

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// A Table is a comparison: one row a case, one column a measure. Units stand in
// the head, so that cells are bare values.
type Table struct {
	Title string
	Head  []string
	Rows  [][]string
	Notes []string // what a reader must know to read the cells right
}

// Add appends a row. A row of another length than the head is a broken
// invariant of the caller.
func (t *Table) Add(cells ...string) {
	if len(cells) != len(t.Head) {
		panic(fmt.Sprintf("record: a row of %d cells under %d headings: %q", len(cells), len(t.Head), cells))
	}
	t.Rows = append(t.Rows, cells)
}

// Rule appends an empty row, to part groups of rows.
func (t *Table) Rule() { t.Rows = append(t.Rows, make([]string, len(t.Head))) }

// WriteTo prints the table with its columns aligned.
func (t *Table) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, t.String())
	return int64(n), err
}

// String returns the table as WriteTo prints it.
func (t *Table) String() string {
	var b strings.Builder
	if t.Title != "" {
		b.WriteString(t.Title + "\n")
	}
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	line := func(cells []string) {
		fmt.Fprintln(w, "  "+strings.Join(cells, "\t"))
	}
	line(t.Head)
	rule := make([]string, len(t.Head))
	for i, h := range t.Head {
		rule[i] = strings.Repeat("-", len([]rune(h)))
	}
	line(rule)
	for _, r := range t.Rows {
		line(r)
	}
	w.Flush() // to memory: cannot fail
	for _, n := range t.Notes {
		b.WriteString("  " + n + "\n")
	}
	return trimLines(b.String())
}

// trimLines removes the blanks that alignment leaves at line ends.
func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n")
}
