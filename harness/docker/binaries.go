package docker

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// The programs of a run, by the names they have in the image.
const (
	nodeProgram  = "node"
	agentProgram = "agentd"
	nodePackage  = "peerbed/node"
	agentPackage = "peerbed/harness/agent/agentd"
)

// binaryFolder begins the name of the folder that keeps them; the kind of
// processor follows.
const binaryFolder = "bin-"

// binaries are the two programs, static, for the daemon's kind of processor.
type binaries struct{ node, agent []byte }

// programs is the folder in dir that keeps them.
func programs(dir, arch string) string { return filepath.Join(dir, binaryFolder+arch) }

// compile builds both programs with the go tool. They are kept in dir, so that
// only what has changed is linked again.
func compile(ctx context.Context, dir, arch, node string) (b binaries, err error) {
	tool, err := exec.LookPath("go")
	if err != nil {
		return b, errors.New("nodes are compiled when a run begins, and there is no go tool in PATH; install Go, or use -backend proc or sim")
	}
	dir = programs(dir, arch)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return b, err
	}
	unlock, err := lockFile(ctx, filepath.Join(dir, "lock"))
	if err != nil {
		return b, err
	}
	defer unlock()
	var both sync.WaitGroup
	var nodeErr, agentErr error
	both.Go(func() { b.node, nodeErr = goBuild(ctx, tool, arch, node, filepath.Join(dir, nodeProgram)) })
	both.Go(func() { b.agent, agentErr = goBuild(ctx, tool, arch, agentPackage, filepath.Join(dir, agentProgram)) })
	both.Wait()
	return b, cmp.Or(nodeErr, agentErr)
}

// goBuild compiles one package, which the go tool finds from the current
// folder: in this module, or in one that requires it. The same source gives the
// same bytes, wherever it lies and whatever its version control says.
func goBuild(ctx context.Context, tool, arch, pkg, to string) ([]byte, error) {
	c := exec.CommandContext(ctx, tool, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", to, pkg)
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := c.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("cannot compile %s (run from a folder of this module, or of one that requires it): %s", pkg, firstLines(out, err))
	}
	return os.ReadFile(to)
}

func firstLines(out []byte, err error) string {
	lines := strings.Split(string(bytes.TrimSpace(out)), "\n")
	if lines[0] == "" {
		return err.Error()
	}
	return strings.Join(lines[:min(len(lines), 5)], " | ")
}
