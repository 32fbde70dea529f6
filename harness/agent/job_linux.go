package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Do carries out a job, written as JSON, and writes its Report as JSON.
func Do(job string, out io.Writer) error {
	var j Job
	if err := json.Unmarshal([]byte(job), &j); err != nil {
		return fmt.Errorf("job: %w", err)
	}
	r := Report{Machine: Look()}
	all, err := tables()
	for _, t := range all {
		run, _ := runOfTable(t.Name)
		r.Tables = append(r.Tables, run)
	}
	between, bad := trunks()
	r.Tables, err = slices.AppendSeq(r.Tables, maps.Keys(between)), errors.Join(err, bad)
	slices.Sort(r.Tables)
	r.Tables = slices.Compact(r.Tables)
	if j.Try {
		r.try()
	} else if err != nil {
		return err
	}
	if err := j.change(); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(r)
}

func (j Job) change() (err error) {
	if len(j.Drop) > 0 {
		err = uproot(func(run string) bool { return slices.Contains(j.Drop, run) })
	}
	if j.Limits != (Limits{}) {
		err = errors.Join(err, writeLimits(LimitsPath, j.Limits))
	}
	return err
}

// trial is the run that tables are tried with; no run has such an id.
const trial = "trial"

// try makes the packet tables of a run without members and removes them, and
// writes the neighbour limits as they are.
func (r *Report) try() {
	defer dropTables(func(run string) bool { return run == trial })
	r.Guard = text(setGuard(trial, Guard{Subnet: "192.0.2.0/24"}))
	r.Rules = text(setRules(trial, Rules{}))
	l, err := readLimits(LimitsPath)
	if err == nil {
		err = writeLimits(LimitsPath, l)
	}
	r.Raise = text(err)
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
