package experiments

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"peerbed/node/baseline"
	"peerbed/protocols/p2p"
)

var transferMiB = flag.Int64("transfer", 64, "BenchmarkBitTorrent: how many MiB to move; 1024 is what figures are quoted of")

// BenchmarkBitTorrent moves one file, on loopback and in memory, from a seed of
// ours to a leecher of ours, each a process of its own; from transmission to
// aria2, if they are installed; and by plain io.Copy over TCP, without and with
// SHA-1. It prints how fast that was, the CPU time of both sides together, and the
// memory of the larger. Ours are timed from the wish to the end.
//
//	go test ./experiments -run '^$' -bench BitTorrent -benchtime 1x -args -transfer 1024
//
// As in TestForeignClients, where there are foreign clients all of it runs in a
// network namespace.
func BenchmarkBitTorrent(b *testing.B) {
	node, inside := os.LookupEnv(insideVariable)
	if !inside {
		if node = buildNode(b); foreignLack() == "" {
			c := exec.Command("unshare", append([]string{"-n", os.Args[0]}, os.Args[1:]...)...)
			c.Env = append(os.Environ(), insideVariable+"="+node)
			c.Stdout, c.Stderr = os.Stdout, os.Stderr
			if err := c.Run(); err != nil {
				b.Fatal(err)
			}
			return
		}
	}
	y := &yard{t: b, node: node, dir: memory(b), bare: !inside}
	if inside {
		y.must("ip", "link", "set", "lo", "up")
	}
	from := y.seeded(b)
	for _, c := range []struct {
		name string
		move func(b *testing.B, from seeded) (time.Duration, []baseline.Use)
	}{{"ours", y.moveOurs}, {"transmission-aria2", y.moveTheirs}, {"copy", moveByCopy(false)}, {"copy-and-sha1", moveByCopy(true)}} {
		if y.bare && c.name == "transmission-aria2" {
			b.Log(foreignLack())
			continue
		}
		b.Run(c.name, func(b *testing.B) { from.measure(b, c.move) })
	}
}

// memory makes a folder in memory, if there is such.
func memory(b *testing.B) string {
	parent := "/dev/shm"
	if _, err := os.Stat(parent); err != nil {
		parent = ""
	}
	dir, err := os.MkdirTemp(parent, "transfer-")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// A seeded file is one that a node of ours seeds.
type seeded struct {
	ourNode
	torrent string // the file
	tracker string
	size    int64
}

func (y *yard) seeded(b *testing.B) seeded {
	s := seeded{size: *transferMiB << 20}
	s.tracker = "http://" + y.peer(b, "tracker", "-role", "tracker", "-interval", "5s").addr + "/announce"
	s.ourNode = y.peer(b, "seed", "-tracker", s.tracker, "-torrent-files")
	if err := s.do(p2p.Publish{Name: foreignFile, Size: s.size, Seed: 9}); err != nil {
		b.Fatal(err)
	}
	s.torrent = filepath.Join(s.dir, foreignFile+".torrent")
	return s
}

// measure reports what moving the file costs. The first Use is the sender's, and
// only what it uses meanwhile counts.
func (s seeded) measure(b *testing.B, move func(*testing.B, seeded) (time.Duration, []baseline.Use)) {
	var took, cpu time.Duration
	var peak int64
	for range b.N {
		t, used := move(b, s)
		took += t
		for _, u := range used {
			cpu += u.CPU
			peak = max(peak, u.Peak)
		}
	}
	moved := float64(b.N) * float64(s.size)
	b.ReportMetric(moved/1e6/took.Seconds(), "MB/s")
	b.ReportMetric(cpu.Seconds()/(moved/(1<<30)), "cpu-s/GiB")
	b.ReportMetric(float64(peak>>20), "peak-MiB")
	b.ReportMetric(0, "ns/op")
}

// use is what a process has used since before.
func use(b *testing.B, pid int, before baseline.Use) baseline.Use {
	b.Helper()
	u, err := baseline.Used(pid)
	if err != nil {
		b.Fatal(err)
	}
	u.CPU -= before.CPU
	return u
}

func (y *yard) moveOurs(b *testing.B, s seeded) (time.Duration, []baseline.Use) {
	leecher := y.peer(b, "leecher", "-tracker", s.tracker)
	defer os.RemoveAll(leecher.dir)
	defer syscall.Kill(leecher.pid, syscall.SIGKILL)
	if err := leecher.do(p2p.Find{Name: foreignFile}); err != nil { // it is up
		b.Fatal(err)
	}
	before := use(b, s.pid, baseline.Use{})
	began := time.Now()
	if err := leecher.do(p2p.Fetch{Name: foreignFile}); err != nil {
		b.Fatal(err)
	}
	return time.Since(began), []baseline.Use{use(b, s.pid, before), use(b, leecher.pid, baseline.Use{})}
}

// moveTheirs counts from when the first bytes come: aria2 may wait for a tracker's
// second answer.
func (y *yard) moveTheirs(b *testing.B, s seeded) (time.Duration, []baseline.Use) {
	seed, leecher := y.folder(b, "transmission"), y.folder(b, "aria2")
	defer os.RemoveAll(leecher)
	if err := os.Link(filepath.Join(s.dir, foreignFile), filepath.Join(seed, foreignFile)); err != nil {
		b.Fatal(err)
	}
	m := readTorrent(b, s.torrent)
	m.Trackers = [][]string{{"http://" + y.peer(b, "tracker", "-role", "tracker", "-interval", "5s").addr + "/announce"}}
	torrent := filepath.Join(seed, "their.torrent")
	if err := os.WriteFile(torrent, m.Bytes(), 0o644); err != nil {
		b.Fatal(err)
	}
	transmission := y.transmission(b, seed, torrent).Process
	defer transmission.Kill()
	until(b, "transmission seeds", func() bool {
		said, _ := os.ReadFile(seed + ".log")
		return bytes.Contains(said, []byte("Seeding"))
	})
	before := use(b, transmission.Pid, baseline.Use{})
	aria := y.aria2(b, leecher, torrent, "--seed-time=0", "--file-allocation=none")
	ended := make(chan error, 1)
	go func() { ended <- aria.Wait() }()
	until(b, "aria2 begins", func() bool {
		info, err := os.Stat(filepath.Join(leecher, foreignFile))
		return err == nil && info.Size() > 0
	})
	began := time.Now()
	var used baseline.Use
	for {
		select {
		case err := <-ended:
			if err != nil {
				b.Fatal(err)
			}
			used.CPU = aria.ProcessState.UserTime() + aria.ProcessState.SystemTime()
			return time.Since(began), []baseline.Use{use(b, transmission.Pid, before), used}
		case <-time.After(20 * time.Millisecond):
			if now, err := baseline.Used(aria.Process.Pid); err == nil {
				used.Peak = max(used.Peak, now.Peak)
			}
		}
	}
}

// until waits until something is so.
func until(b *testing.B, what string, holds func() bool) {
	b.Helper()
	for began := time.Now(); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > 2*time.Minute {
			b.Fatalf("after two minutes it does not hold that %s", what)
		}
	}
}

func moveByCopy(sum bool) func(*testing.B, seeded) (time.Duration, []baseline.Use) {
	return func(b *testing.B, s seeded) (time.Duration, []baseline.Use) {
		before := use(b, os.Getpid(), baseline.Use{})
		began := time.Now()
		to := filepath.Join(s.dir, "..", "copied")
		if err := baseline.Copy(filepath.Join(s.dir, foreignFile), to, sum); err != nil {
			b.Fatal(err)
		}
		defer os.Remove(to)
		return time.Since(began), []baseline.Use{use(b, os.Getpid(), before)}
	}
}
