package classroom

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

// courseFile is where a handout says what its course asks for.
const courseFile = "course.json"

// Handout writes what a student receives: the handout's text with what the course
// asks for, the skeletons, the tests that are not hidden, and what a program in Go
// stands on. The folder must be empty or not be there.
func (m *Manifest) Handout(bed, to string, c Course) error {
	if there, err := os.ReadDir(to); err == nil && len(there) > 0 {
		return fmt.Errorf("classroom: %s is not empty, and nothing is overwritten: name another folder", to)
	}
	text, err := m.readme(c)
	if err != nil {
		return err
	}
	course, err := json.MarshalIndent(c, "", "\t")
	if err != nil {
		return err
	}
	tests, err := json.MarshalIndent(m.public(), "", "\t")
	if err != nil {
		return err
	}
	return errors.Join(
		m.skeletons(to),
		write(filepath.Join(to, "README.md"), text),
		write(filepath.Join(to, courseFile), string(course)+"\n"),
		write(filepath.Join(to, "assignment.json"), string(tests)+"\n"),
		write(filepath.Join(to, "go.mod"), "module submission\n\ngo 1.26\n\nrequire peerbed v0.0.0\n\nreplace peerbed => ./peerbed\n"),
		CopyContract(bed, filepath.Join(to, "peerbed")))
}

// readme is handout.md, a template of the Course's Ways and the Manifest.
func (m *Manifest) readme(c Course) (string, error) {
	t, err := template.ParseFiles(filepath.Join(m.dir, "handout.md"))
	if err != nil {
		return "", fmt.Errorf("classroom: %w", err)
	}
	var b strings.Builder
	err = t.Execute(&b, struct {
		*Manifest
		Course Course
	}{m, c})
	return b.String(), err
}

// skeletons copies the folder skeleton.
func (m *Manifest) skeletons(to string) error {
	from := filepath.Join(m.dir, "skeleton")
	err := filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		return copyFile(name, filepath.Join(to, rel))
	})
	if err != nil {
		return fmt.Errorf("classroom: %w", err)
	}
	return nil
}

// public is the manifest as students may see it: without the hidden tests and the
// mutants.
func (m *Manifest) public() *Manifest {
	p := *m
	p.Parts, p.Gates, p.Mutants, p.Variants = nil, nil, nil, nil
	known := map[string]bool{}
	for _, part := range m.Parts {
		q := Part{ID: part.ID, Title: part.Title}
		for _, t := range part.Tests {
			if t.Visibility == "visible" {
				q.Tests = append(q.Tests, t)
				known[t.ID] = true
			} else {
				p.Points -= t.Points
			}
		}
		if len(q.Tests) > 0 {
			p.Parts = append(p.Parts, q)
		}
	}
	for _, g := range m.Gates {
		if known[g.Test] {
			p.Gates = append(p.Gates, g)
		}
	}
	return &p
}

// ReadCourse reads the course that a handout was made for.
func ReadCourse(dir string) (Course, error) {
	var c Course
	b, err := os.ReadFile(filepath.Join(dir, courseFile))
	if err != nil {
		return c, fmt.Errorf("classroom: %s is no handout: %w", dir, err)
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("classroom: %s/%s: %w", dir, courseFile, err)
	}
	return c, nil
}
