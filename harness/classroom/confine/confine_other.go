//go:build !linux || !(amd64 || arm64)

package confine

import "os/exec"

// Command returns the program as it is: see Lacks.
func Command(dir string, reads []string, l Limits, argv ...string) *exec.Cmd {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	return cmd
}

// Lacks says what cannot be enforced here.
func Lacks() []string {
	return []string{"anything: on this system the program may do whatever you may"}
}
