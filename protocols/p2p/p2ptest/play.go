package p2ptest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/harness/sim"
	"peerbed/protocols/introducer"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

var update = flag.Bool("update", false, "write the golden plays anew")

// A Stage is where plays are given.
type Stage struct {
	Protocol *p2p.Protocol
	// Config is the nodes' configuration; nil: the Protocol's.
	Config any
	// Links are what links are like; the zero Model: 10 ms each way.
	Links linkmodel.Model
	// Addr chooses where the node of this name listens, on the given IP
	// address, as where an id is a hash of both. nil: port 7000.
	Addr func(name string, ip uint32) p2p.Addr
	// Settled says what is not yet well, for settle. nil: there is no settle.
	Settled func([]p2p.State) error
	// Show writes a message, nil: as fmt does with %+v.
	Show func(m p2p.Msg) string
	// State writes what inspect prints after the node's name; nil: all of it.
	State func(s p2p.State) string
}

// Plays gives every play in testdata: testdata/*.txt.
func Plays(t *testing.T, s Stage) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no plays in testdata/*.txt (%v)", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) { Play(t, f, s) })
	}
}

// Play gives one play and fails if it does not go as the file says.
func Play(t *testing.T, file string, s Stage) {
	t.Helper()
	script, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.perform(string(script))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := firstDifference(string(script), got); d != "" {
		t.Errorf("%s: %s\n(-update writes it anew)", file, d)
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		if a, b := line(w, i), line(g, i); a != b {
			return fmt.Sprintf("line %d\nwant %s\n got %s", i+1, a, b)
		}
	}
	return ""
}

func line(all []string, i int) string {
	if i < len(all) {
		return all[i]
	}
	return "(end of file)"
}

const dashes = "----"

// perform plays the script and returns it with all output written anew.
func (s *Stage) perform(script string) (string, error) {
	p := newPlay(s)
	var out strings.Builder
	acting := true // else: in the old output
	for i, l := range strings.Split(strings.TrimRight(script, "\n"), "\n") {
		switch {
		case l == dashes:
			acting = false
			out.WriteString(dashes + "\n" + p.take())
		case l == "":
			acting = true
			out.WriteString("\n")
		case acting:
			out.WriteString(l + "\n")
			if err := p.act(l); err != nil {
				return "", fmt.Errorf("line %d: %s: %w", i+1, l, err)
			}
		}
	}
	if p.out.Len() > 0 {
		out.WriteString(dashes + "\n" + p.take())
	}
	return out.String(), nil
}

// A play is one under way.
type play struct {
	stage *Stage
	world *sim.World
	cfg   any
	hosts map[string]p2p.Addr // for Resolve
	cast  []member
	out   strings.Builder
	names *strings.Replacer // addresses by names
	trace map[string]bool   // kinds to print; nil: those of on
	what  map[sim.What]bool // events to print
}

type member struct {
	name string
	addr p2p.Addr
}

func newPlay(s *Stage) *play {
	links := s.Links
	if links.Perfect() {
		links.Default.Delay = 10 * time.Millisecond
	}
	p := &play{stage: s, cfg: s.Config, names: strings.NewReplacer(), what: plain}
	if p.cfg == nil {
		p.cfg = s.Protocol.Config
	}
	p.world = sim.New(sim.Config{Seed: 1, Model: links, Strict: true, Poison: true, Watch: p.watch})
	return p
}

// take returns what was printed since it was last called, with names in place
// of addresses.
func (p *play) take() string {
	defer p.out.Reset()
	return p.names.Replace(p.out.String())
}

func (p *play) say(format string, args ...any) { fmt.Fprintf(&p.out, "  "+format+"\n", args...) }

// plain is what "trace on" prints.
var plain = map[sim.What]bool{sim.Hear: true, sim.Drop: true}

func (p *play) watch(e *sim.Event) {
	switch {
	case p.what != nil && !p.what[e.What], p.trace != nil && !p.trace[e.Kind]:
		return
	case p.what != nil && p.trace == nil && e.Size == 0 && e.Kind != "up" && e.Kind != "down":
		return // what a node hears of its own world only
	}
	at := fmt.Sprintf("%7.3fs", e.At.Seconds())
	way := ""
	if e.Node >= 0 {
		way = p.name(e.Node)
	}
	if e.Peer != 0 && e.What == sim.Hear {
		way = p.peer(e.Peer) + " > " + way
	} else if e.Peer != 0 {
		way += " > " + p.peer(e.Peer)
	}
	said := e.Kind
	if e.What != sim.Hear {
		said = strings.TrimSpace(string(e.What) + " " + said)
	}
	p.say("%s", strings.Join(slices.DeleteFunc([]string{at, way, said + p.show(e.Msg), e.Why}, empty), "  "))
}

func empty(s string) bool { return s == "" }

// show writes the fields of a message.
func (p *play) show(m p2p.Msg) string {
	if m == nil || m.Kind() < p2p.Shared {
		return ""
	}
	if p.stage.Show != nil {
		return " " + p.stage.Show(m)
	}
	return " " + strings.TrimPrefix(fmt.Sprintf("%+v", m), "&")
}

// name returns the name of the node of this number, which the World gave in
// the order of spawning.
func (p *play) name(number int) string { return p.cast[number].name }

// peer names whoever has this address; a stream that it dialled has another
// port.
func (p *play) peer(a p2p.Addr) string {
	for _, m := range p.cast {
		if m.addr.IP() == a.IP() {
			return m.name
		}
	}
	return a.String()
}

func (p *play) find(name string) (p2p.Addr, error) {
	for _, m := range p.cast {
		if m.name == name {
			return m.addr, nil
		}
	}
	return 0, fmt.Errorf("no node is called %q", name)
}

func (p *play) addrs(names []string) ([]p2p.Addr, error) {
	all := make([]p2p.Addr, len(names))
	for i, n := range names {
		a, err := p.find(n)
		if err != nil {
			return nil, err
		}
		all[i] = a
	}
	return all, nil
}

// enlist chooses an address for a new name.
func (p *play) enlist(name string) (index int, a p2p.Addr) {
	index = len(p.cast)
	a = sim.Addr(index)
	if p.stage.Addr != nil && name != intro {
		a = p.stage.Addr(name, sim.IP(index))
	}
	p.cast = append(p.cast, member{name, a})
	byLength := slices.Clone(p.cast)
	slices.SortStableFunc(byLength, func(a, b member) int { return len(b.addr.String()) - len(a.addr.String()) })
	var pairs []string
	for _, m := range byLength {
		pairs = append(pairs, m.addr.String(), m.name)
	}
	p.names = strings.NewReplacer(pairs...)
	return index, a
}

const intro = "introducer"

func (p *play) introduce() error {
	i, a := p.enlist(intro)
	p.hosts = map[string]p2p.Addr{intro: a}
	cfg, err := p2p.With(p.cfg, "introducer="+intro+":7000")
	if err != nil {
		return err
	}
	p.cfg = cfg
	return p.world.Spawn(harness.Spec{Index: i, Name: intro, Protocol: introducer.Protocol})
}

func (p *play) spawn(names []string, ideal bool) error {
	type place struct {
		index int
		addr  p2p.Addr
	}
	var places []place
	var addrs []p2p.Addr
	for _, n := range names {
		i, a := p.enlist(n)
		places = append(places, place{i, a})
		addrs = append(addrs, a)
	}
	var states []p2p.State
	if ideal {
		if p.stage.Protocol.Ideal == nil {
			return fmt.Errorf("%s has no ideal state", p.stage.Protocol.Name)
		}
		states = p.stage.Protocol.Ideal(p.cfg, addrs)
	}
	for i, at := range places {
		s := harness.Spec{Index: at.index, Name: names[i], Protocol: p.stage.Protocol, Config: p.cfg, Addr: at.addr, Hosts: p.hosts}
		if ideal {
			s.State = &states[i]
		}
		if err := p.world.Spawn(s); err != nil {
			return err
		}
	}
	return nil
}

// cut parts groups of nodes: "1 2 | 3 4", or one way "1 2 > 3 4".
func (p *play) cut(words []string) error {
	text := strings.Join(words, " ")
	from, to, oneWay := strings.Cut(text, " > ")
	parts := strings.Split(text, " | ")
	if oneWay {
		parts = []string{from, to}
	}
	groups := make([][]p2p.Addr, len(parts))
	for i, g := range parts {
		var err error
		if groups[i], err = p.addrs(strings.Fields(g)); err != nil {
			return err
		}
	}
	n := fault.Net{Links: p.stage.Links}
	if n.Cuts = fault.Split(groups...); oneWay {
		n.Cuts = []fault.Cut{{From: groups[0], To: groups[1]}}
	}
	return p.world.Apply(n)
}
