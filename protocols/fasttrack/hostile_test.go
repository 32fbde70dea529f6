package fasttrack_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"peerbed/protocols/fasttrack"
)

// The supernode stays up, bounded in memory, and other sessions are unharmed, beside
// a thousand connections that say nothing or stop in the middle, and fifty that say
// whatever they like.
func TestHostile(t *testing.T) {
	d := newDesk(t, "role=supernode")
	alice, bob := d.in("100.64.0.2:40000", "alice", "04be"), d.in("100.64.0.3:40000", "bob", "04bf")
	alice.frame(0x22, songShare)
	before := heap()
	idle := []string{"fa00b62b", clientHello, "'GET /'", "'GET /.hash='", "'GIVE 12'"}
	for i := range 1000 {
		d.Call(fmt.Sprintf("100.64.%d.%d:40000", 1+i/250, i%250), unhex(t, idle[i%len(idle)]))
		if i%100 == 0 {
			d.Pass(100 * time.Millisecond)
		}
	}
	r := rand.New(rand.NewPCG(1, 50))
	for i := range 50 {
		d.attack(r, i)
	}
	if took := heap() - before; took > 64<<20 {
		t.Errorf("they take %d bytes", took)
	}
	bob.frame(0x06, askForBlue)
	bob.hearsFrame(0x07, songFound)
	d.Pass(2 * time.Second)
	bob.hearsFrame(0x08, "0007")
	for range 5 {
		d.Pass(4 * time.Second)
		alice.write("50")
		bob.write("50")
	}
	open := 0
	for _, s := range d.Streams {
		if !s.Over && s != alice.stream && s != bob.stream {
			open++
		}
	}
	// Those who have said nothing that Accept can tell are the world's to end, not ours.
	if children := len(d.detail().Children); children > 52 || open > 200+200+children {
		t.Errorf("20 seconds later there are %d children, and %d streams are open", children, open)
	}
	if alice.Over || bob.Over {
		t.Error("a session of others has ended")
	}
}

// attack is one hostile client: it floods with what is allowed, or says nonsense.
func (d *desk) attack(r *rand.Rand, i int) {
	from := fmt.Sprintf("100.64.9.%d:40000", i)
	switch i % 5 {
	case 0: // noise behind the greeting
		s := d.Call(from, unhex(d.T, clientHello))
		b := make([]byte, 5000)
		for k := range b {
			b[k] = byte(r.Uint32())
		}
		s.Say(string(b))
		if !s.Over {
			d.T.Error("noise is a session")
		}
		return
	case 1: // a head that does not end
		s := d.Call(from, "GET /"+string(make([]byte, 9000)))
		if !s.Over {
			d.T.Error("a request of 9000 bytes without an end")
		}
		return
	}
	f := d.client(from)
	f.frame(0x02, fmt.Sprintf("64400900 04be 9b 00 'mallory%d'", i))
	switch i % 5 {
	case 2: // shares without end, with long tags
		for k := range 130 { // more than a child may have listed
			tags := ""
			for range 32 {
				tags += " 02 8178 '" + fmt.Sprintf("%0248d", k) + "'"
			}
			f.frame(0x22, fmt.Sprintf("00 01 0000 %040x 00 05 20", k)+tags)
		}
	case 3: // searches without end, for all there is
		for k := range 200 {
			f.frame(0x06, fmt.Sprintf("0001 ffff %04x 01 bf 00", k))
		}
		f.out = 0
		f.stream.Said()
	case 4: // a link that is none: answers to nothing, as another supernode
		f.frame(0x8007, "0102030405060708 00 64400001 04be 0007 0000")
	}
}

func (d *desk) detail() fasttrack.Detail { return d.Node.Inspect().Detail.(fasttrack.Detail) }

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
