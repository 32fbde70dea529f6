package agent

import (
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/nftables"

	"peerbed/harness/backendtest"
	"peerbed/harness/fault"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

const insideVariable = "PEERBED_TEST_INSIDE"

// inside runs the test that calls it once more, in a process with a network
// namespace of its own, and reports whether this is that process.
func inside(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideVariable) != "" {
		return true
	}
	if os.Getuid() != 0 {
		backendtest.Lacks(t, "a network namespace takes root")
	}
	c := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
	c.Env = append(os.Environ(), insideVariable+"=1")
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("in a network namespace: %v\n%s", err, out)
	}
	return false
}

// rules counts those of a chain.
func rules(t *testing.T, family nftables.TableFamily, table, chain string) int {
	t.Helper()
	in := &nftables.Table{Family: family, Name: table}
	list, err := new(nftables.Conn).GetRules(in, &nftables.Chain{Name: chain, Table: in})
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// "Rules ... in place of earlier Rules", "in one step"; the guard stays.
func TestTables(t *testing.T) {
	if !inside(t) {
		return
	}
	guard := Guard{Subnet: "10.90.0.0/22"}
	two := Rules{Cuts: fault.Split(nodes(0, 3), nodes(3, 6)), Silent: nodes(6, 7)}
	for range 2 { // the second time in place of the first
		if err := setGuard("r", guard); err != nil {
			t.Fatal(err)
		}
		if err := setRules("r", two); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		family nftables.TableFamily
		chain  string
		want   int
	}{
		{nftables.TableFamilyINet, "input", 1},
		{nftables.TableFamilyINet, "forward", 2},
		{nftables.TableFamilyINet, "output", 2},
		{nftables.TableFamilyBridge, "forward", 1 + 2 + 2 + 1}, // trunks, two cuts, the silent one's two directions, and walls
	} {
		if got := rules(t, c.family, TableName("r"), c.chain); got != c.want {
			t.Errorf("family %d, chain %s: %d rules, want %d", c.family, c.chain, got, c.want)
		}
	}
}

// nodes returns the addresses of nodes from i to j, exclusive.
func nodes(i, j int) (list []p2p.Addr) {
	first := netip.MustParseAddr("10.90.0.2").As4()
	ip := uint32(first[0])<<24 | uint32(first[1])<<16 | uint32(first[2])<<8 | uint32(first[3])
	for ; i < j; i++ {
		list = append(list, p2p.MakeAddr(ip+uint32(i), 7000))
	}
	return list
}

// A thousand nodes are cut in two, and shattered into firewalled ones, fast
// enough to be one event.
func TestManyRules(t *testing.T) {
	if !inside(t) {
		return
	}
	shattered := Rules{}
	for i := range 1000 {
		shattered.Cuts = append(shattered.Cuts, fault.Cut{From: nodes(0, 4), To: nodes(i, i+1)})
	}
	for name, r := range map[string]Rules{
		"halves":    {Cuts: fault.Split(nodes(0, 500), nodes(500, 1000))},
		"shattered": shattered,
		"walled":    {Walls: nodes(0, 1000)},
		"lossy":     {Drops: []linkmodel.Drop{{From: nodes(0, 500), To: nodes(500, 1000), Share: 0.1}, {Share: 0.01}}},
		"doubled":   {Cuts: []fault.Cut{{From: slices.Concat(nodes(0, 2), nodes(1, 3)), To: nil}}},
	} {
		began := time.Now()
		if err := setRules("r", r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		t.Logf("%s: %v", name, time.Since(began))
	}
}

// The tables of runs that are gone go; others stay.
func TestDropTables(t *testing.T) {
	if !inside(t) {
		return
	}
	for _, run := range []string{"dead", "alive"} {
		if err := setRules(run, Rules{}); err != nil {
			t.Fatal(err)
		}
		if err := setGuard(run, Guard{Subnet: "10.90.0.0/22"}); err != nil {
			t.Fatal(err)
		}
	}
	c := new(nftables.Conn)
	c.AddTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: "peerbe_stranger"})
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := dropTables(func(run string) bool { return run == "dead" }); err != nil {
		t.Fatal(err)
	}
	all, err := c.ListTables()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, table := range all {
		names = append(names, table.Name)
	}
	slices.Sort(names)
	if want := []string{"peerbe_stranger", "peerbed_alive", "peerbed_alive"}; !slices.Equal(names, want) {
		t.Errorf("tables %q, want %q", names, want)
	}
}
