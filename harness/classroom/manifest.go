package classroom

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// A Manifest is an assignment.json: what is tested, and what it is worth.
type Manifest struct {
	Name   string `json:"name"` // of its folder, in peerbed
	Title  string `json:"title"`
	Oracle string `json:"oracle"` // who knows what is right: ring or flood
	Points int    `json:"points"` // that all parts and the rubric add up to
	Limits Limits `json:"limits"`
	Seeds  Seeds  `json:"seeds"`
	Parts  []Part `json:"parts"`
	Gates  []Gate `json:"gates"`
	// Rubric is what a person judges.
	Rubric []Item `json:"rubric"`
	// Partial are the breakpoints of a test's points; see credit.
	Partial []Breakpoint `json:"partial"`
	Mutants []Mutant     `json:"mutants"`
	// Variants are the reference changed so that it stays right; others lie in the
	// folder variants.
	Variants []Variant `json:"variants"`

	dir string
}

// Limits bound one process of a submission.
type Limits struct {
	CPU    Duration `json:"cpu"`    // of one run
	Answer Duration `json:"answer"` // that it may sleep instead of answering a line
	Build  Duration `json:"build"`
	Memory int64    `json:"memory_mib"`
}

// Seeds counts the seeds of each test.
type Seeds struct {
	Public int `json:"public"`
	Hidden int `json:"hidden"`
	Split  int `json:"split"` // of the hidden ones, how many are played again with a process for each node
}

// A Part is what a student works on at a time.
type Part struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Tests []Test `json:"tests"`
}

// A Test plays its scenario with every seed; the share of seeds in which all its
// checks hold gives its points.
type Test struct {
	ID         string   `json:"id"`
	Title      string   `json:"title"`
	Points     int      `json:"points"`
	Needs      []string `json:"needs"`      // tests that must pass, or this one is blocked
	Visibility string   `json:"visibility"` // visible, hidden, after_due_date or after_published
	Scenario   Scenario `json:"scenario"`
	Checks     []string `json:"checks"` // of the oracle
	Budget     Budget   `json:"budget"`
	Hint       string   `json:"hint"`
}

// A Scenario is what happens to the network; a seed draws the rest.
type Scenario struct {
	Nodes  [2]int   `json:"nodes"`  // from, to
	Gap    Duration `json:"gap"`    // between two that join
	Settle Duration `json:"settle"` // after the last has joined
	Crash  float64  `json:"crash"`  // share of the nodes that then crash at once
	Leave  int      `json:"leave"`  // nodes that then leave, one after another
	Churn  Duration `json:"churn"`  // how long nodes then join, crash and leave
	Every  Duration `json:"every"`  // mean time between two such events
	Rest   Duration `json:"rest"`   // for what happened to heal
	Idle   Duration `json:"idle"`   // how long traffic is then counted
	Finds  int      `json:"finds"`  // wishes at the end
	Wish   string   `json:"wish"`   // what kind of wish, of the oracle; empty: its plain one
}

// A Budget bounds what a run may cost; 0: anything.
type Budget struct {
	// Messages of one find, on average, may be PerLog times log2 N, and Plus.
	PerLog float64 `json:"messages_per_log2_nodes"`
	Plus   float64 `json:"messages_plus"`
	Idle   float64 `json:"idle_messages_per_node_and_second"`
	Bytes  float64 `json:"bytes_per_message"`
}

// A Gate caps the whole grade, if a test does not pass.
type Gate struct {
	Test string  `json:"test"`
	Cap  float64 `json:"cap"` // share of all points
	Why  string  `json:"why"`
}

// An Item is what a person judges.
type Item struct {
	Title  string `json:"title"`
	Points int    `json:"points"`
}

// A Breakpoint gives Points, a share, from a share of Seeds on.
type Breakpoint struct {
	Seeds  float64 `json:"seeds"`
	Points float64 `json:"points"`
}

// A Mutant is the reference with one mistake: in File, Old is New instead.
type Mutant struct {
	Name    string `json:"name"`
	Mistake string `json:"mistake"`
	Edits   []Edit `json:"edits"`
	Passes  bool   `json:"passes_basic"` // all tests but Fails
	Fails   string `json:"fails"`        // a test that it must not pass
}

// A Variant is the reference done otherwise.
type Variant struct {
	Name  string `json:"name"`
	Why   string `json:"why"`
	Edits []Edit `json:"edits"`
}

// An Edit replaces a text that occurs once in a file.
type Edit struct {
	File string `json:"file"`
	Old  string `json:"old"`
	New  string `json:"new"`
}

// A Duration is written as "1.5s".
type Duration time.Duration

// UnmarshalText reads a duration.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}

// MarshalText writes it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// Load reads the manifest of the assignment in a folder and checks it.
func Load(dir string) (*Manifest, error) {
	b, err := os.ReadFile(filepath.Join(dir, "assignment.json"))
	if err != nil {
		return nil, fmt.Errorf("classroom: %s holds no assignment: %w", dir, err)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("classroom: %w", err)
	}
	m := &Manifest{dir: abs}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(m); err != nil {
		return nil, fmt.Errorf("classroom: %s/assignment.json: %w", dir, err)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("classroom: %s/assignment.json: %w", dir, err)
	}
	return m, nil
}

// Tests lists all tests in order.
func (m *Manifest) Tests() []Test {
	var all []Test
	for _, p := range m.Parts {
		all = append(all, p.Tests...)
	}
	return all
}

// check reports all that makes no sense.
func (m *Manifest) check() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	o := oracles[m.Oracle]
	if o == nil {
		wrong("there is no oracle %q", m.Oracle)
		return errors.Join(errs...)
	}
	if m.Limits.CPU <= 0 || m.Limits.Answer <= 0 || m.Limits.Build <= 0 || m.Limits.Memory <= 0 {
		wrong("want all limits above 0")
	}
	if m.Seeds.Public < 1 || m.Seeds.Hidden < 1 || m.Seeds.Split > m.Seeds.Hidden {
		wrong("want seeds, and no more split than hidden ones")
	}
	points, known := 0, map[string]bool{}
	for _, t := range m.Tests() {
		errs = append(errs, t.check(o, known))
		known[t.ID] = true
		points += t.Points
	}
	for _, i := range m.Rubric {
		points += i.Points
	}
	if points != m.Points {
		wrong("tests and rubric add up to %d points, not to %d", points, m.Points)
	}
	for _, g := range m.Gates {
		if !known[g.Test] || g.Cap < 0 || g.Cap > 1 {
			wrong("gate: want a test and a cap of 0 to 1, not %q and %v", g.Test, g.Cap)
		}
	}
	return errors.Join(append(errs, m.breakpoints())...)
}

func (m *Manifest) breakpoints() error {
	ordered := slices.IsSortedFunc(m.Partial, func(a, b Breakpoint) int {
		if a.Seeds < b.Seeds && a.Points < b.Points {
			return -1
		}
		return 1
	})
	if n := len(m.Partial); n == 0 || m.Partial[n-1] != (Breakpoint{1, 1}) || !ordered {
		return errors.New("partial: want breakpoints that rise to seeds 1 and points 1")
	}
	return nil
}

var visibilities = []string{"visible", "hidden", "after_due_date", "after_published"}

func (t *Test) check(o *oracle, known map[string]bool) error {
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("test %q: "+format, append([]any{t.ID}, args...)...))
	}
	s := t.Scenario
	switch {
	case t.ID == "" || known[t.ID]:
		wrong("want a name of its own")
	case t.Points < 0:
		wrong("%d points", t.Points)
	case !slices.Contains(visibilities, t.Visibility):
		wrong("visibility %q: want one of %v", t.Visibility, visibilities)
	case s.Nodes[0] < 1 || s.Nodes[1] < s.Nodes[0] || s.Nodes[1] > o.most:
		wrong("nodes %v: want two numbers from 1 to %d, in order", s.Nodes, o.most)
	case s.Crash < 0 || s.Crash >= 1 || s.Leave < 0 || s.Leave >= s.Nodes[0]:
		wrong("somebody must remain")
	case s.Churn > 0 && s.Every <= 0:
		wrong("churn wants every")
	case s.Finds < 0 || s.Finds > 1000:
		wrong("finds: want 0 to 1000")
	}
	for _, n := range t.Needs {
		if !known[n] {
			wrong("needs %q, which is no test before it", n)
		}
	}
	for _, c := range t.Checks {
		if o.checks[c] == nil {
			wrong("there is no check %q", c)
		}
	}
	return errors.Join(errs...)
}

// credit is the share of points that a share of seeds gives.
func (m *Manifest) credit(share float64) float64 {
	points := 0.0
	for _, b := range m.Partial {
		if share >= b.Seeds {
			points = b.Points
		}
	}
	return points
}
