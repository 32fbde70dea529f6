// Package similar says how much of one program's source is found in another's,
// whatever its names, comments and layout: by fingerprints of token sequences, which
// are chosen by winnowing (Schleimer, Wilkerson and Aiken, SIGMOD 2003). Whether that
// means anything a person decides: short programs for one task look alike.
package similar

import (
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/scanner"
)

const (
	// gram is how many tokens a fingerprint covers: what is shorter is not noticed.
	gram = 16
	// window is how many in a row give one fingerprint: of window + gram - 1 equal
	// tokens one is found for certain.
	window = 8
	// most bounds what is read of one file.
	most = 1 << 20
)

// Prints are the fingerprints of a source.
type Prints map[uint64]bool

// Share returns which share of p, 0 to 1, is found in other but not in given, which
// everybody was given.
func (p Prints) Share(other, given Prints) float64 {
	own, found := 0, 0
	for print := range p {
		if given[print] {
			continue
		}
		own++
		if other[print] {
			found++
		}
	}
	if own == 0 {
		return 0
	}
	return float64(found) / float64(own)
}

// Len is how many fingerprints are not in given.
func (p Prints) Len(given Prints) int {
	n := 0
	for print := range p {
		if !given[print] {
			n++
		}
	}
	return n
}

// kinds are the names of files that are read.
var kinds = []string{".go", ".py", ".java", ".c", ".h", ".cc", ".cpp", ".rs", ".js", ".ts", ".rb", ".kt"}

// Folder returns the fingerprints of all sources below a folder, but for tests in Go
// and the folders named.
func Folder(dir string, but ...string) (Prints, error) {
	all := Prints{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, name)
		switch {
		case d.IsDir() && slices.Contains(but, rel):
			return fs.SkipDir
		case !d.Type().IsRegular() || !slices.Contains(kinds, filepath.Ext(name)) || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		b, err := os.ReadFile(name)
		if err == nil {
			all.add(string(b[:min(len(b), most)]))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("similar: %w", err)
	}
	return all, nil
}

// Text returns the fingerprints of one source.
func Text(source string) Prints {
	p := Prints{}
	p.add(source)
	return p
}

func (p Prints) add(source string) {
	list := tokens(source)
	var hashes []uint64
	for i := 0; i+gram <= len(list); i++ {
		h := fnv.New64a()
		for _, t := range list[i : i+gram] {
			h.Write([]byte(t))
			h.Write([]byte{0})
		}
		hashes = append(hashes, h.Sum64())
	}
	for i := 0; i+window <= len(hashes); i++ {
		p[slices.Min(hashes[i:i+window])] = true
	}
}

// words are the tokens that keep their text: those that say what a program does.
var words = strings.Fields(`if else for while range switch case return func def class struct break continue default
	map chan go defer type var const import package lambda yield try except raise with in not and or is None True False
	nil true false append len min max`)

// tokens reads a source of any language: names and literals lose their text.
func tokens(source string) (list []string) {
	var s scanner.Scanner
	s.Init(strings.NewReader(uncommented(source)))
	s.Mode = scanner.ScanIdents | scanner.ScanFloats | scanner.ScanStrings | scanner.ScanRawStrings | scanner.ScanComments | scanner.SkipComments
	s.Error = func(*scanner.Scanner, string) {} // another language
	for t := s.Scan(); t != scanner.EOF; t = s.Scan() {
		switch text := s.TokenText(); {
		case t == scanner.Ident && slices.Contains(words, text):
			list = append(list, text)
		case t == scanner.Ident:
			list = append(list, "name")
		case t < 0:
			list = append(list, "literal")
		default:
			list = append(list, text)
		}
	}
	return list
}

// uncommented is a source without the lines that are comments in Python.
func uncommented(source string) string {
	lines := strings.Split(source, "\n")
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(strings.TrimSpace(l), "#") }), "\n")
}
