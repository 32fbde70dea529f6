package classroom

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
)

// A Twist is one thing that is asked otherwise in each course.
type Twist struct {
	Name string // as the reference's flag
	// Ways are what may be asked for, each as the handout says it.
	Ways []Way
}

// A Way is one of a Twist's.
type Way struct{ Name, Text string }

// A Course is an assignment as one course gives it: its twists, drawn from the
// course's key.
type Course struct {
	Key   string
	Ways  map[string]Way // by the Twist's name
	Flags []string       `json:"-"` // as the reference takes them
}

// NewCourse draws the twists of an assignment for a course.
func (m *Manifest) NewCourse(key string) Course {
	c := Course{Key: key, Ways: map[string]Way{}}
	r := draw("twists", key, m.Title)
	for _, t := range oracles[m.Oracle].twists {
		w := t.Ways[r.IntN(len(t.Ways))]
		c.Ways[t.Name] = w
		c.Flags = append(c.Flags, "-"+t.Name+"="+w.Name)
	}
	return c
}

// draw is a stream of random numbers that texts determine.
func draw(texts ...string) *rand.Rand {
	a, b := digest(texts...)
	return rand.New(rand.NewPCG(a, b))
}

func digest(texts ...string) (a, b uint64) {
	h := sha256.New()
	for _, t := range texts {
		fmt.Fprintf(h, "%d:%s,", len(t), t)
	}
	sum := h.Sum(nil)
	return binary.BigEndian.Uint64(sum), binary.BigEndian.Uint64(sum[8:])
}

// seeds draws n seeds of a test. The public ones are everybody's; what hides the
// others is the secret.
func seeds(n int, texts ...string) []uint64 {
	r := draw(texts...)
	list := make([]uint64, n)
	for i := range list {
		list[i] = uint64(r.Uint32())
	}
	return list
}
