package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/urfave/cli/v3"

	"peerbed/harness/classroom"
)

// assign is the command for those who give assignments.
func (s *shell) assign() *cli.Command {
	return &cli.Command{Name: "assign", ArgsUsage: "list|check|handout|autograder [NAME] [DIR]", Usage: "hand out programming assignments, and check that their tests tell right from wrong",
		Description: "What a course asks for is drawn from its key, the same each time. check plays the\nreference, the variants and the mutants:\n\n" +
			"    peerbed assign list\n    peerbed assign handout -course fa27 05-chord mp5\n    peerbed assign check 05-chord\n    peerbed assign autograder -course fa27 -secret FILE 05-chord chord.zip",
		Flags: []cli.Flag{course(), secret(),
			&cli.StringFlag{Name: "os", Value: runtime.GOOS, Usage: "handout: the system of the checker: linux, darwin or windows"},
			&cli.StringFlag{Name: "arch", Value: runtime.GOARCH, Usage: "handout: its processor: amd64 or arm64"},
		},
		Action: func(ctx context.Context, c *cli.Command) error {
			args, err := arguments(c, 1, 3)
			if err != nil {
				return err
			}
			switch {
			case args[0] == "list" && len(args) == 1:
				return s.assignments(ctx)
			case args[0] == "handout" && len(args) == 3:
				return s.handout(ctx, c, args[1], args[2])
			case args[0] == "check" && len(args) == 2:
				return s.checkAssignment(ctx, args[1], c.String("course"))
			}
			if args[0] == "autograder" && len(args) == 3 {
				return s.autograder(ctx, c, args[1], args[2])
			}
			return misused("want list, check NAME, handout NAME DIR or autograder NAME FILE.zip, not %q", args)
		}}
}

func course() cli.Flag {
	return &cli.StringFlag{Name: "course", Value: "open", Usage: "the key of the course, which draws what it asks for otherwise than others"}
}

func secret() cli.Flag {
	return &cli.StringFlag{Name: "secret", Usage: "a file whose content draws the hidden seeds; without it anybody can work them out"}
}

func readSecret(c *cli.Command) (string, error) {
	file := c.String("secret")
	if file == "" {
		return "", nil
	}
	b, err := os.ReadFile(file)
	return string(b), err
}

// assignment loads one by its name, and says where peerbed lies.
func assignment(ctx context.Context, name string) (m *classroom.Manifest, bed string, err error) {
	if bed, err = checkout(ctx); err != nil {
		return nil, "", err
	}
	if name != filepath.Base(name) {
		return nil, "", misused("the assignment %q: want a name, see peerbed assign list", name)
	}
	m, err = classroom.Load(filepath.Join(bed, "experiments", "assignments", name))
	return m, bed, err
}

func (s *shell) checkAssignment(ctx context.Context, name, key string) error {
	m, bed, err := assignment(ctx, name)
	if err != nil {
		return err
	}
	return m.Check(ctx, bed, m.NewCourse(key), key, s.out)
}

func (s *shell) assignments(ctx context.Context) error {
	bed, err := checkout(ctx)
	if err != nil {
		return err
	}
	dirs, err := filepath.Glob(filepath.Join(bed, "experiments", "assignments", "*", "assignment.json"))
	if err != nil {
		return err
	}
	for _, d := range dirs {
		m, err := classroom.Load(filepath.Dir(d))
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "%-12s %s: %d points, %d tests, %d mutants\n", m.Name, m.Title, m.Points, len(m.Tests()), len(m.Mutants))
	}
	return nil
}

func (s *shell) handout(ctx context.Context, c *cli.Command, name, dir string) error {
	m, bed, err := assignment(ctx, name)
	if err != nil {
		return err
	}
	if err := m.Handout(bed, dir, m.NewCourse(c.String("course"))); err != nil {
		return err
	}
	check := filepath.Join(dir, "check")
	if c.String("os") == "windows" {
		check += ".exe"
	}
	if err := checker(ctx, bed, check, c.String("os"), c.String("arch")); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s holds the handout; try it: cd %s && ./check\n", dir, dir)
	return nil
}

// checker builds the program that plays tests on laptops and in autograders.
func checker(ctx context.Context, bed, to, system, processor string) error {
	to, err := filepath.Abs(to)
	if err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", to, "./harness/classroom/checker")
	build.Dir = bed
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+processor)
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("the checker does not build: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// autograder writes the zip for Gradescope.
func (s *shell) autograder(ctx context.Context, c *cli.Command, name, file string) error {
	m, bed, err := assignment(ctx, name)
	if err != nil {
		return err
	}
	secret, err := readSecret(c)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "peerbed-check-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	check := filepath.Join(dir, "check")
	if err := checker(ctx, bed, check, "linux", "amd64"); err != nil {
		return err
	}
	if err := m.Autograder(bed, check, file, m.NewCourse(c.String("course")), secret); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s is an autograder for Gradescope: the simulated lane, for programs in Python or built ones\n", file)
	return nil
}

// grading is the command that grades one submission.
func (s *shell) grading() *cli.Command {
	return &cli.Command{Name: "grade", ArgsUsage: "DIR", Usage: "grade the submission in a folder",
		Description: "It plays the tests of the assignment and leaves DIR/grade: index.html, results.json (for\nGradescope), junit.xml, grade.csv and a file for each failure:\n\n" +
			"    peerbed grade -assignment 05-chord -course fa27 mp5",
		Flags: []cli.Flag{course(),
			&cli.StringFlag{Name: "assignment", Usage: "which: see peerbed assign list"},
			secret(),
			&cli.StringFlag{Name: "others", Usage: "a folder with other submissions, each in one of its own, to compare the source with"},
			&cli.BoolFlag{Name: "public", Usage: "the public seeds only"},
			&cli.DurationFlag{Name: "time", Value: classroom.DefaultTime, Usage: "for all tests; what is not played by then is unknown"},
		},
		Action: func(ctx context.Context, c *cli.Command) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			return s.gradeFolder(ctx, c, args[0])
		}}
}

func (s *shell) gradeFolder(ctx context.Context, c *cli.Command, dir string) error {
	m, bed, err := assignment(ctx, c.String("assignment"))
	if err != nil {
		return err
	}
	o := classroom.Options{Course: m.NewCourse(c.String("course")), Public: c.Bool("public"), Time: c.Duration("time"), Program: "go run ./harness/peerbed"}
	if o.Secret, err = readSecret(c); err != nil {
		return err
	}
	g, err := m.GradeFolder(ctx, bed, dir, o)
	if err != nil {
		return err
	}
	alike, err := m.Similar(bed, dir, c.String("others"))
	if err != nil {
		return err
	}
	g.Notes = append(g.Notes, alike...)
	if o.Secret == "" && !o.Public {
		g.Notes = append(g.Notes, "Graded without -secret: anybody can work out the hidden seeds.")
	}
	fmt.Fprint(s.out, g.Text())
	fmt.Fprintln(s.out, "the page with all about it:", filepath.Join(dir, "grade", "index.html"))
	return g.Save(dir)
}

// replay is the command that plays a failure of a grade again.
func (s *shell) replay() *cli.Command {
	return &cli.Command{Name: "replay", ArgsUsage: "FILE", Usage: "play a failure of a grade again, event by event",
		Description: "FILE lies in the folder grade of the submission. It exits with 1 if the failure is still there:\n\n    peerbed replay mp5/grade/failure-1.json",
		Action: func(ctx context.Context, c *cli.Command) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			f, err := classroom.ReadFailure(args[0])
			if err != nil {
				return err
			}
			m, bed, err := assignment(ctx, f.Assignment)
			if err != nil {
				return err
			}
			good, err := m.ReplayFile(ctx, bed, args[0], s.out)
			if err == nil && !good {
				err = fmt.Errorf("%s: %s is violated", args[0], f.Test)
			}
			return err
		}}
}
