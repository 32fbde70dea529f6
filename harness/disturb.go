package harness

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"peerbed/harness/fault"
	"peerbed/harness/links"
	"peerbed/harness/plan"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// The kinds of faults that heal.
const (
	cutting    = "cut"
	walling    = "firewall"
	dropping   = "drop"
	throttling = "throttle"
	shaping    = "links"
	pausing    = "pause"
)

// An effect is what a fault makes of the network. The network is what the
// effects of all lasting faults make of it together, so that the end of one
// leaves the others as they are.
type effect struct {
	fault.Net
	links linkmodel.Source // the last that there is holds; nil: none
}

// Cut parts the groups from one another, both ways, until Heal. Nodes in no
// group, and the introducer, still reach all. A cut adds to those before. Like
// all that Heal can end, it returns what Heal knows it by.
func (c *Cluster) Cut(groups ...[]int) (handle string) {
	return c.impose(plan.Event{Do: plan.Cut, Groups: groups})
}

// CutOneWay stops everything from any of from to any of to, until Heal.
func (c *Cluster) CutOneWay(from, to []int) (handle string) {
	return c.impose(plan.Event{Do: plan.Cut, Groups: [][]int{from, to}, OneWay: true})
}

// Firewall lets no stream that others dial come in at these nodes, until Heal:
// whoever dials them hears p2p.ErrSilent. What they dial themselves, streams
// that stand, and datagrams are let through.
func (c *Cluster) Firewall(nodes ...int) (handle string) {
	return c.impose(plan.Event{Do: plan.Wall, Nodes: nodes})
}

// Drop loses a share, 0 to 1, of all packets from any of from to any of to,
// until Heal; nil stands for all nodes. Streams recover, later.
func (c *Cluster) Drop(share float64, from, to []int) (handle string) {
	return c.impose(plan.Event{Do: plan.Drop, Groups: [][]int{from, to}, Share: share})
}

// Throttle gives each of the nodes an access line of so many bytes per second
// up and down, until Heal; 0: any. All conversations of a node share its line.
// Of two throttles the tighter one holds.
func (c *Cluster) Throttle(nodes []int, up, down int64) (handle string) {
	return c.impose(plan.Event{Do: plan.Throttle, Nodes: nodes, Up: up, Down: down})
}

// Shape says what all links are like from now on: delay, jitter, loss and
// bandwidth, by a Model or a table (package links). The zero Model is the world's
// own network. It is no fault that heals, but the ground on which faults come.
func (c *Cluster) Shape(from linkmodel.Source) {
	c.try(func() error { return c.shape(from, "") })
}

// Shaped returns what Shape said last, for the nodes that there are.
func (c *Cluster) Shaped() linkmodel.Model {
	m := c.links.Between(c.Addrs())
	m.Pairs = slices.Clone(m.Pairs)
	return m
}

// Heal ends faults, each by its handle or by what many have in common: their
// kind ("cut", "firewall", "drop", "throttle", "pause") or the name that a plan
// gave them. Without a name it ends all that heal. The links keep what Shape
// says, and what is down stays down.
func (c *Cluster) Heal(which ...string) { c.try(func() error { return c.heal(which...) }) }

// impose begins a fault of the network outside of a run.
func (c *Cluster) impose(e plan.Event) (handle string) {
	c.try(func() (err error) {
		handle, err = c.disturb(e)
		return err
	})
	return handle
}

// disturb begins the fault of the network that an event describes.
func (c *Cluster) disturb(e plan.Event) (handle string, err error) {
	if err := c.known(slices.Concat(append(e.Groups, e.Nodes)...)); err != nil {
		return "", fmt.Errorf("%s: %w", e.Do, err)
	}
	f := Fault{net: effect{Net: fault.Of(e, c.at)}}
	f.kind, f.Text = c.describe(e)
	if err := f.net.Check(); err != nil {
		return "", err
	}
	f.Name = cmp.Or(e.Label, f.kind)
	return c.begin(f), c.apply()
}

// describe says in words which fault an event begins.
func (c *Cluster) describe(e plan.Event) (kind, text string) {
	groups := make([]string, len(e.Groups))
	for i, g := range e.Groups {
		if groups[i] = c.Names(g); e.Do == plan.Drop && len(g) == 0 {
			groups[i] = "all"
		}
	}
	switch e.Do {
	case plan.Cut:
		if e.OneWay {
			return cutting, "cut from " + strings.Join(groups, " to ")
		}
		return cutting, "cut between " + strings.Join(groups, " | ")
	case plan.Wall:
		return walling, "firewall around " + c.Names(e.Nodes)
	case plan.Drop:
		return dropping, fmt.Sprintf("%.3g %% lost from %s to %s", 100*e.Share, groups[0], groups[1])
	}
	return throttling, fmt.Sprintf("%s throttled to %d bytes/s up, %d down", c.Names(e.Nodes), e.Up, e.Down)
}

// shape changes all links: for good, or with a label until Heal.
func (c *Cluster) shape(from linkmodel.Source, label string) error {
	if err := from.Check(); err != nil {
		return err
	}
	f := Fault{Name: cmp.Or(label, shaping), Text: fmt.Sprintf("links shaped: %v", from)}
	m, simple := from.(linkmodel.Model)
	if simple {
		f.Text = fmt.Sprintf("links shaped: %+v", m.Default)
	}
	if label != "" {
		f.kind, f.net.links = shaping, from
	} else {
		c.links = from
		c.end(func(f *Fault) bool { return f.Name == shaping && f.kind == "" })
	}
	if label != "" || !simple || !m.Perfect() {
		c.begin(f)
	}
	return c.apply()
}

// shapeBy is shape for an event of a plan.
func (c *Cluster) shapeBy(e plan.Event) error {
	if e.File == "" {
		return c.shape(*e.Links, e.Label)
	}
	t, err := links.Read(e.File)
	if err != nil {
		return err
	}
	return c.shape(t, e.Label)
}

// heal ends the faults that are called so; without a name all that heal.
func (c *Cluster) heal(which ...string) error {
	for _, name := range which {
		if !slices.ContainsFunc(c.Faults(), func(f Fault) bool { return f.called(name) }) {
			return fmt.Errorf("there is nothing called %q to heal: want what Cut, Drop and the like returned, or one of cut, firewall, drop, throttle, links, pause", name)
		}
	}
	called := func(f *Fault) bool {
		return f.kind != "" && (len(which) == 0 || slices.ContainsFunc(which, f.called))
	}
	var wake []int
	for _, f := range c.active() {
		if f.kind == pausing && called(&f) {
			wake = append(wake, f.Nodes...)
		}
	}
	c.end(func(f *Fault) bool { return f.kind != pausing && called(f) })
	if err := c.apply(); err != nil {
		return err
	}
	return c.resume(wake)
}

// called reports whether a fault heals by that name.
func (f *Fault) called(name string) bool {
	return f.kind != "" && (f.Handle == name || f.kind == name || f.Name == name)
}

// wanted is what the lasting faults make of a network of these nodes.
func (c *Cluster) wanted(nodes []p2p.Addr) fault.Net {
	from := c.links
	var n fault.Net
	for _, f := range c.active() {
		n.Add(f.net.Net)
		if f.net.links != nil {
			from = f.net.links
		}
	}
	lines := n.Links.Access
	n.Links = from.Between(nodes)
	n.Links.Access = tightest(append(slices.Clone(n.Links.Access), lines...))
	return n
}

// apply makes the network what the lasting faults make of it.
func (c *Cluster) apply() error {
	c.net = c.wanted(c.Addrs())
	if err := c.backend.Apply(c.ctx, c.net); err != nil {
		return err
	}
	return c.prove()
}

// tightest leaves each node one line, in each direction the slowest that is
// asked for.
func tightest(lines []linkmodel.Access) []linkmodel.Access {
	slower := func(a, b int64) int64 {
		if a == 0 || b == 0 {
			return a + b
		}
		return min(a, b)
	}
	place := map[uint32]int{}
	var one []linkmodel.Access
	for _, l := range lines {
		i, there := place[l.Node.IP()]
		if !there {
			place[l.Node.IP()] = len(one)
			one = append(one, l)
			continue
		}
		one[i].Up, one[i].Down = slower(one[i].Up, l.Up), slower(one[i].Down, l.Down)
	}
	return one
}

// at returns the addresses of nodes.
func (c *Cluster) at(nodes []int) []p2p.Addr {
	var list []p2p.Addr
	for _, i := range nodes {
		list = append(list, c.Addr(i))
	}
	return list
}

// known reports a number that no node has.
func (c *Cluster) known(nodes []int) error {
	for _, i := range nodes {
		if i < 0 || i >= len(c.nodes) {
			return fmt.Errorf("there is no node %d: nodes are numbered from 0 to %d", i, len(c.nodes)-1)
		}
	}
	return nil
}
