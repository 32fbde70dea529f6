package loop_test

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"peerbed/node/baseline"
	"peerbed/node/disk"
	"peerbed/node/link"
	"peerbed/node/loop"
	"peerbed/protocols/p2p"
)

// A task is what a child process is to do; it comes in its environment.
type task struct {
	Dir    string
	Seeder p2p.Addr // 0: be the seeder
	Size   int64
	Sums   string // file
}

// A report is what it says at the end.
type report struct {
	Err  string
	Took time.Duration
	baseline.Use
}

const taskVariable = "PEERBED_TRANSFER_TASK"

func TestMain(m *testing.M) {
	text := os.Getenv(taskVariable)
	if text == "" {
		os.Exit(m.Run())
	}
	var t task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		panic(err)
	}
	debug.SetGCPercent(50) // as the node binary does
	t.run()
}

func (t task) run() {
	var r report
	if t.Seeder == 0 {
		l := t.loop(&seeder{})
		fmt.Println(l.Health().Self)
		io.Copy(io.Discard, os.Stdin) // until the parent has had enough
	} else {
		sums, err := os.ReadFile(t.Sums)
		if err != nil {
			panic(err)
		}
		l := t.loop(&leecher{seeder: t.Seeder, size: t.Size, sums: sums})
		result, took := l.Do(context.Background(), p2p.Fetch{Name: blobName})
		r.Took = took
		if result.Err != nil {
			r.Err = result.Err.Error()
		}
	}
	r.Use, _ = baseline.Used(os.Getpid())
	json.NewEncoder(os.Stdout).Encode(r)
}

func (t task) loop(n p2p.Node) *loop.Loop {
	socket, err := link.Listen(p2p.MakeAddr(127<<24|1, 0), p2p.Silence)
	if err != nil {
		panic(err)
	}
	folder, err := disk.Open(t.Dir)
	if err != nil {
		panic(err)
	}
	l := loop.New(loop.Config{Socket: socket, Folder: folder, Protocol: &p2p.Protocol{
		Name: "transfer",
		New:  func(any, *p2p.State) p2p.Node { return n },
		Kinds: []p2p.KindInfo{
			{Name: "request", Class: p2p.Transfer, Blank: (*request)(nil)},
			{Name: "block", Class: p2p.Transfer, Blank: (*block)(nil)},
		},
		Accept: func([]byte) (p2p.Codec, error) { return &transferCodec{}, nil },
	}})
	go func() {
		if err := l.Run(); err != nil {
			panic(err)
		}
	}()
	if err := l.Start(); err != nil {
		panic(err)
	}
	return l
}

// start starts a child process; its first line and the rest come from out.
func (t task) start(tb testing.TB) (out *bufio.Reader, end func()) {
	tb.Helper()
	text, _ := json.Marshal(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), taskVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return bufio.NewReader(stdout), func() { stdin.Close() }
}

func readReport(tb testing.TB, who string, out *bufio.Reader) report {
	tb.Helper()
	var r report
	if err := json.NewDecoder(out).Decode(&r); err != nil {
		tb.Fatalf("%s ended without a report: %v", who, err)
	}
	if r.Err != "" {
		tb.Fatalf("%s: %s", who, r.Err)
	}
	return r
}

// transfer moves size bytes between two processes.
func transfer(tb testing.TB, dir string, size int64) (seeder, leecher report) {
	tb.Helper()
	out, end := task{Dir: dir}.start(tb)
	line, err := out.ReadString('\n')
	if err != nil {
		tb.Fatal(err)
	}
	addr, err := p2p.ParseAddr(strings.TrimSpace(line))
	if err != nil {
		tb.Fatal(err)
	}
	to := task{Dir: filepath.Join(dir, "copy"), Seeder: addr, Size: size, Sums: filepath.Join(dir, "sums")}
	got, _ := to.start(tb)
	leecher = readReport(tb, "leecher", got)
	os.RemoveAll(to.Dir)
	end()
	seeder = readReport(tb, "seeder", out)
	return seeder, leecher
}

// prepare makes a folder, in memory if there is such, with the blob and the
// sums of its pieces.
func prepare(tb testing.TB, size int64) string {
	tb.Helper()
	parent := "/dev/shm"
	if _, err := os.Stat(parent); err != nil {
		parent = ""
	}
	dir, err := os.MkdirTemp(parent, "transfer-")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	f, err := os.Create(filepath.Join(dir, blobName))
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var sums []byte
	bytes := p2p.Publish{Size: size, Seed: 1}.Bytes()
	for off := int64(0); off < size; off += pieceLen {
		h := sha1.New()
		if _, err := io.CopyN(io.MultiWriter(f, h), bytes, pieceLen); err != nil {
			tb.Fatal(err)
		}
		sums = h.Sum(sums)
	}
	if err := os.WriteFile(filepath.Join(dir, "sums"), sums, 0o600); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// "A test-only seeder and leecher move [a blob] between two processes on
// loopback, verified, within 32 MB of memory each."
func TestTransfer(t *testing.T) {
	const size = 64 << 20
	seeder, leecher := transfer(t, prepare(t, size), size)
	for who, r := range map[string]report{"seeder": seeder, "leecher": leecher} {
		if r.Peak == 0 || r.Peak > maxRSS && !raceEnabled {
			t.Errorf("the %s used %d MiB at its peak, at most %d allowed", who, r.Peak>>20, maxRSS>>20)
		}
	}
	t.Logf("64 MiB in %v; peak memory: seeder %d MiB, leecher %d MiB", leecher.Took, seeder.Peak>>20, leecher.Peak>>20)
}

// BenchmarkTransfer moves 1 GiB, beside what plain copying costs in the same
// run: go test -run - -bench Transfer -benchtime 1x
func BenchmarkTransfer(b *testing.B) {
	const size = 1 << 30
	dir := prepare(b, size)
	measure := func(b *testing.B, took, cpu time.Duration) {
		b.ReportMetric(float64(b.N)*size/1e6/took.Seconds(), "MB/s")
		b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/GiB")
		b.ReportMetric(0, "ns/op")
	}
	b.Run("node", func(b *testing.B) {
		var took, cpu time.Duration
		for range b.N {
			seeder, leecher := transfer(b, dir, size)
			took += leecher.Took
			cpu += seeder.CPU + leecher.CPU
			b.ReportMetric(float64(seeder.Peak>>20), "seeder-MiB")
			b.ReportMetric(float64(leecher.Peak>>20), "leecher-MiB")
		}
		measure(b, took, cpu)
	})
	plain := func(sum bool) func(b *testing.B) {
		return func(b *testing.B) {
			before, err := baseline.Used(os.Getpid())
			began := time.Now()
			for range b.N {
				err = errors.Join(err, baseline.Copy(filepath.Join(dir, blobName), filepath.Join(dir, "plain"), sum))
			}
			took := time.Since(began)
			after, _ := baseline.Used(os.Getpid())
			if err != nil {
				b.Fatal(err)
			}
			measure(b, took, after.CPU-before.CPU)
		}
	}
	b.Run("copy", plain(false))
	b.Run("copy-and-sha1", plain(true))
}
