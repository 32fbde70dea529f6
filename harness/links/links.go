// Package links reads what the links of a network are like from files, so that
// an experiment can run on latencies that somebody measured: a pair of CSV
// files, the matrices of the King data set, or a preset. A Table is the same in
// every world; it is for harness.Links, Cluster.Shape and the flag -links.
//
// # CSV
//
// Two files, named with a comma between them: "nodes.csv,edges.csv". The first
// line of each names its columns, in any order; lines that begin with # are
// passed over. A line of the first file is a node:
//
//	region,up,down,loss
//	europe,125000,1250000,0.01
//	asia,,,
//
// up and down are the bytes per second that its line carries (none: any), loss
// is the share of the datagrams that its line loses in each direction. Only
// region must be there. A line of the second file is one direction between two
// regions, or within one:
//
//	from,to,latency,jitter
//	europe,asia,119ms,2ms
//	asia,europe,121ms,2ms
//	europe,europe,5ms,
//
// latency is the least that a message takes one way, and jitter is added to each,
// uniform between 0 and that; so the median is latency and half of jitter. A
// direction without a line of its own is like the other one, and within a region
// without one no time passes.
//
// # King
//
// One file, of those at pdos.csail.mit.edu/archive/p2psim/kingdata (Gummadi,
// Saroiu and Gribble, IMW 2002, measured for Dabek and others, SIGCOMM 2004), or
// others of their form. Each host is a region of its own. A p2psim topology
// (mking-t) begins with "topology E2EGraph N", may name "node 1" and so on, and
// then has a line "1,2 45" for each pair: the milliseconds of one way. A matrix
// (matrix) has a line of N numbers for each of N hosts: microseconds there and
// back. A negative number was not measured, and stands for the median of the
// others, and 0 between two different hosts for a millisecond, as in p2psim.
//
// # Who is where
//
// Node i of a cluster is the i-th node of the table, and round again if the
// cluster has more. The introducer is in none, and at no distance.
package links

import (
	"embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// A Table is nodes in regions and what lies between these. It is a
// linkmodel.Source.
type Table struct {
	name    string
	regions []string
	nodes   []node
	ways    [][]linkmodel.Way // from, to
}

// A node is one line of the table.
type node struct {
	region   int
	up, down int64
	loss     float64
}

// Usage says what Read takes, for flags and errors.
const Usage = "world (five regions), NODES.csv,EDGES.csv, or a King file of p2psim"

// The bounds of what is read. King has 1740 hosts and 23 MB, Meridian's matrix
// of the same form 2500.
const (
	maxRegions = 2500
	maxNodes   = 1 << 20
	maxFile    = 64 << 20
)

// World is the name of the preset: five regions of the world.
const World = "world"

//go:embed world
var presets embed.FS

// Read reads a table: "world", or files (Usage). The error says which file and
// line is wrong, how, and what may be written.
func Read(name string) (*Table, error) {
	t, err := read(name)
	if err != nil {
		return nil, fmt.Errorf("links: %w", err)
	}
	t.name = name
	return t, nil
}

// Absolute returns a name by which Read finds the same table from any folder.
func Absolute(name string) (string, error) {
	if name == World {
		return name, nil
	}
	files := strings.SplitN(name, ",", 2)
	for i, f := range files {
		var err error
		if files[i], err = filepath.Abs(strings.TrimSpace(f)); err != nil {
			return "", err
		}
	}
	return strings.Join(files, ","), nil
}

func read(name string) (*Table, error) {
	nodes, edges, pair := strings.Cut(name, ",")
	switch {
	case name == World:
		return readPair(presets, World+"/nodes.csv", World+"/edges.csv")
	case pair:
		return readPair(disk{}, strings.TrimSpace(nodes), strings.TrimSpace(edges))
	case strings.EqualFold(filepath.Ext(name), ".csv"):
		return nil, fmt.Errorf("%s: one CSV file is not enough; want %s", name, Usage)
	}
	f, err := disk{}.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseKing(name, bounded(f))
}

func readPair(from fs.FS, nodes, edges string) (*Table, error) {
	n, err := from.Open(nodes)
	if err != nil {
		return nil, err
	}
	defer n.Close()
	e, err := from.Open(edges)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	return parsePair(nodes, bounded(n), edges, bounded(e))
}

// disk opens files wherever they lie.
type disk struct{}

// Open says also where it looked: tests run in the folder of their package.
func (disk) Open(name string) (fs.File, error) {
	f, err := os.Open(name)
	if err != nil {
		if whole, absErr := filepath.Abs(name); absErr == nil {
			name = whole
		}
		return nil, fmt.Errorf("%w (%s); want %s", err, name, Usage)
	}
	return f, nil
}

// bounded fails where a file is longer than anybody's measurements.
func bounded(r io.Reader) io.Reader { return &bound{r, maxFile} }

type bound struct {
	r    io.Reader
	left int
}

func (b *bound) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, fmt.Errorf("longer than %d MB", maxFile>>20)
	}
	return n, err
}

// Between places the nodes: it implements linkmodel.Source.
func (t *Table) Between(nodes []p2p.Addr) linkmodel.Model {
	place, ways := t.among(len(nodes))
	r := &linkmodel.Regions{Of: make(map[uint32]linkmodel.Place, len(nodes)), Ways: ways}
	m := linkmodel.Model{Regions: r}
	for i, a := range nodes {
		n := t.nodes[i%len(t.nodes)]
		r.Of[a.IP()] = linkmodel.Place{Region: place[n.region], Loss: n.loss}
		if n.up > 0 || n.down > 0 {
			m.Access = append(m.Access, linkmodel.Access{Node: a, Up: n.up, Down: n.down})
		}
	}
	return m
}

// among numbers the regions that so many nodes are in, and returns the ways
// between these alone: 24 nodes need not know of all hosts that King measured.
func (t *Table) among(nodes int) (place []int, ways [][]linkmodel.Way) {
	place = make([]int, len(t.regions))
	var used []int
	for _, n := range t.nodes[:min(nodes, len(t.nodes))] {
		if place[n.region] == 0 {
			used = append(used, n.region)
			place[n.region] = len(used)
		}
	}
	for region := range place {
		place[region]--
	}
	for _, from := range used {
		row := make([]linkmodel.Way, len(used))
		for k, to := range used {
			row[k] = t.ways[from][to]
		}
		ways = append(ways, row)
	}
	return place, ways
}

// Check passes: what Read returns makes sense.
func (t *Table) Check() error { return nil }

// String names the table and its size.
func (t *Table) String() string {
	return fmt.Sprintf("%s (%d nodes in %d regions)", t.name, len(t.nodes), len(t.regions))
}

// Region returns the name of the region that node i is in.
func (t *Table) Region(i int) string { return t.regions[t.nodes[i%len(t.nodes)].region] }
