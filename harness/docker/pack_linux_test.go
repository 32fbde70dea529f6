package docker

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A packed program has with it what it needs to run: it does, in a root of its
// own, where there is nothing else.
func TestPacked(t *testing.T) {
	program, err := exec.LookPath("ls")
	if err != nil {
		t.Skip("no program to pack:", err)
	}
	files := map[string]string{"/etc/some.conf": "pack_linux_test.go"}
	if err := needs(program, files); err != nil {
		t.Fatal(err)
	}
	content, err := packed(files)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := packed(files); !bytes.Equal(content, again) {
		t.Error("the same files make other bytes")
	}
	root := t.TempDir()
	for r := tar.NewReader(bytes.NewReader(content)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(root, h.Name)
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(name, 0o755)
		} else {
			b, _ := io.ReadAll(r)
			err = os.WriteFile(name, b, h.FileInfo().Mode())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("a root of its own takes root")
	}
	out, err := exec.Command("chroot", root, program, "/etc").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "some.conf" {
		t.Errorf("in its root it says %q, error %v", out, err)
	}
}

// What cannot be packed is refused in one sentence.
func TestPackRefuses(t *testing.T) {
	for program, want := range map[string]string{
		"no-such-program-anywhere": "cannot pack no-such-program-anywhere: ",
		writeScript(t):             "it is no program of Linux",
	} {
		if _, err := Pack(t.Context(), program, nil); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want %q", program, err, want)
		}
	}
}

func writeScript(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}
