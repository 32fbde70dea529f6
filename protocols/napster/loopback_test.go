package napster_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"peerbed/node/disk"
	"peerbed/node/link"
	"peerbed/node/loop"
	"peerbed/protocols/napster"
	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
)

// A server on a loopback address, and clients that are sockets of a test.

// serve starts a server that takes so many streams.
func serve(t testing.TB, streams int, changes ...string) p2p.Addr {
	t.Helper()
	return serving(t, streams, changes...).Health().Self
}

func serving(t testing.TB, streams int, changes ...string) *loop.Loop {
	t.Helper()
	socket, err := link.Listen(p2p.MakeAddr(127<<24|93<<16|1, 0), p2p.Silence)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := disk.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	l := loop.New(loop.Config{Protocol: napster.Protocol, Settings: p2ptest.Config(t, napster.Protocol, append(changes, "role=server")...), Seed: 1,
		Socket: socket, Folder: folder, Streams: streams})
	go l.Run()
	if err := l.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.Stop()
		<-l.Ended()
	})
	return l
}

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// A user is one socket.
type user struct {
	net.Conn
	r *bufio.Reader
}

func connect(to p2p.Addr) (*user, error) {
	c, err := net.Dial("tcp", to.String())
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(patience))
	return &user{c, bufio.NewReaderSize(c, 1024)}, nil
}

// enter logs in and waits for the last frame of the welcome.
func enter(to p2p.Addr, nick string) (*user, error) {
	u, err := connect(to)
	if err == nil {
		_, err = io.WriteString(u, frame(2, nick+` pw 0 "test" 3`))
	}
	for code := uint16(0); err == nil && code != 214; {
		code, _, err = u.frame()
	}
	return u, err
}

// frame reads a frame.
func (u *user) frame() (code uint16, data []byte, err error) {
	var head [4]byte
	if _, err := io.ReadFull(u.r, head[:]); err != nil {
		return 0, nil, err
	}
	data = make([]byte, binary.LittleEndian.Uint16(head[:]))
	_, err = io.ReadFull(u.r, data)
	return binary.LittleEndian.Uint16(head[2:]), data, err
}

// search asks, and counts the results.
func (u *user) search(words string) (hits int, err error) {
	if _, err := io.WriteString(u, frame(200, `FILENAME CONTAINS "`+words+`" MAX_RESULTS 100`)); err != nil {
		return 0, err
	}
	for {
		code, _, err := u.frame()
		if err != nil || code == 202 {
			return hits, err
		}
		if code == 201 {
			hits++
		}
	}
}

// A thousand users who say nothing and fifty who mean harm: the server stays up, takes
// no more memory than so many may, ends those that never log in, and answers the
// others.
func TestHostileClients(t *testing.T) {
	const idle, each = 1000, 10
	to := serve(t, 8192, "login=4s", "files=200")
	users := make([]*user, idle)
	var entering sync.WaitGroup
	for w := range 20 {
		entering.Go(func() {
			for i := w; i < idle; i += 20 {
				var err error
				if users[i], err = enter(to, fmt.Sprint("idle", i)); err != nil {
					t.Errorf("idle %d cannot log in: %v", i, err)
					return
				}
			}
		})
	}
	entering.Wait()
	if t.Failed() {
		return
	}
	before := memory()
	var ends sync.WaitGroup
	for kind, attack := range attacks {
		for i := range each {
			ends.Go(func() {
				if wrong := attack(to, i); wrong != "" {
					t.Errorf("%s: %s", kind, wrong)
				}
			})
		}
	}
	singer, err := enter(to, "singer")
	if err != nil {
		t.Fatal(err)
	}
	defer singer.Close()
	for _, u := range []*user{singer, users[0], users[idle-1]} { // while it lasts
		if _, err := u.search("nobody has this"); err != nil {
			t.Errorf("a user suffers: %v", err)
		}
	}
	ends.Wait()
	io.WriteString(singer, frame(100, `"a fine song.mp3" x 1 1 1 1`))
	if hits, err := singer.search("fine"); hits != 1 || err != nil {
		t.Errorf("afterwards a search finds %d, error %v", hits, err)
	}
	for i, u := range users {
		if hits, err := u.search("song fine"); hits != 1 || err != nil {
			t.Fatalf("idle %d finds %d, error %v", i, hits, err)
		}
		u.Close()
	}
	if after := memory(); after > before+64<<20 {
		t.Errorf("the server has taken %d MiB", (after-before)>>20)
	}
}

func memory() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// attacks are by strangers, number i of a kind; they say what should not be.
var attacks = map[string]func(to p2p.Addr, i int) string{
	"half open": func(to p2p.Addr, _ int) string {
		return mustEnd(to, func(*user) {})
	},
	"slow": func(to p2p.Addr, i int) string {
		return mustEnd(to, func(u *user) {
			for _, c := range []byte(frame(2, fmt.Sprintf(`slow%d pw 0 "x" 3`, i))[:12]) {
				u.Write([]byte{c})
				time.Sleep(30 * time.Millisecond)
			}
		})
	},
	"too long": func(to p2p.Addr, _ int) string {
		return mustEnd(to, func(u *user) { io.WriteString(u, "\xff\x7f\x02\x00"+strings.Repeat("x", 1<<15)) })
	},
	"does not read": func(to p2p.Addr, i int) string {
		u, err := enter(to, fmt.Sprint("deaf", i))
		if err != nil {
			return err.Error()
		}
		defer u.Close()
		for k := range 40 {
			io.WriteString(u, frame(100, fmt.Sprintf(`"%s song %d" x 1 1 1 1`, strings.Repeat("long ", 40), k)))
		}
		ask := strings.Repeat(frame(200, `FILENAME CONTAINS "long song" MAX_RESULTS 100`), 100)
		for range 20 { // two thousand questions; their answers are twenty megabytes
			io.WriteString(u, ask)
		}
		other, err := enter(to, fmt.Sprint("sees", i))
		if err != nil {
			return err.Error()
		}
		defer other.Close()
		for code := uint16(604); code == 604; { // whois: it is there
			io.WriteString(other, frame(603, fmt.Sprint("deaf", i)))
			if code, _, err = other.frame(); err != nil {
				return err.Error()
			}
			time.Sleep(10 * time.Millisecond)
		}
		return ""
	},
	"shares without end": func(to p2p.Addr, i int) string {
		u, err := enter(to, fmt.Sprint("liar", i))
		if err != nil {
			return err.Error()
		}
		defer u.Close()
		for k := range 5000 {
			io.WriteString(u, frame(100, fmt.Sprintf(`"lie%d.%d" x 1 1 1 1`, i, k)))
		}
		io.WriteString(u, frame(603, fmt.Sprint("liar", i)))
		for {
			code, data, err := u.frame()
			if err != nil {
				return err.Error()
			}
			if code == 604 && !strings.Contains(string(data), `"Active" 200 `) {
				return fmt.Sprintf("its entries are not 200: %q", data)
			} else if code == 604 {
				return ""
			}
		}
	},
}

// mustEnd connects, lets it speak, and waits for the server to end the stream.
func mustEnd(to p2p.Addr, speak func(*user)) string {
	u, err := connect(to)
	if err != nil {
		return err.Error()
	}
	defer u.Close()
	speak(u)
	if _, err := io.Copy(io.Discard, u); err != nil && !strings.Contains(err.Error(), "reset") {
		return fmt.Sprintf("the server keeps the stream: %v", err)
	}
	return ""
}
