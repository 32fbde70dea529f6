package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v3"

	"peerbed/harness"
	"peerbed/harness/record/journal"
	"peerbed/harness/record/report"
)

// report makes the report of a run again.
func (s *shell) report() *cli.Command {
	return &cli.Command{Name: "report", ArgsUsage: "[RUN]", Usage: "make a run's report again: report.html, report.json, report.csv",
		Description: "RUN is its folder; without one it is the newest. A run that was killed has a report too:\n\n" +
			"    peerbed report\n    peerbed report out/TestTour",
		Action: func(_ context.Context, c *cli.Command) error {
			rest, err := arguments(c, 0, 1)
			if err != nil {
				return err
			}
			folder := ""
			if len(rest) == 1 {
				folder = rest[0]
			} else if folder, err = newest(); err != nil {
				return err
			}
			r, err := s.load(folder)
			if err != nil {
				return err
			}
			page, err := r.Write()
			if err == nil {
				fmt.Fprintln(s.out, page)
			}
			return err
		}}
}

// load reads a run and says what of it could not be read.
func (s *shell) load(folder string) (*report.Run, error) {
	r, err := report.Load(folder)
	if err != nil {
		return nil, err
	}
	for _, d := range r.Damage {
		fmt.Fprintf(s.errs, "peerbed: passed over: %s\n", d)
	}
	return r, nil
}

// compare lays two runs side by side.
func (s *shell) compare() *cli.Command {
	return &cli.Command{Name: "compare", ArgsUsage: "[OLD NEW]", Usage: "two runs of one test side by side; a build can fail on what is worse",
		Description: "OLD and NEW are folders of runs; without them they are the newest run and the one of the same test before it.\n\n" +
			"    peerbed compare\n    peerbed compare out/TestTour-20261120T080000-s1 out/TestTour -html compare.html\n" +
			"    peerbed compare -fail-above 10% -only found,hops",
		Flags: []cli.Flag{form(),
			&cli.StringFlag{Name: "fail-above", Usage: "exit with 1 if a figure is worse by more than this `share` of the old one, 10% or 0.1; with several seeds only if the intervals do not touch; or if a verdict fails that held"},
			&cli.StringFlag{Name: "only", Usage: "`measures` that -fail-above looks at, with commas between: " + measures()},
			&cli.StringFlag{Name: "html", Usage: "write a page into this `file`, too"},
			&cli.BoolFlag{Name: "all", Usage: "print all figures, not only those that differ by more than 5 %"},
		},
		Action: func(_ context.Context, c *cli.Command) error {
			rest, err := arguments(c, 0, 2)
			if err != nil || len(rest) == 1 {
				return errors.Join(err, misusedIf(len(rest) == 1, "want two runs, or none for the two newest"))
			}
			if len(rest) == 0 {
				if rest, err = twoNewest(); err != nil {
					return err
				}
			}
			return s.sideBySide(c, rest[0], rest[1])
		}}
}

func misusedIf(wrong bool, text string) error {
	if wrong {
		return misuse(text)
	}
	return nil
}

func measures() string {
	var names []string
	for _, m := range report.Measures {
		names = append(names, m.Name)
	}
	return strings.Join(names, ", ")
}

func (s *shell) sideBySide(c *cli.Command, old, new string) error {
	asJSON, err := wantsJSON(c)
	if err != nil {
		return err
	}
	limit, only, err := limits(c)
	if err != nil {
		return err
	}
	a, err := s.load(old)
	if err != nil {
		return err
	}
	b, err := s.load(new)
	if err != nil {
		return err
	}
	both, err := report.Compare(a, b)
	if err != nil {
		return err
	}
	if file := c.String("html"); file != "" {
		err := s.write(file, func(w io.Writer) error {
			_, err := both.Page().WriteTo(w)
			return err
		})
		if err != nil {
			return err
		}
	}
	if err := s.printPairs(both, asJSON, c.Bool("all")); err != nil || limit < 0 {
		return err
	}
	if worse := both.Regressions(limit, only...); len(worse) > 0 {
		lines := make([]string, len(worse))
		for i, p := range worse {
			lines[i] = p.String()
		}
		return fmt.Errorf("worse by more than %.4g %%:\n  %s", 100*limit, strings.Join(lines, "\n  "))
	}
	return nil
}

func (s *shell) printPairs(both *report.Comparison, asJSON, all bool) error {
	if asJSON {
		return both.WriteJSON(s.out)
	}
	share := 0.05
	if all {
		share = -1
	}
	t := both.Table(share)
	_, err := t.WriteTo(s.out)
	return err
}

// limits reads what a build is to fail on; -1: nothing.
func limits(c *cli.Command) (limit float64, only []string, err error) {
	limit = -1
	if text := c.String("fail-above"); text != "" {
		number, per := strings.CutSuffix(text, "%")
		if limit, err = strconv.ParseFloat(number, 64); err != nil || !(limit >= 0) {
			return 0, nil, misused("-fail-above %s: want a share, such as 10%% or 0.1", text)
		}
		if per {
			limit /= 100
		}
	}
	if text := c.String("only"); text != "" {
		only = strings.Split(text, ",")
		for _, name := range only {
			if !strings.Contains(", "+measures()+",", ", "+name+",") {
				return 0, nil, misused("-only %s: there is no measure %q; there are %s", text, name, measures())
			}
		}
	}
	return limit, only, nil
}

var errNoRun = errors.New("there is no run yet; this makes one: go test ./experiments -run 'TestTour$' -count=1 -args -nodes 24")

func runs() (out string, all []journal.Folder, err error) {
	if out, err = harness.Out(); err != nil {
		return "", nil, err
	}
	all, err = journal.Runs(out)
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("%s: %w", out, errNoRun)
	}
	return out, all, err
}

func newest() (string, error) {
	_, all, err := runs()
	if err != nil {
		return "", err
	}
	return all[0].Path, nil
}

// twoNewest returns the newest run and the one of the same test before it, that
// one first.
func twoNewest() ([]string, error) {
	out, all, err := runs()
	if err != nil {
		return nil, err
	}
	for _, f := range all[1:] {
		if f.Test == all[0].Test {
			return []string{f.Path, all[0].Path}, nil
		}
	}
	return nil, fmt.Errorf("there is only one run of %s in %s (%s): run it once more, or name two folders", all[0].Test, out, filepath.Base(all[0].Path))
}
