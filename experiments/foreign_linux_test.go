package experiments

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"peerbed/node/control"
	"peerbed/protocols/bittorrent"
	"peerbed/protocols/p2p"
)

// foreignPrograms are what Debian's packages transmission-cli, aria2 and
// opentracker bring.
var foreignPrograms = []string{"transmission-cli", "aria2c", "opentracker", "unshare", "ip"}

// insideVariable tells the test that it runs in its own network namespace, and
// where the node binary is.
const insideVariable = "PEERBED_FOREIGN_NODE"

// TestForeignClients lets clients and a tracker that nobody here wrote take part
// in swarms of ours: they download from our seed through our tracker, by HTTP and
// by UDP, by .torrent and by magnet link; our peers download from them, also
// through opentracker; and what all have is the same to the last byte.
//
// All of it runs in a network namespace of the test's own, with nothing in it but
// a loopback: these programs take addresses of 127.0.0.0/8 for nobody's, so they
// get some of 100.64.0.0/10 there, which lead nowhere.
func TestForeignClients(t *testing.T) {
	if node := os.Getenv(insideVariable); node != "" {
		playForeign(t, node)
		return
	}
	t.Parallel() // most of it is waiting
	if lacks := foreignLack(); lacks != "" {
		lacking(t, lacks)
	}
	node := buildNode(t)
	c := exec.Command("unshare", "-n", os.Args[0], "-test.run", "^TestForeignClients$", "-test.v", "-test.count=1", "-test.timeout=4m")
	c.Env = append(os.Environ(), insideVariable+"="+node)
	out, err := c.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Errorf("in its namespace: %v", err)
	}
}

// foreignLack says why foreign clients cannot be run; "": they can.
func foreignLack() string {
	for _, p := range foreignPrograms {
		if _, err := exec.LookPath(p); err != nil {
			return p + " is not installed (Debian: transmission-cli, aria2, opentracker, util-linux, iproute2)"
		}
	}
	if err := exec.Command("unshare", "-n", "true").Run(); err != nil {
		return "no network namespace can be made: " + err.Error()
	}
	return ""
}

func buildNode(t testing.TB) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "node")
	if out, err := exec.Command("go", "build", "-o", path, "peerbed/node").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// lacking skips the test, but in CI.
func lacking(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

const (
	foreignSize = 3<<20 + 4321
	foreignFile = "debian.iso"
)

// A yard is a place where foreign clients and ours meet: addresses in the
// namespace, and a folder for each.
type yard struct {
	t    testing.TB
	node string
	dir  string
	bare bool // not in a namespace: loopback has addresses enough
	last atomic.Int32
	want [32]byte // SHA-256 of the file
}

func playForeign(t *testing.T, node string) {
	y := &yard{t: t, node: node, dir: t.TempDir()}
	os.Chmod(y.dir, 0o755) // opentracker reads there as nobody
	y.must("ip", "link", "set", "lo", "up")
	file := new(bytes.Buffer)
	file.ReadFrom(p2p.Publish{Size: foreignSize, Seed: 9}.Bytes())
	y.want = sha256.Sum256(file.Bytes())
	t.Run("our seed and tracker, HTTP", func(t *testing.T) { t.Parallel(); y.ours(t, "http://%s/announce") })
	t.Run("our seed and tracker, UDP", func(t *testing.T) { t.Parallel(); y.ours(t, "udp://%s") })
	t.Run("their seeds, opentracker", func(t *testing.T) { t.Parallel(); y.theirs(t, file.Bytes()) })
}

func (y *yard) must(name string, args ...string) {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		y.t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
}

// address gives the namespace one more, and returns its number too.
func (y *yard) address() (ip string, number int) {
	number = int(y.last.Add(1))
	if y.bare {
		return fmt.Sprintf("127.64.77.%d", number), number
	}
	ip = fmt.Sprintf("100.64.77.%d", number)
	y.must("ip", "addr", "add", ip+"/32", "dev", "lo")
	return ip, number
}

// run starts a program in a folder of its own, until the test ends.
func (y *yard) run(t testing.TB, dir, name string, args ...string) *exec.Cmd {
	t.Helper()
	log, err := os.Create(filepath.Join(dir, "..", filepath.Base(dir)+".log"))
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(name, args...)
	c.Dir, c.Stdout, c.Stderr = dir, log, log
	c.Env = append(os.Environ(), "PEERBED_TOKEN=foreign", "HOME="+dir)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
		log.Close()
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			t.Logf("%s:\n%s", log.Name(), text[max(0, len(text)-1500):])
		}
	})
	return c
}

// folder makes one that belongs to nobody else.
func (y *yard) folder(t testing.TB, name string) string {
	dir, err := os.MkdirTemp(y.dir, name+"-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// An ourNode is a node of this project.
type ourNode struct {
	dir, addr, control string
	pid                int
}

func (y *yard) peer(t testing.TB, name string, args ...string) ourNode {
	t.Helper()
	ip, number := y.address()
	n := ourNode{dir: y.folder(t, name), addr: ip + ":7000", control: fmt.Sprintf("127.0.0.1:%d", 9000+number)}
	n.pid = y.run(t, n.dir, y.node, append([]string{"-protocol", "bittorrent", "-listen", n.addr, "-control", n.control, "-share", n.dir}, args...)...).Process.Pid
	return n
}

// do has the node carry out a wish.
func (n ourNode) do(op p2p.Op) error {
	body, err := json.Marshal(control.Request(op))
	if err != nil {
		return err
	}
	var last error
	for began := time.Now(); time.Since(began) < 10*time.Second; time.Sleep(50 * time.Millisecond) { // until it serves
		var r *http.Request
		if r, err = http.NewRequest("POST", "http://"+n.control+"/do", bytes.NewReader(body)); err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer foreign")
		var a *http.Response
		if a, last = http.DefaultClient.Do(r); last != nil {
			continue
		}
		defer a.Body.Close()
		var reply control.DoReply
		if err := json.NewDecoder(a.Body).Decode(&reply); err != nil {
			return err
		}
		return reply.Result().Err
	}
	return last
}

// transmission starts a client without uTP, for which it would wait.
func (y *yard) transmission(t testing.TB, dir, what string) *exec.Cmd {
	t.Helper()
	cfg := filepath.Join(dir, ".config")
	os.Mkdir(cfg, 0o755)
	ip, _ := y.address()
	settings := fmt.Sprintf(`{"utp-enabled": false, "dht-enabled": false, "lpd-enabled": false, "port-forwarding-enabled": false,
		"bind-address-ipv4": %q, "peer-port": 51413, "encryption": 1}`, ip)
	if err := os.WriteFile(filepath.Join(cfg, "settings.json"), []byte(settings), 0o644); err != nil {
		t.Fatal(err)
	}
	return y.run(t, dir, "transmission-cli", "-g", cfg, "-w", dir, "-p", "51413", what)
}

func (y *yard) aria2(t testing.TB, dir, what string, args ...string) *exec.Cmd {
	t.Helper()
	ip, _ := y.address()
	return y.run(t, dir, "aria2c", append([]string{"--interface=" + ip, "--listen-port=6881", "--enable-dht=true", // without, it speaks to no tracker by UDP
		"--dht-listen-port=6882", "--dht-file-path=" + filepath.Join(dir, "dht"), "--bt-enable-lpd=false",
		"--seed-ratio=0", "--seed-time=999", "--dir=" + dir, "--summary-interval=0", "--bt-external-ip=" + ip, "--no-conf", what}, args...)...)
}

// arrives waits until the file lies in all these folders, equal by hash.
func (y *yard) arrives(t *testing.T, dirs ...string) {
	t.Helper()
	missing := map[string]bool{}
	for _, d := range dirs {
		missing[d] = true
	}
	for began := time.Now(); len(missing) > 0; time.Sleep(200 * time.Millisecond) {
		for _, d := range dirs {
			b, err := os.ReadFile(filepath.Join(d, foreignFile))
			if err == nil && sha256.Sum256(b) == y.want {
				if missing[d] {
					t.Logf("%s has all after %.1f s", filepath.Base(d), time.Since(began).Seconds())
				}
				delete(missing, d)
			}
		}
		if time.Since(began) > 4*time.Minute {
			t.Fatalf("after 4 minutes these lack the file: %v", missing)
		}
	}
}

func readTorrent(t testing.TB, file string) *bittorrent.Metainfo {
	t.Helper()
	var b []byte
	var err error
	for range 100 { // it is written in the background
		if b, err = os.ReadFile(file); len(b) > 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	m, err := bittorrent.ParseMetainfo(b)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func magnet(m *bittorrent.Metainfo, tracker string) string {
	return fmt.Sprintf("magnet:?xt=urn:btih:%v&tr=%s", m.Hash, tracker)
}

// ours lets them download from us: by .torrent over HTTP, by magnet link over UDP.
func (y *yard) ours(t *testing.T, scheme string) {
	tracker := y.peer(t, "tracker", "-role", "tracker", "-interval", "5s")
	url := fmt.Sprintf(scheme, tracker.addr)
	seed := y.peer(t, "seed", "-tracker", url, "-torrent-files", "-piece", "65536")
	if err := seed.do(p2p.Publish{Name: foreignFile, Size: foreignSize, Seed: 9}); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(seed.dir, foreignFile+".torrent")
	m := readTorrent(t, file)
	what := file
	if strings.HasPrefix(url, "udp") {
		what = magnet(m, url)
	}
	aria, trans, own := y.folder(t, "aria2"), y.folder(t, "transmission"), y.peer(t, "leecher", "-tracker", url)
	y.aria2(t, aria, what)
	y.transmission(t, trans, what)
	if err := own.do(p2p.Fetch{Name: magnet(m, url)}); err != nil {
		t.Error(err)
	}
	y.arrives(t, aria, trans, own.dir)
}

// theirs has one of ours fetch what only they have, first from transmission and
// then from aria2, and through a tracker of others.
func (y *yard) theirs(t *testing.T, file []byte) {
	maker := y.peer(t, "maker", "-torrent-files", "-piece", "65536")
	if err := maker.do(p2p.Publish{Name: foreignFile, Size: foreignSize, Seed: 9}); err != nil {
		t.Fatal(err)
	}
	m := readTorrent(t, filepath.Join(maker.dir, foreignFile+".torrent"))
	open := y.folder(t, "opentracker")
	ip, _ := y.address()
	if err := os.WriteFile(filepath.Join(open, "white"), []byte(m.Hash.String()+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	y.run(t, open, "opentracker", "-i", ip, "-p", "6969", "-P", "6969", "-d", open, "-w", "white")
	for _, url := range []string{"http://" + ip + ":6969/announce", "udp://" + ip + ":6969"} {
		m.Trackers = [][]string{{url}}
		theirs := y.folder(t, url[:4])
		torrent := filepath.Join(theirs, "their.torrent")
		for name, b := range map[string][]byte{torrent: m.Bytes(), filepath.Join(theirs, foreignFile): file} {
			if err := os.WriteFile(name, b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		how := p2p.Fetch{Name: magnet(m, url)}
		if url[:4] == "http" {
			y.transmission(t, theirs, torrent)
			how.Name = "data:application/x-bittorrent;base64," + base64.StdEncoding.EncodeToString(m.Bytes())
		} else {
			y.aria2(t, theirs, torrent, "--check-integrity=true", "--allow-overwrite=true")
		}
		own := y.peer(t, "own-"+url[:4])
		if err := own.do(how); err != nil {
			t.Errorf("by %s: %v", url, err)
		}
		y.arrives(t, own.dir)
	}
}
