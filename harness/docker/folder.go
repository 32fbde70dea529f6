package docker

import (
	"context"
	"fmt"
	"net"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"time"

	"peerbed/harness/agent"
)

// nobody is the user that nodes are where the harness is root.
const nobody = 65534

// lockName is in the folder of a run: a lock held as long as the harness lives.
// What else lies there is the agent's to name.
const lockName = "lock"

// A folder is the folder of a run. Its lock says that the harness lives.
type folder struct {
	path   string
	unlock func()
}

// newFolder makes the folder and locks it before anything else of the run
// exists. Until it is locked it has another name, so that no other run takes it
// for a leftover.
func newFolder(ctx context.Context, name string) (folder, error) {
	fresh := name + ".new"
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return folder{}, err
	}
	unlock, err := lockFile(ctx, filepath.Join(fresh, lockName))
	if err != nil {
		return folder{}, err
	}
	return folder{name, unlock}, os.Rename(fresh, name)
}

func (f folder) remove() error {
	if f.path == "" {
		return nil
	}
	err := os.RemoveAll(f.path)
	f.unlock()
	return err
}

func (f folder) control(i int) string { return path.Join(f.path, agent.ControlName, strconv.Itoa(i)) }
func (f folder) data(i int) string    { return path.Join(f.path, agent.DataName, strconv.Itoa(i)) }

// forNode makes the two folders of a node. The control folder is bound
// read-only, and every node has its own: none can answer for another.
func (f folder) forNode(i int) error {
	if err := os.MkdirAll(f.control(i), 0o755); err != nil {
		return err
	}
	if err := os.MkdirAll(f.data(i), 0o700); err != nil {
		return err
	}
	uid, gid := nodeUser()
	return os.Chown(f.data(i), uid, gid)
}

// maxSocketPath is how long the path of a unix socket can be.
const maxSocketPath = 103 // on macOS; 107 on Linux

// listen makes a unix socket that any user may dial who is given its folder.
func listen(path string) (*net.UnixListener, error) {
	if len(path) > maxSocketPath {
		return nil, fmt.Errorf("the path %s is too long for a unix socket; set TMPDIR to a shorter one, such as /tmp", path)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o666); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// past is a deadline that makes a wait end at once.
var past = time.Unix(1, 0)

// accept waits for one connection until ctx ends.
func accept(ctx context.Context, l *net.UnixListener) (net.Conn, error) {
	l.SetDeadline(time.Time{}) // an earlier wait may have ended by it
	stop := context.AfterFunc(ctx, func() { l.SetDeadline(past) })
	c, err := l.Accept()
	if !stop() {
		if err == nil {
			c.Close()
		}
		return nil, context.Cause(ctx)
	}
	return c, err
}
