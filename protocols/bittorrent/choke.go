package bittorrent

import (
	"cmp"
	"slices"
	"time"

	"peerbed/protocols/p2p"
)

// Rule is who deserves to be unchoked.
type Rule string

const (
	reciprocal Rule = "reciprocal"
	fastest    Rule = "fastest"
	rotate     Rule = "rotate"
	anybody    Rule = "random"
)

// MarshalText returns the rule's name.
func (r Rule) MarshalText() ([]byte, error) { return []byte(r), nil }

// UnmarshalText reads it.
func (r *Rule) UnmarshalText(b []byte) error {
	return oneOf((*string)(r), b, string(reciprocal), string(fastest), string(rotate), string(anybody))
}

// A rule puts the neighbours that want something into the order in which they
// deserve one of so many slots. They come in a random order, so that equals
// have equal chances.
type rule func(t *torrent, wanting []*peer, slots int)

var rules = map[Rule]rule{
	// Tit for tat: those who give most (Cohen 2003).
	reciprocal: func(_ *torrent, wanting []*peer, _ int) {
		slices.SortStableFunc(wanting, func(a, b *peer) int { return cmp.Compare(b.in.rate(), a.in.rate()) })
	},
	// The older rule of seeds: those to whom most goes.
	fastest: func(_ *torrent, wanting []*peer, _ int) {
		slices.SortStableFunc(wanting, func(a, b *peer) int { return cmp.Compare(b.out.rate(), a.out.rate()) })
	},
	// The newer rule of seeds (mainline 4.0.2; Legout 2006): those unchoked
	// last stay, but two times of three the one that has been longest gives its
	// place to one that is drawn.
	rotate: func(t *torrent, wanting []*peer, slots int) {
		slices.SortStableFunc(wanting, func(a, b *peer) int {
			if a.choking && b.choking {
				return 0 // drawn
			}
			return cmp.Or(order(a.choking, b.choking), cmp.Compare(b.unchoked, a.unchoked))
		})
		fresh := slices.IndexFunc(wanting, func(p *peer) bool { return p.choking })
		if t.c.round%3 != 0 && fresh >= slots && slots > 0 {
			wanting[slots-1], wanting[fresh] = wanting[fresh], wanting[slots-1]
		}
	},
	anybody: func(*torrent, []*peer, int) {},
}

func order(a, b bool) int { return num(a) - num(b) }

func num(b bool) int {
	if b {
		return 1
	}
	return 0
}

// newcomer is how long a neighbour is new: three times as likely to be drawn
// for the optimistic unchoke.
const newcomer = 30 * time.Second

// optimism is every how many rounds the optimistic unchoke is drawn anew.
const optimism = 3

// rechoke decides anew whom to choke.
func (t *torrent) rechoke() {
	now := t.c.env.Now()
	for _, p := range t.peers {
		p.in.turn()
		p.out.turn()
		if len(p.asked) > 0 && !p.choked && now-p.block > t.c.cfg.Snub && !p.snubbed {
			p.snubbed = true
			p.release()
			t.refill()
		}
	}
	if t.c.cfg.Freeload || t.over {
		return
	}
	wanting := t.wanting()
	name, slots := t.c.cfg.Leech, t.c.cfg.Slots
	if t.complete() {
		name = t.c.cfg.Seed
	}
	rules[name](t, wanting, slots)
	if !t.complete() { // who owes us blocks gets no slot for what it does
		slices.SortStableFunc(wanting, func(a, b *peer) int { return order(a.snubbed, b.snubbed) })
	}
	deserving := len(wanting)
	if i := slices.IndexFunc(wanting, func(p *peer) bool { return p.snubbed }); i >= 0 && !t.complete() {
		deserving = i
	}
	best := wanting[:min(slots, deserving)]
	t.hope(wanting[len(best):])
	t.settle(best)
}

// wanting lists who is interested, in a random order.
func (t *torrent) wanting() []*peer {
	var list []*peer
	for _, p := range t.peers {
		if p.interested {
			list = append(list, p)
		}
	}
	r := t.c.env.Rand()
	for i := len(list) - 1; i > 0; i-- {
		j := r.IntN(i + 1)
		list[i], list[j] = list[j], list[i]
	}
	return list
}

// hope chooses the optimistic unchoke among those that have no slot: every third
// time, and whenever the last one is gone, has a slot, or wants nothing.
func (t *torrent) hope(others []*peer) {
	if !t.c.cfg.Optimistic {
		return
	}
	if t.c.round%optimism != 0 && t.chosen != nil && slices.Contains(others, t.chosen) {
		return
	}
	was := t.chosen
	t.chosen = nil
	weights := 0
	for _, p := range others {
		weight := 1
		if t.c.env.Now()-p.since < newcomer {
			weight = 3
		}
		if p == was && len(others) > 1 {
			continue
		}
		weights += weight
		if t.c.env.Rand().IntN(weights) < weight {
			t.chosen = p
		}
	}
}

// settle unchokes those, and the optimistic one, and chokes all others, first.
func (t *torrent) settle(best []*peer) {
	for _, p := range t.peers {
		if p != t.chosen && !slices.Contains(best, p) {
			p.choke()
		}
	}
	for _, p := range best {
		p.unchoke()
	}
	if t.chosen != nil {
		t.chosen.unchoke()
	}
}

// fill gives a slot that is free to a neighbour that has become interested.
func (t *torrent) fill(p *peer) {
	if !t.c.cfg.Eager || t.c.cfg.Freeload || !p.choking || p.snubbed {
		return
	}
	unchoked := 0
	for _, o := range t.peers {
		if !o.choking {
			unchoked++
		}
	}
	switch {
	case unchoked < t.c.cfg.Slots:
		p.unchoke()
	case unchoked == t.c.cfg.Slots && t.c.cfg.Optimistic && t.chosen == nil:
		t.chosen = p
		p.unchoke()
	}
}

func (p *peer) choke() {
	if p.choking {
		return
	}
	p.choking = true
	p2p.Send(p.t.c.env, p.link, Choke{})
	for _, b := range p.queue {
		p.reject(b)
	}
	p.queue = nil
}

func (p *peer) unchoke() {
	if !p.choking {
		return
	}
	p.choking, p.unchoked = false, p.t.c.env.Now()
	p2p.Send(p.t.c.env, p.link, Unchoke{})
}
