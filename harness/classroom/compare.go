package classroom

import (
	"fmt"
	"os"
	"path/filepath"

	"peerbed/harness/classroom/similar"
)

// From this share on a similarity is named, if there is that much source.
const (
	namedShare  = 0.25
	namedPrints = 10
)

// Similar names the sources that much of a submission is found in: peerbed's
// protocols, the reference (and so the mutants), the variants, and what lies beside
// the submission in the folder others, if that is not empty. What the skeleton has
// does not count. It is for a person to judge, and takes no points.
func (m *Manifest) Similar(bed, dir, others string) (notes []string, err error) {
	given, err := similar.Folder(filepath.Join(m.dir, "skeleton"))
	if err != nil {
		return nil, err
	}
	own, err := similar.Folder(dir, "peerbed", "grade", ".git")
	if err != nil || own.Len(given) < namedPrints {
		return nil, err
	}
	for _, pattern := range []string{filepath.Join(bed, "protocols", "*"), filepath.Join(m.dir, "reference"), filepath.Join(m.dir, "variants", "*"), filepath.Join(others, "*")} {
		if pattern == "*" {
			continue // no others
		}
		found, err := m.alike(own, given, bed, dir, pattern)
		if err != nil {
			return nil, err
		}
		notes = append(notes, found...)
	}
	return notes, nil
}

func (m *Manifest) alike(own, given similar.Prints, bed, dir, pattern string) (notes []string, err error) {
	folders, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	self, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range folders {
		info, err := os.Stat(f)
		if err != nil || !info.IsDir() || os.SameFile(self, info) {
			continue
		}
		other, err := similar.Folder(f, "peerbed", "grade", ".git")
		if err != nil {
			return nil, err
		}
		if share := own.Share(other, given); share >= namedShare {
			name := f
			if rel, err := filepath.Rel(bed, f); err == nil && filepath.IsLocal(rel) {
				name = rel
			}
			notes = append(notes, fmt.Sprintf("%.0f %% of the submission's source is also in %s.", 100*share, filepath.ToSlash(name)))
		}
	}
	return notes, nil
}
