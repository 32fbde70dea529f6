package napster_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"peerbed/node/loop"
	"peerbed/protocols/napster"
)

// What the lecture's screenshot shows (claim N11).
const (
	libraries = 5873
	allFiles  = 740_043 // 126 each, and 45 have one more
)

// A vocabulary draws words by Zipf's law with exponent 1.
type vocabulary struct {
	words []string
	sums  []float64
}

func newVocabulary(n int) *vocabulary {
	v := &vocabulary{}
	sum := 0.0
	for i := range n {
		sum += 1 / float64(i+1)
		v.sums = append(v.sums, sum)
		v.words = append(v.words, fmt.Sprintf("%s%s%d", []string{"ka", "ro", "mi", "tu", "sel"}[i%5], []string{"n", "la", "str", "vo"}[i/5%4], i))
	}
	return v
}

func (v *vocabulary) draw(r *rand.Rand) string {
	at := r.Float64() * v.sums[len(v.sums)-1]
	return v.words[sort.SearchFloat64s(v.sums, at)]
}

// BenchmarkSearch asks a server that holds what Napster's held one evening, through
// sockets, for two words drawn by Zipf's law from the words of the file names. All
// runs on one processor, those who ask too. It prints how many searches a second that
// is, what one looks at, and what it would be to read all names.
//
//	go test ./protocols/napster -run xxx -bench Search -benchtime 20000x
func BenchmarkSearch(b *testing.B) {
	l := serving(b, 65536, "files=127", "stats=1h", "login=5m")
	r := rand.New(rand.NewPCG(1, 1))
	v := newVocabulary(30_000)
	names := make([]string, 0, allFiles)
	users := make([]*user, libraries)
	for i := range users {
		u, err := enter(l.Health().Self, fmt.Sprint("user", i))
		if err != nil {
			b.Fatal(err)
		}
		defer u.Close()
		users[i] = u
		var shares strings.Builder
		for k := 0; k < allFiles/libraries || k == allFiles/libraries && i < allFiles%libraries; k++ {
			name := fmt.Sprintf("%s %s - %s %s %s.mp3", v.draw(r), v.draw(r), v.draw(r), v.draw(r), v.draw(r))
			names = append(names, name)
			shares.WriteString(frame(100, fmt.Sprintf(`"%s" %032x 4040000 128 44100 252`, name, len(names))))
		}
		if _, err := io.WriteString(u, shares.String()); err != nil {
			b.Fatal(err)
		}
	}
	for detail(b, l).Files < allFiles {
		time.Sleep(100 * time.Millisecond)
	}
	runtime.GC()
	before := detail(b, l)
	procs := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(procs)
	var results, left atomic.Int64
	left.Store(int64(b.N))
	var asking sync.WaitGroup
	b.ResetTimer()
	used := cpuTime()
	for k := range 8 {
		queries := rand.New(rand.NewPCG(2, uint64(k)))
		asking.Go(func() {
			for left.Add(-1) >= 0 {
				n, err := users[k].ask(v.draw(queries) + " " + v.draw(queries))
				if err != nil {
					b.Error(err)
					return
				}
				results.Add(int64(n))
			}
		})
	}
	asking.Wait()
	b.StopTimer()
	used = cpuTime() - used
	d := detail(b, l)
	n := float64(b.N)
	b.ReportMetric(n/b.Elapsed().Seconds(), "searches/s")
	b.ReportMetric(n/used.Seconds(), "searches/CPU-s")
	b.ReportMetric(float64(results.Load())/n, "results/search")
	b.ReportMetric(float64(d.Compared-before.Compared)/float64(d.Lookups-before.Lookups), "letters/word")
	b.ReportMetric(float64(d.Looked-before.Looked)/n, "entries/search")
	b.ReportMetric(float64(scan(names, v, r)), "letters/word-by-scan")
	b.ReportMetric(float64(d.Held)/(1<<20), "MiB-directory")
}

func detail(b *testing.B, l *loop.Loop) napster.Detail {
	s, err := l.Inspect()
	if err != nil {
		b.Fatal(err)
	}
	return s.Detail.(napster.Detail)
}

// cpuTime is what this process has used: others may use the same processor.
func cpuTime() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// ask is search with fewer copies, so that who asks takes little of the processor.
func (u *user) ask(words string) (hits int, err error) {
	u.SetDeadline(time.Time{})
	if _, err := io.WriteString(u, frame(200, `FILENAME CONTAINS "`+words+`" MAX_RESULTS 100`)); err != nil {
		return 0, err
	}
	for {
		head, err := u.r.Peek(4)
		if err != nil {
			return hits, err
		}
		n, code := int(binary.LittleEndian.Uint16(head)), binary.LittleEndian.Uint16(head[2:])
		if _, err := u.r.Discard(4 + n); err != nil || code == 202 {
			return hits, err
		}
		hits++
	}
}

// scan is how many letters are compared for a word by reading all names, on average
// of a few words.
func scan(names []string, v *vocabulary, r *rand.Rand) float64 {
	const words = 5
	compared := 0
	for range words {
		w := v.draw(r)
		for _, name := range names {
			for there := range strings.FieldsSeq(name) {
				for i := range min(len(w), len(there)) {
					if compared++; w[i] != there[i] {
						break
					}
				}
			}
		}
	}
	return math.Round(float64(compared) / words)
}
