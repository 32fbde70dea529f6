package classroom

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"strings"
)

// Save writes all forms of a grade into the folder grade of the submission, in
// place of what an earlier one left: index.html, results.json (Gradescope),
// junit.xml, grade.csv and a file for each failure.
func (g *Grade) Save(dir string) error {
	dir = filepath.Join(dir, "grade")
	old, _ := filepath.Glob(filepath.Join(dir, "failure-*.json"))
	for _, f := range old {
		os.Remove(f)
	}
	var errs []error
	for name, form := range map[string]func() ([]byte, error){
		"index.html": g.page, "results.json": g.gradescope, "junit.xml": g.junit, "grade.csv": g.csv,
	} {
		b, err := form()
		if err == nil {
			err = write(filepath.Join(dir, name), string(b))
		}
		errs = append(errs, err)
	}
	for i, f := range g.Failures {
		errs = append(errs, f.Save(filepath.Join(dir, fmt.Sprintf("failure-%d.json", i+1))))
	}
	return errors.Join(errs...)
}

//go:embed page.html
var pageSource string

var pageTemplate = template.Must(template.New("page").Parse(pageSource))

func (g *Grade) page() ([]byte, error) {
	var b bytes.Buffer
	err := pageTemplate.Execute(&b, g)
	return b.Bytes(), err
}

// Replay is the command that plays a failure again.
func (g *Grade) Replay(n int) string {
	return fmt.Sprintf("%s replay %s", g.Program, FailureFile(g.Submission, n))
}

// Failed returns the failure of a result; nil: none is shown.
func (g *Grade) Failed(r Result) *Failure {
	if r.Failure == 0 {
		return nil
	}
	return g.Failures[r.Failure-1]
}

// gradescope is results.json as the autograder documentation has it.
func (g *Grade) gradescope() ([]byte, error) {
	type test struct {
		Score      float64 `json:"score"`
		Most       float64 `json:"max_score"`
		Status     string  `json:"status,omitempty"`
		Name       string  `json:"name"`
		Output     string  `json:"output"`
		Format     string  `json:"output_format"`
		Visibility string  `json:"visibility"`
	}
	all := struct {
		Score      float64 `json:"score"`
		Time       int     `json:"execution_time"`
		Output     string  `json:"output"`
		Format     string  `json:"output_format"`
		Visibility string  `json:"stdout_visibility"`
		Tests      []test  `json:"tests"`
	}{Score: g.Points, Time: int(g.Took.Seconds()), Output: strings.Join(append(g.Capped, g.Notes...), "\n"), Format: "text", Visibility: "hidden"}
	for _, r := range g.Results {
		t := test{Score: r.Points, Most: float64(r.Test.Points), Name: r.Part + ": " + r.Test.Title, Output: r.told(), Format: "text", Visibility: r.Test.Visibility}
		switch r.Verdict {
		case Pass:
			t.Status = "passed"
		case Fail:
			t.Status = "failed"
		}
		all.Tests = append(all.Tests, t)
	}
	return json.MarshalIndent(all, "", "\t")
}

// told is a result in words.
func (r Result) told() string {
	text := r.Verdict
	if r.Seeds > 0 {
		text += fmt.Sprintf(" (%d of %d seeds)", r.Passed, r.Seeds)
	}
	if r.Why != "" {
		text += "\n" + r.Why
	}
	if r.Verdict == Fail && r.Test.Hint != "" {
		text += "\nHint: " + r.Test.Hint
	}
	return text
}

func (g *Grade) junit() ([]byte, error) {
	type message struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
	type testcase struct {
		Name    string   `xml:"name,attr"`
		Class   string   `xml:"classname,attr"`
		Failure *message `xml:"failure"`
		Error   *message `xml:"error"`
		Skipped *message `xml:"skipped"`
	}
	suite := struct {
		XMLName  xml.Name   `xml:"testsuite"`
		Name     string     `xml:"name,attr"`
		Tests    int        `xml:"tests,attr"`
		Failures int        `xml:"failures,attr"`
		Errors   int        `xml:"errors,attr"`
		Skipped  int        `xml:"skipped,attr"`
		Time     float64    `xml:"time,attr"`
		Cases    []testcase `xml:"testcase"`
	}{Name: g.Title, Tests: len(g.Results), Time: g.Took.Seconds()}
	for _, r := range g.Results {
		c := testcase{Name: r.Test.ID, Class: r.Part}
		m := &message{r.Verdict, r.told()}
		switch r.Verdict {
		case Pass:
		case Fail:
			c.Failure = m
			suite.Failures++
		case Infrastructure:
			c.Error = m
			suite.Errors++
		default:
			c.Skipped = m
			suite.Skipped++
		}
		suite.Cases = append(suite.Cases, c)
	}
	b, err := xml.MarshalIndent(suite, "", "\t")
	return append([]byte(xml.Header), b...), err
}

// csv is a line of names and a line of values.
func (g *Grade) csv() ([]byte, error) {
	names, values := []string{"submission", "course", "points", "of"}, []string{g.Submission, g.Course, fmt.Sprint(g.Points), fmt.Sprint(g.Most)}
	for _, r := range g.Results {
		names = append(names, r.Test.ID, r.Test.ID+" verdict")
		values = append(values, fmt.Sprint(r.Points), r.Verdict)
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Write(names)
	w.Write(values)
	w.Flush()
	return b.Bytes(), w.Error()
}

// Text is a grade as a shell shows it.
func (g *Grade) Text() string {
	var b strings.Builder
	for _, r := range g.Results {
		fmt.Fprintf(&b, "%-14s %5.4g of %-3d %-42s", r.Verdict, r.Points, r.Test.Points, r.Part+": "+r.Test.Title)
		if r.Verdict == Fail {
			why, _, _ := strings.Cut(r.Why, "\n")
			fmt.Fprintf(&b, " %d of %d seeds; %.200s", r.Passed, r.Seeds, why)
		}
		if r.Verdict == Unknown || r.Verdict == Infrastructure {
			fmt.Fprintf(&b, " %.300s", r.Why)
		}
		fmt.Fprintln(&b)
	}
	for _, c := range g.Capped {
		fmt.Fprintln(&b, "capped:", c)
	}
	for _, n := range g.Notes {
		fmt.Fprintln(&b, "note:", n)
	}
	fmt.Fprintf(&b, "%.4g of %.4g points", g.Points, g.Most)
	for _, i := range g.Rubric {
		fmt.Fprintf(&b, "; a person judges %d more: %s", i.Points, i.Title)
	}
	return b.String() + "\n"
}
