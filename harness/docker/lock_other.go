//go:build !unix

package docker

import (
	"context"
	"errors"
	"syscall"
)

var errSystem = errors.New("containers are controlled through unix sockets in shared folders, which this system does not have; use -backend proc or sim")

func home() (string, error) { return "", errSystem }

func lockFile(context.Context, string) (func(), error) { return nil, errSystem }

func lockOne(context.Context, ...string) (func(), error) { return nil, errSystem }

func apart() *syscall.SysProcAttr { return nil }

func nodeUser() (uid, gid int) { return nobody, nobody }
