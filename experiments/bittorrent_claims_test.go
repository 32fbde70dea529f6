package experiments

import (
	"fmt"
	"testing"
	"time"

	"peerbed/harness"
)

// TestBitTorrentFluidBound lets one seed give a file to 32 leechers, each with an
// upload of 1 MiB/s and a download of 8: the last has all within 1.15 of the
// least time that any protocol could need. (In quick size the file is a fifth
// as long, and the start, until everybody has something to give, weighs more.)
func TestBitTorrentFluidBound(t *testing.T) {
	harness.Repeat(t, size(1, 5), func(t *harness.T) {
		bytes, most := int64(size(48, 256))*mebi, 1.15
		if !*paper {
			most = 1.3
		}
		f := gather(t, flocking{size: bytes, nodes: 33, up: mebi, down: 8 * mebi})
		f.fetchAll(time.Hour)
		all := f.took(2, 34)
		t.Want("leechers that have all", float64(len(all)), harness.Exactly(32))
		t.Want("time of the last, of the least possible", last(all)/fluid(float64(bytes), mebi, mebi, 8*mebi, 32), harness.AtMost(most))
	})
}

// TestBitTorrentB1Pieces gives a file in pieces of 32 to 256 KiB: the shorter
// they are the more has to be said of them.
func TestBitTorrentB1Pieces(t *testing.T) {
	harness.Repeat(t, size(1, 10), func(t *harness.T) {
		before := 1.0
		for _, kib := range []int{32, 64, 128, 256} {
			f := gather(t, flocking{size: 8 * mebi, nodes: 13, up: mebi, down: 8 * mebi, config: []string{fmt.Sprint("piece=", kib<<10)}})
			f.fetchAll(time.Hour)
			overhead := f.overhead()
			t.Want(fmt.Sprintf("%d KiB: leechers that have all", kib), float64(len(f.done)), harness.Exactly(12))
			t.Want(fmt.Sprintf("%d KiB: bytes that are not the file's, of all, less than before", kib), overhead, harness.Within(0.0005, before))
			before = overhead
		}
	})
}

// overhead is the share of all bytes that are not of the file.
func (f *flock) overhead() float64 {
	all, pieces := 0.0, 0.0
	for _, a := range f.Addrs() {
		for _, k := range f.Traffic(a) {
			all += float64(k.SentBytes)
			if k.Kind == "piece" {
				pieces += float64(k.SentBytes) - 13*float64(k.Sent)
			}
		}
	}
	return (all - pieces) / all
}

// TestBitTorrentB2RarestFirst has a seed leave once it has given 1.3 times the
// file: rarest first has copied all of it by then, and all leechers get all;
// drawn pieces, and pieces in sequence, are lost. (Once would do if those who
// fetch from the seed at a time knew what the others are just fetching.)
func TestBitTorrentB2RarestFirst(t *testing.T) {
	harness.Repeat(t, size(1, 10), func(t *harness.T) {
		spread := map[string]float64{}
		for _, pick := range []string{"rarest", "random", "sequential"} {
			f := gather(t, flocking{size: 8 * mebi, nodes: 21, up: mebi / 8, down: mebi, config: []string{"pick=" + pick, "give-up=60s", "piece=65536"},
				configOf: func(i int) []string {
					if i == 1 {
						return []string{"ratio=1.3"}
					}
					return nil
				}})
			for i := 2; i <= f.nodes; i++ {
				f.fetch(i)
			}
			f.Run(40 * time.Second)
			spread[pick] = f.spread()
			f.RunUntil(func() bool { return len(f.ended) == f.nodes-1 }, time.Hour)
			have := float64(len(f.done)) / 20
			if pick == "rarest" {
				t.Want("rarest first: leechers that have all", have, harness.Exactly(1))
			} else {
				t.Want(pick+" (control): leechers that have all", have, harness.AtMost(0))
			}
		}
		t.Want("how unevenly pieces are copied: rarest first, of drawn ones", spread["rarest"]/spread["random"], harness.AtMost(0.95))
	})
}

// spread is the coefficient of variation of how many leechers have each piece.
func (f *flock) spread() float64 {
	var counts []float64
	for i := 2; i <= f.nodes; i++ {
		for k, c := range f.torrent(i).Held {
			if k >= len(counts) {
				counts = append(counts, 0)
			}
			counts[k] += float64(c - '0')
		}
	}
	return deviation(counts) / mean(counts)
}

// TestBitTorrentB3RandomFirst lets newcomers join a swarm that is under way:
// with the first piece drawn they have a piece no later than with the rarest.
func TestBitTorrentB3RandomFirst(t *testing.T) {
	harness.Repeat(t, size(1, 10), func(t *harness.T) {
		first := map[int]float64{}
		for _, drawn := range []int{0, 1} {
			f := gather(t, flocking{size: 32 * mebi, nodes: 33, up: mebi / 4, down: mebi, config: []string{fmt.Sprint("random-first=", drawn)}})
			for i := 2; i <= 25; i++ {
				f.fetch(i)
			}
			f.Run(30 * time.Second)
			began := f.Now()
			for i := 26; i <= f.nodes; i++ {
				f.fetch(i)
			}
			for waits := map[int]bool{}; len(waits) < 8 && f.Now()-began < 5*time.Minute; {
				f.Run(100 * time.Millisecond)
				for i := 26; i <= f.nodes; i++ {
					if !waits[i] && f.torrent(i).Have > 0 {
						waits[i] = true
						first[drawn] += (f.Now() - began).Seconds() / 8
					}
				}
			}
		}
		t.Want("seconds to the first piece, the rarest", first[0], harness.AtLeast(0.5))
		t.Want("to the first piece, one that is drawn, of that", first[1]/first[0], harness.AtMost(1.05))
	})
}

// TestBitTorrentB10Scales fetches with ever more leechers: what each brings
// along carries it, while of a server alone all would take in proportion.
func TestBitTorrentB10Scales(t *testing.T) {
	counts, bytes, most := []int{10, 30, 90}, int64(8*mebi), 1.6 // a short file's start takes longer where more begin
	if *paper {
		counts, bytes, most = []int{10, 30, 100, 300, 1000}, 64*mebi, 1.2
	}
	harness.Repeat(t, size(1, 5), func(t *harness.T) {
		at := map[int]float64{}
		for _, n := range counts {
			f := gather(t, flocking{size: bytes, nodes: n + 1, up: mebi, down: 8 * mebi})
			f.fetchAll(time.Hour)
			at[n] = mean(f.took(2, n+2))
			t.Want(fmt.Sprintf("%d leechers: that have all", n), float64(len(f.done)), harness.Exactly(float64(n)))
		}
		for _, n := range counts[1:] {
			t.Want(fmt.Sprintf("%d leechers: mean time, of that of %d", n, counts[0]), at[n]/at[counts[0]], harness.AtMost(most))
		}
		var alone [2]float64
		for k, n := range []int{5, 20} { // client and server
			f := gather(t, flocking{size: 4 * mebi, nodes: n + 1, up: mebi, down: 8 * mebi, configOf: func(i int) []string {
				if i > 1 {
					return []string{"freeload=true"}
				}
				return nil
			}})
			f.fetchAll(time.Hour)
			alone[k] = last(f.took(2, n+2))
		}
		t.Want("one server, 20 clients in place of 5 (control): time", alone[1]/alone[0], harness.Within(3.2, 4.8))
	})
}

// TestBitTorrentFlashCrowd has thousands come at once.
func TestBitTorrentFlashCrowd(t *testing.T) {
	harness.Repeat(t, 1, func(t *harness.T) {
		n := size(100, 5000)
		f := gather(t, flocking{size: int64(size(2, 8)) * mebi, nodes: n + 1, up: mebi, down: 8 * mebi, config: []string{"peers=20", "max-peers=40"}})
		f.fetchAll(time.Hour)
		t.Want("leechers that have all", float64(len(f.done)), harness.Exactly(float64(n)))
	})
}
