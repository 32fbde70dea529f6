package classroom

import (
	"math/rand/v2"

	"peerbed/protocols/p2p"
)

// A layout is where the nodes of a run are: nothing in it can be known before.
type layout struct {
	addrs []p2p.Addr
	ids   []uint16
	by    map[p2p.Addr]int
}

// layOut draws addresses and ids, all different, from a number.
func layOut(number uint16, n int) *layout {
	r := rand.New(rand.NewPCG(uint64(number), 0x6c61796f7574))
	l := &layout{by: map[p2p.Addr]int{}}
	ips, ids := map[uint32]bool{}, map[uint16]bool{}
	for len(l.addrs) < n {
		ip, id := 10<<24|1+uint32(r.IntN(1<<24-2)), uint16(r.Uint32())
		if ips[ip] || ids[id] {
			continue
		}
		ips[ip], ids[id] = true, true
		a := p2p.MakeAddr(ip, uint16(1024+r.IntN(60000)))
		l.by[a] = len(l.addrs)
		l.addrs, l.ids = append(l.addrs, a), append(l.ids, id)
	}
	return l
}
