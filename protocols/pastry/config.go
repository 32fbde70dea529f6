package pastry

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"peerbed/protocols/ring"
)

// Config is what can be chosen about a node. All nodes of a network need the
// same M, B, Copies and Operations; the rest each may choose for itself. The
// paper's values are b = 4, |L| = 16 and |M| = 32.
type Config struct {
	Introducer string        `flag:"introducer" doc:"name:port of the introducer; empty: start a network of one's own"`
	M          ring.Bits     `flag:"m" default:"64" range:"2:64" doc:"bits of an id: the circle has 2^m points"`
	B          uint8         `flag:"b" default:"4" range:"1:6" doc:"bits of a digit: a row of the table has 2^b - 1 entries, a route log_2^b N hops"`
	Leaves     int           `flag:"leaves" default:"16" range:"2:32" doc:"size L of the leaf set: half of it the nodes next in either direction"`
	Near       int           `flag:"near" default:"32" range:"0:32" doc:"size M of the neighbourhood set: the nodes nearest by round trip"`
	Copies     int           `flag:"copies" default:"3" range:"1:16" doc:"nodes k that store each object: the numerically closest to its key; at most half of the leaf set and one"`
	Proximity  Proximity     `flag:"proximity" default:"nearest" doc:"who takes a slot of the table: nearest (by round trip) or first (who was heard of first, the control)"`
	Collect    Collect       `flag:"collect" default:"wtf" doc:"what a newcomer collects: sl (a row of each node on its route), wt (the whole table of each) or wtf (and then of all that it has heard of)"`
	Operations Operations    `flag:"operations" default:"corrected" doc:"how nodes join: corrected (both neighbours agree first, one newcomer at a time) or published (as in 2001, where two nodes may answer one key)"`
	Answer     Answer        `flag:"answer" default:"first" doc:"who answers a find: first (of the nodes with a copy on the way), root (the numerically closest) or estimate (first, and near the key any node that is likely to have a copy is as good)"`
	Mend       Mend          `flag:"mend" default:"lazy" doc:"what becomes of a slot whose node died: lazy (others of the row are asked) or off (it stays empty)"`
	Merge      time.Duration `flag:"merge" default:"2s" range:"0s:10m" doc:"mean time between two questions to nodes that were lost, so that networks that were cut apart become one; 0: never, as published"`
	Patience   time.Duration `flag:"patience" default:"500ms" range:"20ms:10s" doc:"how long a node waits for an answer before it asks again, or takes the other for dead"`
	KeepAlive  time.Duration `flag:"keep-alive" default:"1s" range:"50ms:10m" doc:"mean time between two exchanges with neighbours of the leaf set"`
	Maintain   time.Duration `flag:"maintain" default:"1s" range:"50ms:10m" doc:"mean time between two looks at an entry of the table"`
	Repair     time.Duration `flag:"repair" default:"1s" range:"50ms:10m" doc:"mean time between two checks whether objects lie where they belong"`
	Largest    int64         `flag:"largest" default:"1073741824" range:"0:1099511627776" doc:"bytes of the largest object that a node stores for others"`
}

// half is how many leaves there are on each side.
func (c *Config) half() int { return max(c.Leaves/2, 1) }

// pick reads the name of one of the variants of a mechanism: each is a small
// type that numbers its names.
func pick[V ~uint8](text []byte, names []string) (V, error) {
	i := slices.Index(names, string(text))
	if i < 0 {
		return 0, fmt.Errorf("one of %s", strings.Join(names, ", "))
	}
	return V(i), nil
}

// Proximity says who takes a slot of the table.
type Proximity uint8

const (
	Nearest Proximity = iota // the shortest round trip (section 2.5)
	First                    // who came first: the control that shows what proximity brings
)

var proximityNames = []string{Nearest: "nearest", First: "first"}

// MarshalText writes the name.
func (p Proximity) MarshalText() ([]byte, error) { return []byte(proximityNames[p]), nil }

// UnmarshalText reads it.
func (p *Proximity) UnmarshalText(b []byte) (err error) {
	*p, err = pick[Proximity](b, proximityNames)
	return err
}

// A Collect says what a newcomer collects: figure 7 of the paper compares them.
type Collect uint8

const (
	SL  Collect = iota // of each node on its route, the one row that fits
	WT                 // of each node on its route, the whole state
	WTF                // and, in a second stage, the state of all nodes in the tables that come of it
)

var collectNames = []string{SL: "sl", WT: "wt", WTF: "wtf"}

// MarshalText writes the name.
func (c Collect) MarshalText() ([]byte, error) { return []byte(collectNames[c]), nil }

// UnmarshalText reads it.
func (c *Collect) UnmarshalText(b []byte) (err error) {
	*c, err = pick[Collect](b, collectNames)
	return err
}

// An Answer says who answers a find.
type Answer uint8

const (
	FirstCopy Answer = iota // the first node on the way that has a copy: it tends to be near (figure 8)
	Root                    // the node numerically closest to the key
	Estimate                // FirstCopy, with the heuristic of section 2.5: see estimate.go
)

var answerNames = []string{FirstCopy: "first", Root: "root", Estimate: "estimate"}

// MarshalText writes the name.
func (a Answer) MarshalText() ([]byte, error) { return []byte(answerNames[a]), nil }

// UnmarshalText reads it.
func (a *Answer) UnmarshalText(b []byte) (err error) {
	*a, err = pick[Answer](b, answerNames)
	return err
}

// Mend says what becomes of a slot whose node died.
type Mend uint8

const (
	Lazy   Mend = iota // others of its row are asked for one (section 2.4)
	NoMend             // it stays empty, for figure 9's comparison
)

var mendNames = []string{Lazy: "lazy", NoMend: "off"}

// MarshalText writes the name.
func (m Mend) MarshalText() ([]byte, error) { return []byte(mendNames[m]), nil }

// UnmarshalText reads it.
func (m *Mend) UnmarshalText(b []byte) (err error) {
	*m, err = pick[Mend](b, mendNames)
	return err
}
