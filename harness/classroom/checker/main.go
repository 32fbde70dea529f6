// Command check plays the public tests of a handout with the program that lies in
// its folder. It needs no network, no Docker and, for programs that are not in Go,
// no Go.
//
//	./check                               the program beside it
//	./check python                        the one in the folder python
//	./check replay grade/failure-1.json   one failure again, event by event
//
// It exits with 0 if all passes.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"peerbed/harness/classroom"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	good, err := run(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(2)
	}
	if !good {
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (good bool, err error) {
	home, err := handout()
	if err != nil {
		return false, err
	}
	switch {
	case len(args) == 2 && args[0] == "replay":
		return replay(ctx, home, args[1])
	case len(args) == 3 && args[0] == "autograde": // for run_autograder
		return true, classroom.Autograde(ctx, home, args[1], args[2])
	case len(args) == 0:
		return grade(ctx, home, home)
	case len(args) == 1 && args[0][0] != '-':
		return grade(ctx, home, args[0])
	}
	return false, errors.New("want nothing, the folder of a program, or: replay FILE")
}

// handout is the folder in which this program lies, or the current one.
func handout() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	dir := filepath.Dir(self)
	if _, err := os.Stat(filepath.Join(dir, "assignment.json")); err != nil {
		return os.Getwd()
	}
	return dir, nil
}

func grade(ctx context.Context, home, dir string) (bool, error) {
	m, err := classroom.Load(home)
	if err != nil {
		return false, err
	}
	c, err := classroom.ReadCourse(home)
	if err != nil {
		return false, err
	}
	o := classroom.Options{Course: c, Public: true, Time: classroom.DefaultTime, Program: "./check"}
	g, err := m.GradeFolder(ctx, filepath.Join(home, "peerbed"), dir, o)
	if err != nil {
		return false, err
	}
	fmt.Print(g.Text())
	fmt.Println("the page with all about it:", filepath.Join(dir, "grade", "index.html"))
	return g.Points == g.Most, g.Save(dir)
}

func replay(ctx context.Context, home, file string) (bool, error) {
	m, err := classroom.Load(home)
	if err != nil {
		return false, err
	}
	return m.ReplayFile(ctx, filepath.Join(home, "peerbed"), file, os.Stdout)
}
