package experiments

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/sim"
)

// TestBitTorrentFluidModel has leechers come as a Poisson process, and go on as
// seeds for an exponential time: by Qiu and Srikant's model (2004) a download
// takes max(1/c, (1/eta)(1/mu - 1/gamma)) however many come, with eta near 1, and
// Little's law gives how many there are at a time.
//
// That the time does not depend on how many come holds. The time itself is a half
// above the formula's, more than the 20 % that were hoped for: a download of half
// a minute spends some 15 s waiting for its first unchoke and first piece, during
// which it gives nothing, and eta is below 1.
func TestBitTorrentFluidModel(t *testing.T) {
	const (
		bytes  = 4 * mebi
		up     = mebi / 16 // 1/mu is 64 s
		linger = 32.0      // 1/gamma
		least  = 64 - linger
	)
	rates := []float64{0.5, 1}
	if *paper {
		rates = []float64{0.25, 0.5, 1, 2}
	}
	harness.Repeat(t, size(1, 10), func(t *harness.T) {
		took := map[float64]float64{}
		for _, lambda := range rates {
			length := time.Duration(size(240, 2000)) * time.Second
			f, there, came := poisson(t, bytes, up, lambda, linger, length)
			all := f.took(2, f.nodes+1)
			took[lambda] = mean(all[len(all)/4:])
			at := fmt.Sprintf("%.2f come a second: ", lambda)
			t.Want(at+"seconds that a download takes, of the model's", took[lambda]/least, harness.Within(0.8, 1.8))
			t.Want(at+"leechers at a time, of Little's law", there/(came*took[lambda]), harness.Within(0.7, 1.3))
		}
		t.Want("twice as many come: time", took[1]/took[0.5], harness.Within(0.7, 1.3))
	})
}

// poisson plays an open swarm with one seed that stays, and returns the mean
// number of leechers in the second half, and how many came a second.
func poisson(t *harness.T, bytes, up int64, lambda, linger float64, length time.Duration) (f *flock, there, rate float64) {
	r := rand.New(rand.NewPCG(t.Seed(), uint64(1000*lambda)))
	n := int(lambda*length.Seconds()*1.2) + 2
	f = gather(t, flocking{size: bytes, nodes: n, up: up, down: 16 * up, config: []string{"piece=65536"}})
	came, looks := 1, 0
	leaves := map[int]time.Duration{}
	next := f.Now()
	for end := f.Now() + length; f.Now() < end; f.Run(time.Second) {
		for next <= f.Now() && came < n {
			came++
			f.fetch(came)
			next += time.Duration(r.ExpFloat64() / lambda * float64(time.Second))
		}
		for i := 2; i <= came; i++ {
			if _, ok := f.done[i]; ok && leaves[i] == 0 {
				leaves[i] = f.Now() + time.Duration(r.ExpFloat64()*linger*float64(time.Second))
			}
			if leaves[i] > 0 && leaves[i] <= f.Now() {
				leaves[i] = end + length // gone
				f.Crash(sim.Addr(i))
			}
		}
		if f.Now() > end-length/2 {
			there += float64(came - 1 - len(f.done))
			looks++
		}
	}
	return f, there / float64(looks), float64(came-1) / length.Seconds()
}
