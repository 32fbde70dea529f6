package classroom

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// secretFile is where an autograder keeps what draws the hidden seeds.
const secretFile = "secret"

// What Gradescope runs: once when the image is made, and for each submission. It
// unpacks the zip to /autograder/source.
const (
	setup = `#!/bin/sh
# What programs are written in must be here: Python 3 is; a course that takes Go adds
# Go 1.26 and "export PATH=$PATH:/usr/local/go/bin" to run_autograder.
set -e
command -v python3 || { apt-get update && apt-get install -y python3; }
`
	runAutograder = `#!/bin/sh
cd /autograder && exec /autograder/source/check autograde /autograder/submission /autograder/results/results.json
`
)

// Autograder writes the zip that Gradescope takes for an assignment: check, a static
// program for linux, beside all that it needs to grade. It needs no privileges and no
// network.
func (m *Manifest) Autograder(bed, check, to string, c Course, secret string) error {
	dir, err := os.MkdirTemp("", "peerbed-autograder-")
	if err != nil {
		return fmt.Errorf("classroom: %w", err)
	}
	defer os.RemoveAll(dir)
	course, err := json.MarshalIndent(c, "", "\t")
	if err != nil {
		return err
	}
	err = errors.Join(
		copyFile(filepath.Join(m.dir, "assignment.json"), filepath.Join(dir, "assignment.json")),
		write(filepath.Join(dir, courseFile), string(course)+"\n"),
		write(filepath.Join(dir, secretFile), secret),
		write(filepath.Join(dir, "setup.sh"), setup), write(filepath.Join(dir, "run_autograder"), runAutograder),
		copyFile(check, filepath.Join(dir, "check")), CopyContract(bed, filepath.Join(dir, "peerbed")))
	for _, name := range []string{"setup.sh", "run_autograder", "check"} {
		err = errors.Join(err, os.Chmod(filepath.Join(dir, name), 0o755))
	}
	if err != nil {
		return err
	}
	return pack(dir, to)
}

// pack makes a zip of a folder; AddFS keeps who may be run.
func pack(dir, to string) error {
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // it has the secret
	if err != nil {
		return fmt.Errorf("classroom: %w", err)
	}
	z := zip.NewWriter(f)
	return errors.Join(z.AddFS(os.DirFS(dir)), z.Close(), f.Close())
}

// gradescopeTime leaves time to write results before Gradescope's ten minutes are
// over.
const gradescopeTime = DefaultTime * 8 / 10

// Autograde grades as run_autograder does: home is the unpacked zip. Results are
// written whatever comes of it.
func Autograde(ctx context.Context, home, submission, results string) error {
	m, err := Load(home)
	if err != nil {
		return err
	}
	c, err := ReadCourse(home)
	if err != nil {
		return err
	}
	secret, err := os.ReadFile(filepath.Join(home, secretFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("classroom: %w", err)
	}
	o := Options{Course: c, Secret: string(secret), Time: gradescopeTime, Program: "./check"}
	g, err := m.GradeFolder(ctx, filepath.Join(home, "peerbed"), submission, o)
	if err != nil {
		return err
	}
	b, err := g.gradescope()
	if err != nil {
		return err
	}
	return write(results, string(b))
}
