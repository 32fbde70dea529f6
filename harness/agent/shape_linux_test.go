package agent

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// let is what became of a packet, and when.
type let struct {
	id   uint32
	pass bool
	at   time.Duration
}

// shaped plays packets against a model, one each millisecond, and tells what
// became of them.
func shaped(m linkmodel.Model, packets ...packet) []let {
	var now time.Duration
	var all []let
	s := &shaper{model: m, ways: map[[2]p2p.Addr]*way{}, lines: map[p2p.Addr]*access{}, rand: rand.New(rand.NewPCG(1, 2)), wake: make(chan struct{}, 1)}
	s.let = func(id uint32, pass bool) { all = append(all, let{id, pass, now}) }
	for now = 0; now < 10*time.Second; now += time.Millisecond {
		if k := int(now / time.Millisecond); k < len(packets) {
			s.take(packets[k], now)
		}
		s.due(now)
	}
	return all
}

// ip makes a packet of so many bytes from node to node.
func ip(id uint32, protocol byte, size uint16, from, to p2p.Addr) packet {
	p := packet{id: id}
	p.header[9] = protocol
	binary.BigEndian.PutUint16(p.header[2:], size)
	binary.BigEndian.PutUint32(p.header[sourceOffset:], from.IP())
	binary.BigEndian.PutUint32(p.header[destinationOffset:], to.IP())
	return p
}

// Packets take as long as the model says, each way of its own and over the lines
// of both ends; what finds no room is dropped.
func TestShaper(t *testing.T) {
	ab := nodes(0, 2)
	a, b := ab[0], ab[1]
	m := linkmodel.Model{Default: linkmodel.Link{Delay: 20 * time.Millisecond}, Pairs: []linkmodel.Pair{{From: b, To: a, Link: linkmodel.Link{Delay: 5 * time.Millisecond}}}}
	got := shaped(m, ip(1, unix.IPPROTO_UDP, 100, a, b), ip(2, unix.IPPROTO_UDP, 100, b, a))
	want := []let{{2, true, 6 * time.Millisecond}, {1, true, 20 * time.Millisecond}}
	if !slices.Equal(got, want) {
		t.Errorf("over ways of 20 ms there and 5 ms back: %v, want %v", got, want)
	}
	m = linkmodel.Model{Access: []linkmodel.Access{{Node: a, Up: 100_000}, {Node: b, Down: 50_000}}}
	got = shaped(m, ip(1, unix.IPPROTO_UDP, 1000, a, b), ip(2, unix.IPPROTO_UDP, 1000, a, b))
	want = []let{{1, true, 30 * time.Millisecond}, {2, true, 50 * time.Millisecond}} // 10 ms and 20 ms for each
	if !slices.Equal(got, want) {
		t.Errorf("over two lines: %v, want %v", got, want)
	}
	var many []packet
	for k := range uint32(1000) {
		many = append(many, ip(k, unix.IPPROTO_UDP, 1500, a, b))
	}
	passed := 0
	for _, l := range shaped(m, many...) {
		if l.pass {
			passed++
		}
	}
	if most := (linkmodel.DefaultQueue*2 + 100_000) / 1500; passed > most || passed < most/2 {
		t.Errorf("of 1000 packets in a second %d got over lines that carry a tenth: want at most %d, what they carry and hold", passed, most)
	}
	lost := 0
	for _, l := range shaped(linkmodel.Model{Default: linkmodel.Link{Loss: 0.2}}, many...) {
		if !l.pass {
			lost++
		}
	}
	if lost < 137 || lost > 263 { // five standard deviations
		t.Errorf("of 1000 packets %d were lost, want a fifth", lost)
	}
}

// Packets of TCP stay in their order, whatever jitter is asked for.
func TestShaperKeepsStreamsInOrder(t *testing.T) {
	ab := nodes(0, 2)
	jittery := linkmodel.Model{Default: linkmodel.Link{Jitter: 100 * time.Millisecond}}
	sorted := func(protocol byte) bool {
		var many []packet
		for k := range uint32(50) {
			many = append(many, ip(k, protocol, 1500, ab[0], ab[1]))
		}
		return slices.IsSortedFunc(shaped(jittery, many...), func(x, y let) int { return int(x.id) - int(y.id) })
	}
	if !sorted(unix.IPPROTO_TCP) || sorted(unix.IPPROTO_UDP) {
		t.Errorf("in order: TCP %v, UDP %v; want true, false", sorted(unix.IPPROTO_TCP), sorted(unix.IPPROTO_UDP))
	}
}

// A queue can be had, the next run gets another one, and the tables of a run
// that has shaped and counted go with it.
func TestQueues(t *testing.T) {
	if !inside(t) {
		return
	}
	one, err := openQueue(7)
	if err != nil {
		t.Fatal(err)
	}
	defer one.close()
	two, err := openQueue(7)
	if err != nil {
		t.Fatal(err)
	}
	defer two.close()
	if one.number != 7 || two.number != 8 {
		t.Errorf("queues %d and %d, want 7 and 8", one.number, two.number)
	}
	for range 2 {
		if err := setQueue("r", one.number, true); err != nil {
			t.Fatal(err)
		}
		if err := countWays("r"); err != nil {
			t.Fatal(err)
		}
	}
	if n := rules(t, nftables.TableFamilyIPv4, TableName("r"), "forward"); n != 1 {
		t.Errorf("%d rules queue packets, want 1", n)
	}
	for _, chain := range []string{setSent, setPassed} {
		if n := rules(t, nftables.TableFamilyBridge, TableName("r")+waysSuffix, chain); n != 1 {
			t.Errorf("%d rules count what is %s, want 1", n, chain)
		}
	}
	if err := dropTables(func(run string) bool { return run == "r" }); err != nil {
		t.Fatal(err)
	}
	if all, err := tables(); err != nil || len(all) != 0 {
		t.Errorf("%d tables remain, error %v", len(all), err)
	}
}

// What the kernel says of a packet is taken only whole.
func TestReadPacket(t *testing.T) {
	number := []byte{8, 0, attrPacketHeader, 0, 0, 0, 0, 9}
	payload := append([]byte{4 + copied, 0, attrPacketPayload, 0}, make([]byte, copied)...)
	message := func(kind netlink.HeaderType, attrs ...[]byte) netlink.Message {
		return netlink.Message{Header: netlink.Header{Type: kind}, Data: append(make([]byte, 4), slices.Concat(attrs...)...)}
	}
	if p, ok := readPacket(message(queuePacket, number, payload)); !ok || p.id != 9 {
		t.Errorf("a packet is read as %+v, %v", p, ok)
	}
	for name, m := range map[string]netlink.Message{
		"another message": message(queueVerdict, number, payload),
		"no number":       message(queuePacket, payload),
		"no payload":      message(queuePacket, number),
		"cut short":       message(queuePacket, number, payload[:10]),
		"empty":           {Header: netlink.Header{Type: queuePacket}},
	} {
		if p, ok := readPacket(m); ok {
			t.Errorf("%s: read as %+v", name, p)
		}
	}
}
