package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// doors are the control sockets of nodes, where harness and nodes share no
// folder: the agent listens in the run's volume, and every connection of a
// node travels on as one stream of the harness's connection to the agent.
type doors struct {
	dir string

	mu     sync.Mutex
	byNode map[int]*net.UnixListener
}

// open awaits the harness at the lease's socket, with the doors of nodes open
// that were there before.
func (d *doors) open(ctx context.Context, lease string) (net.Conn, error) {
	old, err := filepath.Glob(filepath.Join(d.dir, ControlName, "*"))
	for _, path := range old {
		if node, bad := strconv.Atoi(filepath.Base(path)); bad == nil {
			err = errors.Join(err, d.listen(node))
		}
	}
	if err != nil {
		return nil, err
	}
	l, err := listen(lease)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, meeting, errNobodyCame)
	defer cancel()
	return acceptOne(ctx, l)
}

var errNobodyCame = fmt.Errorf("no harness came within %v", meeting)

// make makes the two folders of a node, with the state that it is to take up,
// and listens at its socket. The data folder belongs to whoever the node is:
// the agent may not give things away.
func (d *doors) make(w http.ResponseWriter, r *http.Request) {
	node, err := strconv.Atoi(r.PathValue("node"))
	if err == nil {
		err = d.furnish(node, r.Body)
	}
	if err == nil {
		err = d.listen(node)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func (d *doors) furnish(node int, state io.Reader) error {
	data := filepath.Join(d.dir, DataName, strconv.Itoa(node))
	if err := errors.Join(os.MkdirAll(d.control(node), 0o755), os.MkdirAll(data, 0o777)); err != nil {
		return err
	}
	if err := os.Chmod(data, 0o777); err != nil { // whatever the umask
		return err
	}
	text, err := io.ReadAll(state)
	if err != nil || len(text) == 0 {
		return err
	}
	return os.WriteFile(filepath.Join(d.control(node), StateName), text, 0o644)
}

func (d *doors) control(node int) string {
	return filepath.Join(d.dir, ControlName, strconv.Itoa(node))
}

// listen opens a node's door, unless it is open.
func (d *doors) listen(node int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.byNode[node] != nil {
		return nil
	}
	l, err := listen(filepath.Join(d.control(node), SocketName))
	if err != nil {
		return err
	}
	if d.byNode == nil {
		d.byNode = map[int]*net.UnixListener{}
	}
	d.byNode[node] = l
	return nil
}

// listen makes a socket that any user may dial who is given its folder, in
// place of what an agent that was killed has left there.
func listen(path string) (*net.UnixListener, error) {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	return l, os.Chmod(path, 0o666)
}

// pass waits until the node dials in, says so by its status, and then carries
// bytes both ways until either end has had enough.
func (d *doors) pass(w http.ResponseWriter, r *http.Request) {
	node, _ := strconv.Atoi(r.PathValue("node"))
	d.mu.Lock()
	l := d.byNode[node]
	d.mu.Unlock()
	if l == nil {
		http.Error(w, fmt.Sprintf("node %d has no door", node), http.StatusNotFound)
		return
	}
	c, err := acceptOne(r.Context(), l)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	defer c.Close()
	defer context.AfterFunc(r.Context(), func() { c.Close() })()
	w.WriteHeader(http.StatusOK)
	http.NewResponseController(w).Flush()
	go func() {
		defer c.Close()
		io.Copy(c, r.Body)
	}()
	io.Copy(prompt{w, http.NewResponseController(w)}, c)
}

// A prompt writer keeps nothing back.
type prompt struct {
	w io.Writer
	c *http.ResponseController
}

func (p prompt) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	return n, errors.Join(err, p.c.Flush())
}

// close ends all listening: what is in the folder goes.
func (d *doors) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.byNode {
		l.Close()
	}
	d.byNode = nil
}

// acceptOne waits for one connection until ctx ends. An earlier wait that is
// just ending may disturb it: only its own end counts.
func acceptOne(ctx context.Context, l *net.UnixListener) (net.Conn, error) {
	defer context.AfterFunc(ctx, func() { l.SetDeadline(time.Unix(1, 0)) })()
	for {
		l.SetDeadline(time.Time{})
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		c, err := l.Accept()
		switch {
		case err == nil && ctx.Err() != nil:
			c.Close()
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return c, err
		}
	}
}

// Relay carries a caller's bytes, from in and to out, to and from the agent of
// the container that it runs in. The caller is a harness that can do no more
// than start a process there. It waits for an agent that is being started.
func (r Run) Relay(in io.Reader, out io.Writer) error {
	c, err := net.Dial("unix", r.Socket)
	for end := time.Now().Add(meeting); err != nil && time.Now().Before(end); c, err = net.Dial("unix", r.Socket) {
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		return fmt.Errorf("no agent here: %w", err)
	}
	go func() {
		defer c.Close()
		io.Copy(c, in)
	}()
	io.Copy(out, c)
	return nil
}
