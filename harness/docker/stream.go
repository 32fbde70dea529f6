package docker

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
)

// relay starts a process in the agent's container that carries bytes to and
// from the agent, and returns the harness's end. It waits for an agent that is
// being started again.
func (e *engine) relay(ctx context.Context, id, run string) (net.Conn, error) {
	for {
		c, err := e.exec(ctx, id, "/"+agentProgram, "-relay", "-run", run)
		if err == nil || errdefs.IsNotFound(err) || broken(err) || !breathe(ctx) {
			return c, explain(ctx, err)
		}
	}
}

// exec starts a process in a running container and returns its input and
// output. It ends, at the latest, when its input does.
func (e *engine) exec(ctx context.Context, id string, command ...string) (net.Conn, error) {
	p, err := e.ContainerExecCreate(ctx, id, container.ExecOptions{Cmd: command, AttachStdin: true, AttachStdout: true, AttachStderr: true})
	if err != nil {
		return nil, err
	}
	s, err := e.ContainerExecAttach(ctx, p.ID, container.ExecAttachOptions{})
	if err != nil {
		return nil, err
	}
	return &stream{Conn: s.Conn, from: s.Reader}, nil
}

// A stream is the connection to a process in a container. What the process
// writes comes in frames: a header of eight bytes, the first of which tells
// output from errors, the last four the length.
type stream struct {
	net.Conn
	from *bufio.Reader
	left int // of the frame
}

func (s *stream) Read(p []byte) (int, error) {
	for s.left == 0 {
		if err := s.next(); err != nil {
			return 0, err
		}
	}
	n, err := s.from.Read(p[:min(len(p), s.left)])
	s.left -= n
	return n, err
}

// next reads the header of a frame. Whatever the process has to say beside its
// output is why it ends.
func (s *stream) next() error {
	var header [8]byte
	if _, err := io.ReadFull(s.from, header[:]); err != nil {
		return err
	}
	size := int(binary.BigEndian.Uint32(header[4:]))
	if stdcopy.StdType(header[0]) == stdcopy.Stdout {
		s.left = size
		return nil
	}
	words, err := io.ReadAll(io.LimitReader(s.from, int64(min(size, 4<<10))))
	if err != nil {
		return err
	}
	return fmt.Errorf("%s", strings.TrimSpace(string(words)))
}
