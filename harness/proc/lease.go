//go:build linux || darwin

package proc

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"peerbed/harness/internal/own"
)

// A lease is what a run holds on this machine: a range of addresses, a folder,
// and a process group. It ends with release, or with the harness' process.
type lease struct {
	octet   int // X of 127.X.0.0/16
	mark    net.PacketConn
	dir     string
	life    *os.File // the write end of a pipe: it breaks when the harness dies
	holder  *exec.Cmd
	watcher *exec.Cmd
	starts  chan func() // for serve, which ends when quit is closed
	quit    chan struct{}
	served  chan struct{} // closed when serve has ended
}

// The values of X that runs may take: not 127.0, which everybody uses.
const firstOctet, lastOctet = 65, 254

// markEnd ends the address of the socket that a run holds while it lives.
const markEnd = ".255.254:7007"

// harnessFile holds the number of the harness' process, for those who want to
// end the run.
const harnessFile = "harness"

var errNoRange = errors.New("no free loopback addresses: want to bind 127.65.255.254 to 127.254.255.254 (on macOS only addresses made with \"ifconfig lo0 alias\" exist)")

// take finds free addresses, makes the folder and starts the watcher.
func take(run string) (*lease, error) {
	l := &lease{starts: make(chan func()), quit: make(chan struct{}), served: make(chan struct{})}
	if err := l.takeOctet(); err != nil {
		return nil, err
	}
	if err := l.makeDir(run); err != nil {
		l.mark.Close()
		return nil, err
	}
	go l.serve()
	if err := l.watch(); err != nil {
		return nil, errors.Join(err, l.release())
	}
	return l, nil
}

// takeOctet holds a socket in the range, which no other run can have too.
func (l *lease) takeOctet() error {
	const n = lastOctet - firstOctet + 1
	from := rand.IntN(n)
	for i := range n {
		octet := firstOctet + (from+i)%n
		c, err := net.ListenPacket("udp4", fmt.Sprintf("127.%d%s", octet, markEnd))
		if err == nil {
			l.octet, l.mark = octet, c
			return nil
		}
	}
	return errNoRange
}

// makeDir makes the run's folder, and removes what a dead run on these
// addresses may have left.
func (l *lease) makeDir(run string) error {
	base, err := own.Home()
	if err != nil {
		return err
	}
	prefix := fmt.Sprintf("127.%d-", l.octet)
	old, err := filepath.Glob(filepath.Join(base, prefix+"*"))
	for _, dir := range old {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	if err != nil {
		return err
	}
	// A unix socket's path may have 103 bytes: only the unique end of the name.
	l.dir = filepath.Join(base, prefix+run[strings.LastIndexByte(run, '-')+1:])
	if err := os.Mkdir(l.dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(l.dir, harnessFile), []byte(strconv.Itoa(os.Getpid())), 0o600)
}

// cleanup waits until the harness is gone, then kills the nodes' group and
// removes their folder.
const cleanup = `cat >/dev/null; kill -KILL -- "-$1" 2>/dev/null; rm -rf "$2"`

// watch starts the holder, whose process group the nodes join, and the watcher.
// Both read from a pipe that ends when the harness closes it or dies; both are
// out of reach of a Ctrl-C meant for the harness.
func (l *lease) watch() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	l.life = w
	l.holder = exec.Command("cat")
	l.holder.Stdin = r
	l.holder.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := l.holder.Start(); err != nil {
		return err
	}
	l.watcher = exec.Command("sh", "-c", cleanup, "sh", fmt.Sprint(l.holder.Process.Pid), l.dir)
	l.watcher.Stdin = r
	l.watcher.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return l.watcher.Start()
}

// start starts a node's process in the group.
func (l *lease) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: l.holder.Process.Pid}
	dieWithUs(cmd.SysProcAttr)
	started := make(chan error, 1)
	select {
	case l.starts <- func() { started <- cmd.Start() }:
		return <-started
	case <-l.quit:
		return errClosed
	}
}

// serve starts the processes of a run, all from one thread: the kernel takes
// the end of that thread for the end of their parent, see dieWithUs.
func (l *lease) serve() {
	runtime.LockOSThread()
	defer close(l.served)
	for {
		select {
		case f := <-l.starts:
			f()
		case <-l.quit:
			return
		}
	}
}

// release gives everything back, and ends what still runs.
func (l *lease) release() error {
	var errs []error
	close(l.quit)
	<-l.served
	if l.life != nil {
		errs = append(errs, l.life.Close())
	}
	for _, cmd := range []*exec.Cmd{l.watcher, l.holder} {
		if cmd != nil && cmd.Process != nil {
			cmd.Wait() // the holder may have been killed: that is its end
		}
	}
	errs = append(errs, os.RemoveAll(l.dir), l.mark.Close())
	return errors.Join(errs...)
}
