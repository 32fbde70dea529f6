package links

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

const ms = time.Millisecond

// at is the address of a cluster's node i.
func at(i int) p2p.Addr { return p2p.MakeAddr(uint32(100+i), 7000) }

func cluster(n int) (nodes []p2p.Addr) {
	for i := range n {
		nodes = append(nodes, at(i))
	}
	return nodes
}

const nodesCSV = `# two in Europe, one in Asia
region, up, down, loss
europe,125000,1250000,0.01
asia,,,
europe,,5000,
`

const edgesCSV = `from,to,latency,jitter
europe,asia,119ms,2ms
asia,europe,121ms,
europe,europe,5ms,1ms
`

func TestCSV(t *testing.T) {
	table, err := parsePair("n.csv", strings.NewReader(nodesCSV), "e.csv", strings.NewReader(edgesCSV))
	if err != nil {
		t.Fatal(err)
	}
	m := table.Between(cluster(5)) // the fourth and fifth are as the first and second
	if err := m.Check(); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		from, to int
		want     linkmodel.Link
	}{
		{0, 1, linkmodel.Link{Delay: 119 * ms, Jitter: 2 * ms, Loss: linkmodel.Link{}.Lossy(0.01).Loss}},
		{1, 2, linkmodel.Link{Delay: 121 * ms}},
		{2, 2, linkmodel.Link{Delay: 5 * ms, Jitter: ms}},
		{4, 1, linkmodel.Link{}},
		{2, 4, linkmodel.Link{Delay: 119 * ms, Jitter: 2 * ms}},
		{2, 5, linkmodel.Link{}}, // who is none of these
	} {
		if got := m.Link(at(test.from), at(test.to)); got != test.want {
			t.Errorf("from %d to %d: %+v, want %+v", test.from, test.to, got, test.want)
		}
	}
	for i, want := range []linkmodel.Access{{Up: 125000, Down: 1250000}, {}, {Down: 5000}, {Up: 125000, Down: 1250000}, {}} {
		want.Node = at(i)
		if got := m.AccessOf(at(i)); got != want {
			t.Errorf("node %d has the line %+v, want %+v", i, got, want)
		}
	}
	if len(table.Between(cluster(1)).Regions.Ways) != 1 {
		t.Error("a cluster in one region knows of others")
	}
}

func TestWorld(t *testing.T) {
	table, err := Read("world")
	if err != nil {
		t.Fatal(err)
	}
	if got := table.String(); got != "world (5 nodes in 5 regions)" {
		t.Errorf("the preset is %s", got)
	}
	m := table.Between(cluster(10))
	for i := range 10 {
		for j := range 10 {
			there, back := m.Link(at(i), at(j)), m.Link(at(j), at(i))
			if there != back || there.Delay < ms || there.Delay > 200*ms || (there.Delay == ms) != (i%5 == j%5) {
				t.Errorf("%s to %s: %+v, and back %+v", table.Region(i), table.Region(j), there, back)
			}
		}
	}
}

const topology = `topology E2EGraph 3
failure_model NullFailureModel

node 1
node 2
node 3
# one was not measured
1,2 40
1,3 -1
3,1 0
2,3 60
`

const matrix = "0 80000 -1\n90000 0 120000\n0 120001 0\n"

func TestKing(t *testing.T) {
	for _, test := range []struct {
		text string
		want [9]time.Duration
	}{
		{topology, [9]time.Duration{0, 40 * ms, 60 * ms, 40 * ms, 0, 60 * ms, ms, 60 * ms, 0}},
		{matrix, [9]time.Duration{0, 40 * ms, 60 * ms, 45 * ms, 0, 60 * ms, ms, 60*ms + 500, 0}},
		{"0", [9]time.Duration{}},
	} {
		table, err := parseKing("king", strings.NewReader(test.text))
		if err != nil {
			t.Errorf("%q: %v", test.text, err)
			continue
		}
		n := len(table.nodes)
		m := table.Between(cluster(n))
		for i := range n {
			for j := range n {
				if got := m.Link(at(i), at(j)).Delay; got != test.want[3*i+j] {
					t.Errorf("%q: from %d to %d %v, want %v", test.text, i+1, j+1, got, test.want[3*i+j])
				}
			}
		}
	}
}

// As many hosts as King has, in its form, on as many nodes.
func TestKingIsLarge(t *testing.T) {
	const hosts = 1740
	table, err := parseKing("mking-t", strings.NewReader(large(hosts)))
	if err != nil {
		t.Fatal(err)
	}
	m := table.Between(cluster(hosts))
	if got, want := m.Link(at(2), at(1739)).Delay, time.Duration(3*7%200+1)*ms; got != want || len(m.Pairs) > 0 {
		t.Errorf("from 3 to 1740 %v and %d pairs, want %v and none", got, len(m.Pairs), want)
	}
	if part := m.Part(at(5)).Regions; len(part.Ways) != hosts || len(part.Ways[0]) != hosts || len(part.Ways[9]) != 1 {
		t.Errorf("the part of a node is not a row and a column of the matrix")
	}
	if few := table.Between(cluster(24)).Regions; len(few.Ways) != 24 {
		t.Errorf("24 nodes know of %d hosts", len(few.Ways))
	}
}

// large writes a topology of so many hosts.
func large(hosts int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "topology E2EGraph %d\n\n", hosts)
	for i := 1; i <= hosts; i++ {
		for j := i + 1; j <= hosts; j++ {
			fmt.Fprintf(&b, "%d,%d %d\n", i, j, i*7%200+1)
		}
	}
	return b.String()
}

// Each says the file, the line, what is wrong and what may be written.
func TestWhatIsWrongIsSaid(t *testing.T) {
	for _, test := range []struct{ nodes, edges, want string }{
		{"", edgesCSV, "n.csv is empty: want a first line with region,up,down,loss"},
		{"region\n", edgesCSV, "n.csv: no node in it; want a line for each, such as europe,125000,1250000,0.01"},
		{"region,speed\n", edgesCSV, `n.csv:1: column "speed": want each of region,up,down,loss once, and no others`},
		{"up,down\n", edgesCSV, `n.csv:1: there is no column "region"`},
		{"region,region\n", edgesCSV, `n.csv:1: column "region": want each of region,up,down,loss once, and no others`},
		{"region,up\neurope\n", edgesCSV, "n.csv:2: wrong number of fields"},
		{"region,up\n\n,1\n", edgesCSV, "n.csv:3: a node without a region"},
		{"region,up\neurope,fast\n", edgesCSV, `n.csv:2: up "fast": want bytes per second, a whole number; 0 or nothing: any`},
		{"region,down\neurope,-1\n", edgesCSV, `n.csv:2: down "-1": want bytes per second, a whole number; 0 or nothing: any`},
		{"region,loss\neurope,NaN\n", edgesCSV, `n.csv:2: loss "NaN": want a share from 0 to 1`},
		{nodesCSV, "from,to\n", `e.csv:1: there is no column "latency"`},
		{nodesCSV, "from,to,latency\neurope,mars,1ms\n", `e.csv:2: to "mars": no node is in such a region`},
		{nodesCSV, "from,to,latency\neurope,asia,12\n", `e.csv:2: latency "12": want a time with its unit, such as 12.5ms, from 0 to 1m0s`},
		{nodesCSV, "from,to,latency\neurope,asia,\n", `e.csv:2: no latency: want a time with its unit, such as 12.5ms`},
		{nodesCSV, "from,to,latency,jitter\neurope,asia,1ms,2h\n", `e.csv:2: jitter "2h": want a time with its unit, such as 12.5ms, from 0 to 1m0s`},
		{nodesCSV, "from,to,latency\neurope,asia,1ms\neurope,asia,1ms\n", "e.csv:3: this direction was told before"},
		{nodesCSV, "from,to,latency\neurope,europe,1ms\n", "e.csv: no line between europe and asia, in either direction"},
		{nodesCSV, "from,to,latency\n", "e.csv: 2 regions want 1 lines at least, and there are 0"},
	} {
		_, err := parsePair("n.csv", strings.NewReader(test.nodes), "e.csv", strings.NewReader(test.edges))
		if err == nil || err.Error() != test.want {
			t.Errorf("%q, %q: error %v, want %s", test.nodes, test.edges, err, test.want)
		}
	}
	for _, test := range []struct{ text, want string }{
		{"", "king:1: nothing in it; want " + Usage},
		{"topology Euclidean 3", `king:1: "topology Euclidean 3": want "topology E2EGraph" and the number of hosts`},
		{"topology E2EGraph 2501", `king:1: "2501" hosts: want 1 to 2500`},
		{"topology E2EGraph 2\n1,2", `king:2: "1,2": want a line such as "1,2 45"`},
		{"topology E2EGraph 2\n1,3 5", "king:2: 1,3: want two different hosts, numbered from 1 to 2"},
		{"topology E2EGraph 2\n1,2 4.5", `king:2: "4.5": want a whole number`},
		{"topology E2EGraph 2\n1,2 85000", "king:2: 85000 is longer than 1m0s: want numbers of 1ms (of King's topologies that is mking-t, not uking-t)"},
		{"topology E2EGraph 3\n1,2 5\n", `king:2: 3 hosts want 3 lines such as "1,2 45", and there are 1; -1 stands for what was not measured`},
		{"topology E2EGraph 3\n1,2 5\n2,1 5\n1,3 5\n", "king:4: no line for 2,3; -1 stands for what was not measured"},
		{"topology E2EGraph 2\n1,2 5\n1,2 5\n", "king:3: 1,2 was told twice"},
		{"0 1\n1", "king:2: row 2 with 1 numbers: want 2 rows of 2, for as many as the first has"},
		{"0 1\n1 0\n2 2", "king:3: row 3 with 2 numbers: want 2 rows of 2, for as many as the first has"},
		{"0 1\n", "king:1: 1 rows of 2 numbers: want as many rows"},
		{"region,up", `king:1: "region,up": want a whole number`},
	} {
		_, err := parseKing("king", strings.NewReader(test.text))
		if err == nil || err.Error() != test.want {
			t.Errorf("%q: error %v, want %s", test.text, err, test.want)
		}
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range map[string]string{"n.csv": nodesCSV, "e.csv": edgesCSV, "king": topology, "empty": ""} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"n.csv,e.csv": "n.csv,e.csv (3 nodes in 2 regions)", "king": "king (3 nodes in 3 regions)",
	} {
		if table, err := Read(name); err != nil || table.String() != want {
			t.Errorf("%s: %v, error %v, want %s", name, table, err, want)
		}
	}
	for name, want := range map[string]string{"world": "world", "n.csv, e.csv": dir + "/n.csv," + dir + "/e.csv"} {
		whole, err := Absolute(name)
		if _, unread := Read(whole); err != nil || unread != nil || whole != want {
			t.Errorf("%s is %s from elsewhere, error %v, %v, want %s", name, whole, err, unread, want)
		}
	}
	for name, want := range map[string]string{
		"moon":        "links: open moon: no such file or directory (" + filepath.Join(dir, "moon") + "); want " + Usage,
		"n.csv,x.csv": "links: open x.csv: no such file or directory (" + filepath.Join(dir, "x.csv") + "); want " + Usage,
		"n.csv":       "links: n.csv: one CSV file is not enough; want " + Usage,
		"empty":       "links: empty:1: nothing in it; want " + Usage,
	} {
		if _, err := Read(name); err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", name, err, want)
		}
	}
}

// No file is too long to be refused.
func TestBounds(t *testing.T) {
	endless := func() io.Reader { return bounded(zeros{}) }
	if _, err := parseKing("king", endless()); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("an endless line: %v", err)
	}
	if _, err := parsePair("n.csv", endless(), "e.csv", endless()); err == nil || err.Error() != "n.csv: longer than 64 MB" {
		t.Errorf("an endless CSV file: %v", err)
	}
}

// A file that ends in an error of the disk is not taken for a short one.
func TestBrokenFiles(t *testing.T) {
	after := func(text string) io.Reader { return io.MultiReader(strings.NewReader(text), broken{}) }
	if _, err := parsePair("n.csv", after(nodesCSV), "e.csv", strings.NewReader(edgesCSV)); !errors.Is(err, errBroken) {
		t.Errorf("error %v, want %v", err, errBroken)
	}
	if _, err := parseKing("king", after(matrix)); !errors.Is(err, errBroken) {
		t.Errorf("error %v, want %v", err, errBroken)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

type broken struct{}

var errBroken = errors.New("broken")

func (broken) Read([]byte) (int, error) { return 0, errBroken }

// Whatever a file says, what is read of it makes sense.
func FuzzCSV(f *testing.F) {
	f.Add(nodesCSV, edgesCSV)
	f.Add("region\na\n", "from,to,latency\n")
	f.Fuzz(func(t *testing.T, nodes, edges string) {
		table, err := parsePair("n", strings.NewReader(nodes), "e", strings.NewReader(edges))
		sensible(t, table, err)
	})
}

func FuzzKing(f *testing.F) {
	f.Add(topology)
	f.Add(matrix)
	f.Fuzz(func(t *testing.T, text string) {
		table, err := parseKing("k", strings.NewReader(text))
		sensible(t, table, err)
	})
}

func sensible(t *testing.T, table *Table, err error) {
	if err != nil {
		return
	}
	m := table.Between(cluster(10))
	if err := m.Check(); err != nil {
		t.Errorf("it was read, but: %v", err)
	}
	if m.Part(at(3)).Regions == nil {
		t.Error("node 3 is in no region")
	}
}
