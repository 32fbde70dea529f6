//go:build !linux && !darwin

package proc

import (
	"context"
	"errors"

	"peerbed/harness"
)

// Open says that this world is not to be had here.
func Open(context.Context, harness.Options) (harness.Backend, error) {
	return nil, errors.New("nodes as processes need Linux or macOS: use -backend sim or docker")
}

// Clean finds nothing: there are no runs here.
func Clean(context.Context, harness.Cleaning) ([]harness.Leftover, error) { return nil, nil }
