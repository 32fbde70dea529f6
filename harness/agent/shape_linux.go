package agent

import (
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"golang.org/x/sys/unix"

	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// A shaper makes the links of nodes that make none themselves, for they are
// programs of others: what passes the run's bridge waits in a queue of the kernel
// and is let go, or dropped, as the model of links says. So these nodes get
// what ours do, by the same model: each way's delay, jitter, loss and rate, and
// each node's line. A packet of TCP may be dropped too: the kernels at both ends
// send it again. (netem would do part of it, a delay for all of a node's ways, in
// kernels that have it.)
type shaper struct {
	run   string
	mu    sync.Mutex // guards what follows
	queue *queue     // nil: nothing was ever shaped
	let   func(id uint32, pass bool)
	model linkmodel.Model
	ways  map[[2]p2p.Addr]*way
	lines map[p2p.Addr]*access
	rand  *rand.Rand
	held  held
	next  uint64        // number of the next packet, for their order
	wake  chan struct{} // that the first of held is another one
}

// A way is one direction between two nodes.
type way struct {
	link linkmodel.Link
	line linkmodel.Line
	last time.Duration // when the last packet of TCP is let go: they stay in order
}

// An access is a node's line, with what is on it.
type access struct {
	linkmodel.Access
	up, down linkmodel.Pipe
}

// A parcel is a packet that is held until due.
type parcel struct {
	due      time.Duration
	number   uint64
	id       uint32
	to       p2p.Addr
	size     int
	arriving bool // it has come to the receiver's line, which is yet to carry it
}

type held []parcel

func (h held) Len() int      { return len(h) }
func (h held) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h held) Less(i, j int) bool {
	return h[i].due < h[j].due || h[i].due == h[j].due && h[i].number < h[j].number
}
func (h *held) Push(x any) { *h = append(*h, x.(parcel)) }
func (h *held) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// set makes the links those of the model. What is on its way keeps its time.
func (s *shaper) set(m linkmodel.Model) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.Perfect() && s.queue == nil {
		return nil
	}
	s.model = m
	s.ways, s.lines = map[[2]p2p.Addr]*way{}, map[p2p.Addr]*access{}
	if s.queue == nil {
		if err := s.open(); err != nil {
			return fmt.Errorf("links of nodes that are programs of others: %w", err)
		}
	}
	return setQueue(s.run, s.queue.number, !m.Perfect())
}

// bridgeFilter says whether packets that cross a bridge are shown to the rules of
// IPv4, which alone can queue them.
const bridgeFilter = "/proc/sys/net/bridge/bridge-nf-call-iptables"

func (s *shaper) open() (err error) {
	if firstLine(bridgeFilter) != "1" {
		return errors.New("they take the kernel's bridge filter; run \"sudo modprobe br_netfilter && sudo sysctl -w net.bridge.bridge-nf-call-iptables=1\" on the daemon's machine")
	}
	h := fnv.New64a()
	h.Write([]byte(s.run))
	s.rand, s.wake = rand.New(rand.NewPCG(h.Sum64(), 0)), make(chan struct{}, 1)
	if s.queue, err = openQueue(uint16(h.Sum64()) | 1<<10); err != nil {
		return err
	}
	s.let = s.queue.let
	began := time.Now()
	go s.queue.each(func(p packet) { s.take(p, time.Since(began)) })
	go s.release(began)
	return nil
}

// setQueue has all that crosses the bridge wait in the queue, or nothing. If the
// queue's owner dies, packets pass.
func setQueue(run string, number uint16, on bool) error {
	c, err := open()
	if err != nil {
		return err
	}
	t := renew(c, nftables.TableFamilyIPv4, TableName(run))
	if on {
		through := hook(c, t, "forward", nftables.ChainHookForward)
		const bypass = 1
		info := binaryutil.NativeEndian.PutUint16(number)
		info = append(info, binaryutil.NativeEndian.PutUint16(1)...) // queue
		info = append(info, binaryutil.NativeEndian.PutUint16(bypass)...)
		target := xt.Unknown(append(info, 0, 0))
		e := append(device(expr.MetaKeyIIFNAME, expr.CmpOpEq, BridgeName(run)), &expr.Counter{}, &expr.Target{Name: "NFQUEUE", Rev: 3, Info: &target})
		c.AddRule(&nftables.Rule{Table: t, Chain: through, Exprs: e})
	}
	err = c.Flush()
	if errors.Is(err, unix.ENOENT) {
		return errors.New("this kernel has no target NFQUEUE for packets")
	}
	return err
}

// take decides when a packet goes on.
func (s *shaper) take(p packet, now time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := p2p.MakeAddr(binary.BigEndian.Uint32(p.header[sourceOffset:]), 0)
	to := p2p.MakeAddr(binary.BigEndian.Uint32(p.header[destinationOffset:]), 0)
	size := int(binary.BigEndian.Uint16(p.header[2:]))
	w, up := s.way(from, to), s.line(from)
	at, ok := up.up.Datagram(up.Up, now, size)
	if ok {
		at, ok = w.line.Datagram(w.link, at, size, s.rand)
	}
	if !ok {
		s.let(p.id, false)
		return
	}
	if p.header[9] == unix.IPPROTO_TCP {
		at = max(at, w.last)
		w.last = at
	}
	s.hold(parcel{due: at, id: p.id, to: to, size: size, arriving: s.line(to).Down > 0})
}

// hold keeps a parcel until it is due.
func (s *shaper) hold(p parcel) {
	p.number = s.next
	s.next++
	heap.Push(&s.held, p)
	if s.held[0].number == p.number {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

func (s *shaper) way(from, to p2p.Addr) *way {
	key := [2]p2p.Addr{from, to}
	w := s.ways[key]
	if w == nil {
		w = &way{link: s.model.Link(from, to)}
		s.ways[key] = w
	}
	return w
}

func (s *shaper) line(a p2p.Addr) *access {
	l := s.lines[a]
	if l == nil {
		l = &access{Access: s.model.AccessOf(a)}
		s.lines[a] = l
	}
	return l
}

// release lets packets go when they are due.
func (s *shaper) release(began time.Time) {
	timer := time.NewTimer(0)
	for {
		select {
		case <-s.wake:
		case <-timer.C:
		}
		if d, some := s.due(time.Since(began)); some {
			timer.Reset(d)
		}
	}
}

// due lets go what is due by now, and says in how long the next one is.
func (s *shaper) due(now time.Duration) (in time.Duration, some bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.held) > 0 {
		if in := s.held[0].due - now; in > 0 {
			return in, true
		}
		p := heap.Pop(&s.held).(parcel)
		if !p.arriving {
			s.let(p.id, true)
			continue
		}
		l := s.line(p.to)
		at, ok := l.down.Datagram(l.Down, p.due, p.size)
		if !ok {
			s.let(p.id, false)
			continue
		}
		p.due, p.arriving = at, false
		s.hold(p)
	}
	return 0, false
}
