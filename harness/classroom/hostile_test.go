//go:build linux

package classroom

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"peerbed/harness/classroom/step"
	"peerbed/harness/hunt"
	"peerbed/protocols/chord"
	"peerbed/protocols/p2p"
)

func init() {
	programs["attack"] = func(args []string) { attack(args[0], args[1]); misbehave("exit") }
	programs["chord"] = func([]string) { step.Main(chord.Protocol) }
	programs["cheat"] = func(args []string) { playCheat(args[0]) }
}

// attack does what a hostile submission would, and says on standard error how far it
// came. arg is what it goes for.
func attack(how, arg string) {
	var err error
	switch how {
	case "forge":
		err = os.WriteFile(filepath.Join(arg, "results.json"), []byte(`{"score":100}`), 0o644)
	case "scenarios":
		_, err = os.ReadFile(arg)
	case "forks":
		for range 1000 {
			if err = exec.Command(os.Args[0], "attack", "forks", "").Start(); err != nil {
				break
			}
		}
	case "memory":
		fmt.Fprintln(os.Stderr, len(bytes.Repeat([]byte("x"), 8<<30)))
	case "disk":
		err = os.WriteFile(filepath.Join(os.TempDir(), "flood"), make([]byte, 64<<20), 0o644)
	case "output":
		for range 1 << 14 {
			fmt.Fprintln(os.Stderr, strings.Repeat("x", 1<<10))
		}
	case "network":
		_, err = net.Dial("tcp", arg)
	case "docker":
		_, err = net.Dial("unix", "/var/run/docker.sock")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
	} else {
		fmt.Fprintln(os.Stderr, "did it")
	}
}

// An attack is refused, brings no point, and changes nothing.
func TestAttacks(t *testing.T) {
	m := only(chordAssignment(t), "starts")
	m.Seeds = Seeds{Public: 1, Hidden: 1}
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("seed"), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for how, arg := range map[string]string{
		"forge": outside, "scenarios": secret, "forks": "", "memory": "", "disk": "", "output": "", "network": l.Addr().String(), "docker": "",
	} {
		p := &Program{argv: []string{os.Args[0], "attack", how, arg}, dir: t.TempDir(), reads: []string{os.Args[0]}, limits: m.Limits}
		g := m.Grade(t.Context(), p, Options{Course: m.NewCourse("x"), Time: time.Minute})
		want := "refused"
		switch how {
		case "memory":
			want = "it ended instead"
		case "output":
			want = "did it" // it floods a pipe of which the end is kept
		case "scenarios":
			if len(g.Notes) > 1 { // no Landlock, as a note says
				continue
			}
		}
		if r := g.Results[0]; g.Points != 0 || !strings.Contains(r.Why, want) || len(r.Why) > 3*tailSize {
			t.Errorf("%s: %v points, %s: %.500s; want none, and %q", how, g.Points, r.Verdict, r.Why, want)
		}
	}
	if there, err := os.ReadDir(outside); err != nil || len(there) != 1 {
		t.Errorf("something was left: %v, %v", there, err)
	}
}

// Our own Chord, handed in as it is, has next to nothing.
func TestOwnChord(t *testing.T) {
	m := chordAssignment(t)
	m.Seeds = Seeds{Public: 1, Hidden: 1}
	p := &Program{argv: []string{os.Args[0], "chord", ""}, dir: t.TempDir(), reads: []string{os.Args[0]}, limits: m.Limits}
	g := m.Grade(t.Context(), p, Options{Course: m.NewCourse("x"), Time: time.Minute, Brief: true})
	if g.Points > g.Most/2 {
		t.Errorf("it has %v of %v points:\n%s", g.Points, g.Most, g.Text())
	}
	t.Log(g.Text())
}

// A cheat plays all nodes without a message: it knows the others of its process, or
// works out the public seeds, which anybody can.
type cheat struct {
	m      *Manifest
	course Course
	run    *run
	nodes  map[int]int // number in the process to number in the run
	public bool
	seen   bool
}

func playCheat(how string) {
	m, err := Load(".")
	if err != nil {
		panic(err)
	}
	c := &cheat{m: m, course: m.NewCourse("x"), nodes: map[int]int{}, public: how == "public"}
	c.run = &run{course: c.course, layout: &layout{by: map[p2p.Addr]int{}}, c: &hunt.Case{}}
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var e step.Event
		if err := json.Unmarshal(in.Bytes(), &e); err != nil {
			panic(err)
		}
		b, err := json.Marshal(c.hear(e))
		if err != nil {
			panic(err)
		}
		fmt.Println(string(b))
	}
}

func (c *cheat) hear(e step.Event) []step.Action {
	switch e.Event {
	case "start":
		c.start(e)
	case "do":
		want := c.run.circle().expect(e.Name)
		return []step.Action{{Result: &e.Op, Found: want.found, ID: want.id}}
	case "inspect":
		return []step.Action{{State: c.state(c.nodes[e.Node])}}
	}
	return []step.Action{}
}

func (c *cheat) start(e step.Event) {
	a, _ := p2p.ParseAddr(e.Self)
	if c.public && !c.seen {
		c.guess(a)
	}
	c.seen = true
	i, known := c.run.by[a]
	if !known {
		i = len(c.run.addrs)
		c.run.by[a] = i
		c.run.addrs = append(c.run.addrs, a)
		id, _ := parseID(e.Config["id"])
		c.run.ids = append(c.run.ids, id)
		c.run.lives = append(c.run.lives, &node{})
	}
	c.nodes[e.Node] = i
}

func parseID(text string) (id uint16, err error) {
	_, err = fmt.Sscanf(text, "%04x", &id)
	return id, err
}

// guess finds the public seed that has a node here, and takes its nodes.
func (c *cheat) guess(a p2p.Addr) {
	for _, t := range c.m.Tests() {
		for _, s := range seeds(c.m.Seeds.Public, "public", c.m.Title, t.ID) {
			k := t.draw(ring, s)
			if l := layOut(k.Port, k.Nodes); l.by[a] > 0 || l.addrs[0] == a {
				c.run.layout, c.run.lives = l, make([]*node, k.Nodes)
				for i := range c.run.lives {
					c.run.lives[i] = &node{}
				}
				return
			}
		}
	}
}

func (c *cheat) state(i int) *step.State {
	o := c.run.circle()
	for k, n := range o.order {
		if n == i {
			p := pointers{Predecessor: &c.run.addrs[o.at(k, -1)]}
			for s := range min(ringList, max(len(o.order)-1, 1)) {
				p.Successors = append(p.Successors, c.run.addrs[o.at(k, s+1)])
			}
			b, _ := json.Marshal(p)
			return &step.State{ID: hexID(c.run.ids[i]), Detail: b}
		}
	}
	return &step.State{}
}

// Nodes that know one another without messages are found out by being parted; nodes
// that know the public seeds fail the others.
func TestCheats(t *testing.T) {
	abs, err := filepath.Abs(chordDir)
	if err != nil {
		t.Fatal(err)
	}
	play := func(how string, split int) *Grade {
		m := only(chordAssignment(t), "alone", "pair", "join")
		m.Seeds = Seeds{Public: 2, Hidden: 4, Split: split}
		for i := range m.Parts[0].Tests {
			m.Parts[0].Tests[i].Needs = nil
		}
		p := &Program{argv: []string{os.Args[0], "cheat", how}, dir: abs, reads: []string{os.Args[0]}, limits: m.Limits}
		return m.Grade(t.Context(), p, Options{Course: m.NewCourse("x"), Secret: "unknown", Time: time.Minute, Brief: true})
	}
	if g := play("process", 0); g.Points != g.Most {
		t.Errorf("never parted, a cheat is caught all the same: is it any good?\n%s", g.Text())
	}
	for _, r := range play("process", 1).Results {
		if r.Test.ID != "alone" && (r.Points != 0 || !strings.Contains(r.Why, "share what no message has carried")) {
			t.Errorf("parted: %s: %v points, %s", r.Test.ID, r.Points, r.Why)
		}
	}
	for _, r := range play("public", 1).Results {
		if r.Test.ID == "join" && (r.Points != 0 || r.Passed == 0) {
			t.Errorf("with the public seeds known: %s: %v points, %d of %d seeds; want none, and the public ones passed", r.Test.ID, r.Points, r.Passed, r.Seeds)
		}
	}
}
