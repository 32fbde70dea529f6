package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
)

// packedName is of the images that Pack makes; see imageName.
const packedName = imageName + "-packed"

// Pack makes an image, FROM scratch, of a program that is installed on this
// machine: the program, the shared libraries that it says it needs, and what else
// is named: for each path in the image a file of this machine. It returns what
// harness.Image calls the image; the same content has the same name, and costs
// nothing the second time. Programs are found as a shell finds them, and keep
// their path. What a program opens by itself (plug-ins, data, a configuration)
// must be among the files.
func Pack(ctx context.Context, program string, files map[string]string) (ref string, err error) {
	found, err := exec.LookPath(program)
	if err == nil {
		found, err = filepath.Abs(found)
	}
	if err != nil {
		return "", fmt.Errorf("cannot pack %s: %w", program, err)
	}
	all := maps.Clone(files)
	if all == nil {
		all = map[string]string{}
	}
	if err := needs(found, all); err != nil {
		return "", fmt.Errorf("cannot pack %s: %w", program, err)
	}
	content, err := packed(all)
	if err != nil {
		return "", fmt.Errorf("cannot pack %s: %w", program, err)
	}
	e, err := connect(ctx)
	if err != nil {
		return "", err
	}
	defer e.Close()
	sum := sha256.Sum256(content)
	ref = packedName + ":" + hex.EncodeToString(sum[:8])
	err = call(ctx, func(ctx context.Context) error {
		_, err := e.ImageInspect(ctx, ref)
		return err
	})
	if errdefs.IsNotFound(err) {
		err = call(ctx, func(ctx context.Context) error { return e.importImage(ctx, ref, content) })
	}
	return ref, err
}

// needs adds an ELF file under its own path, its interpreter, and the libraries
// that it and they need.
func needs(file string, all map[string]string) error {
	if all[file] != "" {
		return nil
	}
	all[file] = file
	f, err := elf.Open(file)
	if err != nil {
		return fmt.Errorf("it is no program of Linux: %w", err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		b := make([]byte, min(p.Filesz, 4<<10))
		if _, err := p.ReadAt(b, 0); err != nil {
			return err
		}
		interpreter := string(bytes.TrimRight(b, "\x00"))
		all[interpreter] = interpreter
	}
	libraries, err := f.ImportedLibraries()
	if err != nil {
		return err
	}
	for _, name := range libraries {
		where, err := library(f, file, name)
		if err == nil {
			err = needs(where, all)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// library finds one as the dynamic linker would: where the file says, where the
// machine's configuration says, and at last where it always looks. One for another
// kind of processor is passed over.
func library(f *elf.File, file, name string) (string, error) {
	var dirs []string
	for _, tag := range []elf.DynTag{elf.DT_RUNPATH, elf.DT_RPATH} {
		paths, _ := f.DynString(tag)
		for _, p := range paths {
			dirs = append(dirs, strings.Split(strings.ReplaceAll(p, "$ORIGIN", filepath.Dir(file)), ":")...)
		}
	}
	for _, dir := range slices.Concat(dirs, configured("/etc/ld.so.conf"), []string{"/lib64", "/usr/lib64", "/lib", "/usr/lib"}) {
		where := filepath.Join(dir, name)
		l, err := elf.Open(where)
		if err != nil {
			continue
		}
		l.Close()
		if l.Machine == f.Machine && l.Class == f.Class {
			return where, nil
		}
	}
	return "", fmt.Errorf("%s needs the library %s, which is not installed", file, name)
}

// configured lists the folders that a file of ld.so.conf names, and those that it
// includes.
func configured(file string) (dirs []string) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil // a machine without one has its libraries where they always are
	}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
		if pattern, ok := strings.CutPrefix(line, "include "); ok {
			more, _ := filepath.Glob(filepath.Join("/etc", strings.TrimPrefix(pattern, "/etc")))
			for _, m := range more {
				dirs = append(dirs, configured(m)...)
			}
		} else if line != "" {
			dirs = append(dirs, line)
		}
	}
	return dirs
}

// packed is the tar of an image's root: files by their path there. Links are
// followed, and the mode kept.
func packed(files map[string]string) ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	folders := map[string]bool{".": true}
	var folder func(dir string) error
	folder = func(dir string) error {
		if folders[dir] {
			return nil
		}
		folders[dir] = true
		return errors.Join(folder(path.Dir(dir)), w.WriteHeader(&tar.Header{Name: dir + "/", Typeflag: tar.TypeDir, Mode: 0o755}))
	}
	for _, dir := range []string{"data", "tmp"} {
		if err := folder(dir); err != nil {
			return nil, err
		}
	}
	for _, to := range slices.Sorted(maps.Keys(files)) {
		content, err := os.ReadFile(files[to])
		if err != nil {
			return nil, err
		}
		mode := fs.FileMode(0o644)
		if info, err := os.Stat(files[to]); err == nil && info.Mode()&0o111 != 0 {
			mode = 0o755
		}
		name := strings.TrimPrefix(path.Clean("/"+to), "/")
		err = errors.Join(folder(path.Dir(name)), w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: int64(mode), Size: int64(len(content))}))
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return buf.Bytes(), err
}
