package p2ptest

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/harness/sim"
	"peerbed/protocols/p2p"
)

// act carries out one line of a script.
func (p *play) act(l string) error {
	words := strings.Fields(l)
	verb, args := words[0], words[1:]
	if strings.HasPrefix(verb, "#") {
		return nil
	}
	switch verb {
	case "introducer":
		return p.introduce()
	case "spawn", "ideal":
		return p.spawn(args, verb == "ideal")
	case "set":
		cfg, err := p2p.With(p.cfg, args...)
		if err == nil {
			p.cfg = cfg
		}
		return err
	case "run", "settle":
		return p.pass(verb, args)
	case "do", "begin":
		return p.wish(args, verb == "do")
	case "inspect", "crash", "vanish", "restart":
		return p.each(verb, args)
	case "cut":
		return p.cut(args)
	case "heal":
		return p.world.Apply(fault.Net{Links: p.stage.Links})
	case "trace":
		return p.choose(args)
	}
	return fmt.Errorf("no such command; see the package comment of p2ptest")
}

// pass lets time go by.
func (p *play) pass(verb string, args []string) error {
	d, err := time.ParseDuration(strings.Join(args, " "))
	if err != nil {
		return fmt.Errorf("want a duration such as 5s: %w", err)
	}
	if verb == "run" {
		p.world.Run(d)
		return nil
	}
	if p.stage.Settled == nil {
		return fmt.Errorf("this Stage does not say when all is Settled")
	}
	var wrong error
	ok := p.world.Settle(func() bool {
		wrong = p.stage.Settled(p.states())
		return wrong == nil
	}, 100*time.Millisecond, d)
	if ok {
		p.say("settled at %v", p.world.Now())
	} else {
		p.say("not settled: %v", wrong)
	}
	return nil
}

// states are those of the protocol's nodes that run.
func (p *play) states() []p2p.State {
	var states []p2p.State
	for _, m := range p.cast {
		if s, err := p.world.Inspect(m.addr); err == nil && m.name != intro {
			states = append(states, s)
		}
	}
	return states
}

// each does something to every node named.
func (p *play) each(verb string, names []string) error {
	for _, n := range names {
		a, err := p.find(n)
		if err != nil {
			return err
		}
		switch verb {
		case "crash":
			err = p.world.Crash(a)
		case "vanish":
			err = p.world.Vanish(a)
		case "restart":
			err = p.world.Restart(a)
		case "inspect":
			err = p.inspect(n, a)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *play) inspect(name string, a p2p.Addr) error {
	s, err := p.world.Inspect(a)
	switch {
	case err != nil:
		return err
	case p.stage.State != nil:
		p.say("%s: %s", name, p.stage.State(s))
	default:
		p.say("%s: id %s, neighbours %v, stored %v, %+v", name, s.ID, s.Neighbours, s.Stored, s.Detail)
	}
	return nil
}

// longest is how long "do" waits for an outcome.
const longest = p2p.MaxOp + time.Minute

func (p *play) wish(words []string, wait bool) error {
	if len(words) < 2 {
		return fmt.Errorf("want a node and a wish, such as: 80 find song")
	}
	a, err := p.find(words[0])
	if err != nil {
		return err
	}
	op, err := parseOp(words[1:])
	if err != nil {
		return err
	}
	over := false
	p.world.Do(a, op, func(o harness.Outcome) {
		over = true
		p.say("%s: %s", strings.Join(words, " "), outcome(o))
	})
	if wait {
		p.world.RunUntil(func() bool { return over }, longest)
	}
	return nil
}

func parseOp(words []string) (p2p.Op, error) {
	name := ""
	if len(words) > 1 {
		name = words[1]
	}
	switch words[0] {
	case "find":
		return p2p.Find{Name: name}, nil
	case "fetch":
		return p2p.Fetch{Name: name}, nil
	case "remove":
		return p2p.Remove{Name: name}, nil
	case "leave":
		return p2p.Leave{}, nil
	case "publish":
		size := int64(100)
		if len(words) > 2 {
			n, err := strconv.ParseInt(words[2], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("want a number of bytes: %w", err)
			}
			size = n
		}
		return p2p.Publish{Name: name, Size: size, Seed: 1}, nil
	}
	return nil, fmt.Errorf("%q is no wish; want publish, find, fetch, remove or leave", words[0])
}

// outcome writes how a wish ended.
func outcome(o harness.Outcome) string {
	said := []string{"done"}
	switch {
	case o.Err != nil:
		said[0] = o.Err.Error()
	case len(o.Found) > 0:
		said[0] = "found " + strings.Trim(fmt.Sprint(o.Found), "[]")
	}
	if o.Blob != (p2p.Blob{}) {
		said = append(said, fmt.Sprintf("%s has %d bytes", o.Blob.Name, o.Blob.Len))
	}
	last := fmt.Sprintf("%d hops in %v", o.Hops, o.Took)
	for i, h := range o.Path {
		last += [2]string{": ", ", "}[min(i, 1)] + h.Addr.String()
		if h.By != "" {
			last += " by " + h.By
		}
	}
	return strings.Join(append(said, last), "; ")
}

// choose sets what is printed of the events.
func (p *play) choose(words []string) error {
	p.trace = nil
	switch strings.Join(words, " ") {
	case "":
		return fmt.Errorf("want on, all, off or types of messages")
	case "on":
		p.what = plain
	case "all":
		p.what = nil
	case "off":
		p.what = map[sim.What]bool{}
	default:
		p.what = plain
		p.trace = map[string]bool{}
		for _, w := range words {
			p.trace[w] = true
		}
	}
	return nil
}
