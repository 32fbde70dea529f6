package step

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// An env is the world of one node.
type env struct {
	node   p2p.Node
	self   p2p.Addr
	now    int64
	rand   *rand.Rand
	codec  p2p.Codec
	timers map[int64]p2p.Msg // that have not come, nor been stopped
	last   int64
	did    []Action
	err    error
}

// newEnv makes a node. The settings of config are those of the protocol's Config;
// what that does not have is passed over.
func newEnv(p *p2p.Protocol, e Event) (*env, error) {
	self, err := p2p.ParseAddr(e.Self)
	if err != nil {
		return nil, fmt.Errorf("step: start: %w", err)
	}
	cfg := p2p.Pointer(p.Config)
	for _, s := range p2p.Settings(cfg) {
		if text, ok := e.Config[s.Name]; ok {
			if err := s.Set(text); err != nil {
				return nil, fmt.Errorf("step: start: %w", err)
			}
		}
	}
	n := &env{node: p.New(p2p.Value(cfg), nil), self: self, rand: rand.New(rand.NewPCG(e.Seed, 0)), timers: map[int64]p2p.Msg{}}
	if p.Datagrams != nil {
		n.codec = p.Datagrams()
	}
	return n, nil
}

// message decodes what another node sent. Bytes that are no JSON travel as a JSON
// string in base 64. What the codec refuses is dropped, as a datagram is.
func (n *env) message(e Event) {
	from, err := p2p.ParseAddr(e.From)
	if err != nil || n.codec == nil {
		return
	}
	src := []byte(e.Body)
	if len(src) > 0 && src[0] == '"' && json.Unmarshal(e.Body, &src) != nil {
		return
	}
	m, took, err := n.codec.Next(src, true)
	if err == nil && m != nil && took == len(src) {
		n.node.Handle(from.Peer(), m)
	}
}

func (n *env) timer(t int64) {
	m, ok := n.timers[t]
	delete(n.timers, t)
	if ok {
		n.node.Handle(p2p.Peer{}, m)
	}
}

func (n *env) Self() p2p.Addr     { return n.self }
func (n *env) Now() time.Duration { return time.Duration(n.now) }
func (n *env) Rand() *rand.Rand   { return n.rand }

func (n *env) After(d time.Duration, m p2p.Msg) p2p.Timer {
	n.last++
	n.timers[n.last] = m
	after := int64(max(d, 0))
	n.did = append(n.did, Action{After: &after, Timer: n.last})
	return p2p.Timer{At: n.Now() + d, N: uint32(n.last)}
}

func (n *env) Stop(t p2p.Timer) { delete(n.timers, int64(t.N)) }

func (n *env) Spare(p2p.Kind) p2p.Msg { return nil }

func (n *env) Post(to p2p.Peer, m p2p.Msg) {
	if n.codec == nil || to.Link != 0 {
		n.missing("streams")
		return
	}
	b, _, err := n.codec.Append(nil, m)
	if err != nil {
		n.err = errors.Join(n.err, err)
		return
	}
	if !json.Valid(b) || b[0] == '"' {
		if b, err = json.Marshal(b); err != nil {
			n.err = errors.Join(n.err, err)
			return
		}
	}
	text := to.Addr.String()
	n.did = append(n.did, Action{Send: &text, Body: slices.Clone(b)})
}

// missing notes that the protocol has asked for what is not stepped.
func (n *env) missing(what string) {
	n.err = errors.Join(n.err, fmt.Errorf("step: %s are not there for a program that is stepped: send datagrams", what))
}

func (n *env) Dial(p2p.Addr, p2p.Codec, p2p.Handler) p2p.Peer {
	n.missing("streams")
	return p2p.Peer{}
}
func (n *env) Hand(p2p.Peer, p2p.Handler) { n.missing("streams") }
func (n *env) Close(p2p.Peer)             {}
func (n *env) Full(p2p.Peer) bool         { return false }
func (n *env) Resolve(string, p2p.Handler) {
	n.missing("names")
}

// Disk ends the program: there is no value to return that would not mislead.
func (n *env) Disk() p2p.Disk {
	panic("step: disks are not there for a program that is stepped")
}
