package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"peerbed/harness/record/journal"
	"peerbed/harness/stat"
)

// Write makes report.html, report.json and report.csv in the run's folder and
// returns the path of the page.
func (r *Run) Write() (page string, err error) {
	html, err := r.HTML()
	if err != nil {
		return "", err
	}
	page = filepath.Join(r.Folder, "report.html")
	var figures, values bytes.Buffer
	err = errors.Join(r.WriteJSON(&figures), r.WriteCSV(&values))
	if err != nil {
		return "", err
	}
	return page, errors.Join(
		os.WriteFile(page, html, 0o666),
		os.WriteFile(filepath.Join(r.Folder, "report.json"), figures.Bytes(), 0o666),
		os.WriteFile(filepath.Join(r.Folder, "report.csv"), values.Bytes(), 0o666))
}

// A Value is a mean over seeds as JSON has it: the ends of its 95 % interval are
// left out where one seed gave it.
type Value struct {
	Mean float64  `json:"mean"`
	Low  *float64 `json:"low,omitempty"`
	High *float64 `json:"high,omitempty"`
	N    int      `json:"n"`
}

func valueOf(i stat.Interval) Value {
	v := Value{Mean: i.Mean, N: i.N}
	if low, high := i.Low(), i.High(); !math.IsInf(i.Half, 0) {
		v.Low, v.High = &low, &high
	}
	return v
}

type jsonRow struct {
	Cluster  string    `json:"cluster"`
	Protocol string    `json:"protocol"`
	World    string    `json:"world"`
	Phase    int       `json:"phase"`
	Title    string    `json:"title,omitempty"`
	Measure  string    `json:"measure"`
	Unit     string    `json:"unit,omitempty"`
	Value    Value     `json:"value"`
	Seeds    []float64 `json:"seeds"`
}

// WriteJSON writes the same figures as the page has.
func (r *Run) WriteJSON(w io.Writer) error {
	run := r.Journals[0].Run
	doc := struct {
		Run      string            `json:"run"`
		Test     string            `json:"test"`
		Seeds    []uint64          `json:"seeds"`
		Started  time.Time         `json:"started"`
		Repeat   string            `json:"repeat"`
		Go       string            `json:"go"`
		System   string            `json:"system"`
		Wrong    string            `json:"wrong,omitempty"`
		Damage   []string          `json:"damage,omitempty"`
		Verdicts []journal.Verdict `json:"verdicts,omitempty"`
		Figures  []Figure          `json:"figures,omitempty"`
		Phases   []jsonRow         `json:"phases"`
	}{Run: r.Name(), Test: r.Test(), Started: run.Started, Repeat: run.Repeat, Go: run.Go, System: run.System,
		Wrong: r.Ended(), Damage: r.Damage, Verdicts: r.Verdicts, Figures: r.Figures(), Phases: []jsonRow{}}
	for _, j := range r.Journals {
		doc.Seeds = append(doc.Seeds, j.Run.Seed)
	}
	for _, row := range r.Rows() {
		doc.Phases = append(doc.Phases, jsonRow{row.Cluster, row.Protocol, row.World, row.Phase, row.Title,
			row.Measure.Name, row.Measure.Unit, valueOf(row.Interval()), row.Values})
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(doc)
}
