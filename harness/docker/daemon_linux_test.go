package docker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/nftables"

	"peerbed/harness"
	"peerbed/harness/agent"
	"peerbed/harness/backendtest"
	"peerbed/harness/fault"
	"peerbed/protocols/p2p"
)

// An ownDaemon is a Docker daemon of this test alone, in a network namespace
// of its own: its bridges, addresses and packet rules meet nobody else's.
type ownDaemon struct {
	dir, netns string
	listen     string // where else than at its socket: "tcp://127.0.0.1:2375"
	process    *exec.Cmd
}

// newDaemon starts one and makes it the one that DOCKER_HOST names, or skips
// where that cannot be.
func newDaemon(t *testing.T) *ownDaemon {
	t.Helper()
	return newDaemonOn(t, "")
}

// newDaemonOn is newDaemon with a disk of this size, "10m", for all that the
// daemon keeps; "": as large as the machine's.
func newDaemonOn(t *testing.T, disk string) *ownDaemon {
	t.Helper()
	d := newDaemonAt(t, disk, "")
	t.Setenv("DOCKER_HOST", "unix://"+d.path("sock"))
	d.start(t)
	return d
}

// newDaemonAt makes one that is not started yet, and listens at another place
// too.
func newDaemonAt(t *testing.T, disk, listen string) *ownDaemon {
	t.Helper()
	needRoot(t, "a daemon of one's own")
	for _, tool := range []string{"dockerd", "ip", "nsenter", "unshare"} {
		if _, err := exec.LookPath(tool); err != nil {
			backendtest.Lacks(t, err)
		}
	}
	dir, err := os.MkdirTemp("", "pbd")
	if err != nil {
		t.Fatal(err)
	}
	d := &ownDaemon{dir: dir, netns: "pbd-" + strings.ToLower(rand.Text()[:8]), listen: listen}
	t.Cleanup(d.remove)
	if out, err := exec.Command("ip", "netns", "add", d.netns).CombinedOutput(); err != nil {
		backendtest.Lacks(t, fmt.Sprintf("no network namespace: %s", out))
	}
	for name, text := range map[string]string{"config": "{}", "resolv.conf": "nameserver 127.0.0.1\n"} {
		if err := os.WriteFile(d.path(name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if disk != "" {
		d.mountDisk(t, disk)
	}
	return d
}

func (d *ownDaemon) mountDisk(t *testing.T, size string) {
	t.Helper()
	if err := os.Mkdir(d.path("data"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", d.path("data"), "tmpfs", 0, "size="+size); err != nil {
		t.Fatal(err)
	}
}

func (d *ownDaemon) path(name string) string { return filepath.Join(d.dir, name) }

// daemonScript is the first process of a process namespace: all that the
// daemon starts dies with it. It gives the daemon a /sys of its network
// namespace, but keeps the control groups, which "ip netns exec" would hide, and
// a server for names in that namespace.
// When the daemon has ended, it is started again if the file "again" is there.
const daemonScript = `set -e
ip link set lo up
mkdir -p $D/groups
mount --rbind /sys/fs/cgroup $D/groups
mount -t sysfs sysfs /sys
mount --rbind $D/groups /sys/fs/cgroup
mount --bind $D/resolv.conf /etc/resolv.conf
while :; do
  dockerd --config-file $D/config -H unix://$D/sock $L --data-root $D/data --exec-root $D/exec --pidfile $D/pid \
    --cgroup-parent /$N --containerd-namespace $N --containerd-plugins-namespace $N-plugins >>$D/log 2>&1 &
  wait $! || true
  while ! [ -e $D/again ]; do sleep 0.1; done
  rm $D/again
done`

func (d *ownDaemon) start(t *testing.T) {
	t.Helper()
	d.process = exec.Command("nsenter", "--net=/run/netns/"+d.netns,
		"unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", daemonScript)
	d.process.Env = append(os.Environ(), "D="+d.dir, "N="+d.netns)
	if d.listen != "" {
		d.process.Env = append(d.process.Env, "L=--tls=false -H "+d.listen)
	}
	d.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := d.process.Start(); err != nil {
		t.Fatal(err)
	}
	d.mustAnswer(t)
}

func (d *ownDaemon) mustAnswer(t *testing.T) {
	t.Helper()
	within(t, 30*time.Second, func() error {
		if _, err := Available(t.Context()); err != nil {
			log, _ := os.ReadFile(d.path("log"))
			return fmt.Errorf("%w; it says %s", err, log[max(0, len(log)-500):])
		}
		return nil
	})
}

// end sends a signal to the daemon: SIGKILL ends it as a crash does, and
// containers live on; after SIGTERM it stops them first.
func (d *ownDaemon) end(t *testing.T, how syscall.Signal) {
	t.Helper()
	for _, p := range d.processes(t) {
		if p.name == "dockerd" {
			syscall.Kill(p.id, how)
			return
		}
	}
	t.Fatal("no daemon to end")
}

type process struct {
	id   int
	name string
}

// processes lists those of the daemon's network namespace.
func (d *ownDaemon) processes(t *testing.T) (list []process) {
	t.Helper()
	var own syscall.Stat_t
	if err := syscall.Stat("/run/netns/"+d.netns, &own); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob("/proc/[0-9]*/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		var ns syscall.Stat_t
		if syscall.Stat(name, &ns) != nil || ns.Ino != own.Ino {
			continue // also those that have ended meanwhile
		}
		dir := strings.TrimSuffix(name, "/ns/net")
		id, _ := strconv.Atoi(filepath.Base(dir))
		comm, _ := os.ReadFile(dir + "/comm")
		list = append(list, process{id, strings.TrimSpace(string(comm))})
	}
	return list
}

// restart has the daemon started again.
func (d *ownDaemon) restart(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(d.path("again"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d.mustAnswer(t)
}

// remove ends the daemon and all that it has started, and clears away what it
// has made.
func (d *ownDaemon) remove() {
	if d.process != nil {
		d.process.Process.Kill()
		d.process.Wait()
	}
	exec.Command("ip", "netns", "del", d.netns).Run()
	syscall.Unmount(d.path("data"), syscall.MNT_DETACH) // fails where it is an ordinary folder
	groups, _ := filepath.Glob("/sys/fs/cgroup/*/" + d.netns)
	for _, g := range groups {
		exec.Command("find", g, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";").Run()
	}
	os.RemoveAll(d.dir)
}

// "A daemon that dies in the middle": every call says so in one sentence, none
// hangs, and what could not be removed goes when there is a daemon again.
func TestDaemonDies(t *testing.T) {
	d := newDaemon(t)
	b := openWorld(t, harness.Options{Run: "dies", Nodes: 4}, nodePackage)
	list := specs(b, 3)
	if err := spawn(t.Context(), b, list[:3]); err != nil {
		t.Fatal(err)
	}
	d.end(t, syscall.SIGKILL)
	began := time.Now()
	if err := b.Advance(t.Context(), time.Minute, nil); !errors.Is(err, errDaemonGone) {
		t.Errorf("Advance: error %v, want %v", err, errDaemonGone)
	}
	for name, err := range everyCall(t.Context(), b, list) {
		if !errors.Is(err, errDaemonGone) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one sentence that wraps: %v", name, err, errDaemonGone)
		}
	}
	if err := b.Close(); !errors.Is(err, errDaemonGone) {
		t.Errorf("Close: error %v, want one that says what remains: %v", err, errDaemonGone)
	}
	if spent := time.Since(began); spent > 20*time.Second {
		t.Errorf("all calls together took %v: some of them hang", spent)
	}
	b.closed = nil // it has been looked at
	t.Run("back", func(t *testing.T) { backAgain(t, d, b.id) })
}

// A daemon that is stopped stops the nodes and the agent first. The run says
// that it is over, in one sentence, and leaves as little.
func TestDaemonStops(t *testing.T) {
	long(t)
	d := newDaemon(t)
	b := openWorld(t, harness.Options{Run: "stops", Nodes: 3}, nodePackage)
	if err := spawn(t.Context(), b, specs(b, 2)); err != nil {
		t.Fatal(err)
	}
	d.end(t, syscall.SIGTERM)
	err := b.Advance(t.Context(), time.Minute, nil)
	if !errors.Is(err, errDaemonGone) && !errors.Is(err, errAgentDied) || strings.Contains(err.Error(), "\n") {
		t.Errorf("Advance: error %v, want one sentence: %v, or %v", err, errDaemonGone, errAgentDied)
	}
	if err := b.Close(); err != nil && !errors.Is(err, errDaemonGone) {
		t.Errorf("Close: error %v, want none or %v", err, errDaemonGone)
	}
	b.closed = nil // it has been looked at
	within(t, patience, func() error {
		for _, p := range d.processes(t) {
			if p.name == "dockerd" {
				return errors.New("the daemon has not ended")
			}
		}
		return nil
	})
	backAgain(t, d, b.id)
}

// everyCall makes each call of a Backend.
func everyCall(ctx context.Context, b *Backend, list []harness.Spec) map[string]error {
	outcome := make(chan harness.Outcome)
	b.Do(list[1].Addr, p2p.Find{Name: "x"}, func(o harness.Outcome) { outcome <- o })
	_, inspected := b.Inspect(ctx, list[1].Addr)
	_, counted := b.Counters(ctx)
	return map[string]error{
		"Do":       (<-outcome).Err,
		"Inspect":  inspected,
		"Counters": counted,
		"Spawn":    b.Spawn(ctx, list[3]),
		"Kill":     b.Kill(ctx, list[1].Addr, harness.Crash),
		"Restart":  b.Restart(ctx, list[1].Addr),
		"Apply":    b.Apply(ctx, fault.Net{Cuts: fault.Split([]p2p.Addr{list[0].Addr}, []p2p.Addr{list[1].Addr})}),
	}
}

// backAgain starts the daemon again: what there is of the dead run goes by
// itself, and a new run finds nothing in its way.
func backAgain(t *testing.T, d *ownDaemon, dead string) {
	t.Helper()
	long(t)
	d.restart(t)
	e := needDaemon(t)
	nothingLeft(t, e, dead)
	mustLoseTables(t, d, dead)
	openWorld(t, harness.Options{Run: "next", Nodes: 2}, nodePackage)
}

// mustLoseTables waits until a run has no packet tables.
func mustLoseTables(t *testing.T, d *ownDaemon, id string) {
	t.Helper()
	within(t, goneWithin, func() error {
		if slices.Contains(d.tables(t), agent.TableName(id)) {
			return fmt.Errorf("there is still the packet table %s", agent.TableName(id))
		}
		return nil
	})
}

// tables lists the packet tables where the daemon lives.
func (d *ownDaemon) tables(t *testing.T) (names []string) {
	t.Helper()
	ns, err := os.Open("/run/netns/" + d.netns)
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	c, err := nftables.New(nftables.WithNetNSFd(int(ns.Fd())))
	if err != nil {
		t.Fatal(err)
	}
	list, err := c.ListTables()
	if err != nil || len(list) == 0 {
		t.Fatalf("%d packet tables (error %v), want at least those of the daemon", len(list), err)
	}
	for _, table := range list {
		names = append(names, table.Name)
	}
	return names
}

// "An error says in one sentence what would help."
func TestNoDaemon(t *testing.T) {
	for host, want := range map[string]string{
		"unix:///nonexistent/docker.sock": "start it",
		"tcp://127.0.0.1:1":               "start it",
		"nonsense":                        "unset it",
	} {
		t.Setenv("DOCKER_HOST", host)
		_, err := Available(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("DOCKER_HOST=%s: error %v, want one line with %q", host, err, want)
		}
		if w, err := Open(t.Context(), harness.Options{Progress: t.Logf}); err == nil || w != nil {
			t.Errorf("DOCKER_HOST=%s: Open returned %v, error %v", host, w, err)
		}
	}
}
