//go:build !unix

package resident

import (
	"errors"
	"syscall"
)

// apart says that a resident is not to be had here.
func apart() (*syscall.SysProcAttr, error) {
	return nil, errors.New("clusters that outlive their command need Linux or macOS; experiments (go test ./experiments) run here too")
}
