package pastry

import "peerbed/protocols/p2p"

// Operations are one version of how nodes join.
type Operations uint8

const (
	// Corrected: a newcomer answers for keys only once both its neighbours have
	// consented, each to one newcomer at a time, and have taken it in; and only
	// a node that is ready consents (after Lu, Merz and Weidenbach; see
	// admit.go). So at most one node answers a key.
	Corrected Operations = iota
	// Published: as Middleware 2001 has it. A newcomer takes over the leaf set of
	// the root of its id and answers for keys at once; who has shown it an
	// older state of its own tells it afterwards. Until then two may answer.
	Published
)

var operationsNames = []string{Corrected: "corrected", Published: "published"}

// MarshalText writes the name of the version.
func (o Operations) MarshalText() ([]byte, error) { return []byte(operationsNames[o]), nil }

// UnmarshalText reads it.
func (o *Operations) UnmarshalText(b []byte) (err error) {
	*o, err = pick[Operations](b, operationsNames)
	return err
}

// A rulebook is what the versions do differently.
type rulebook interface {
	// welcome answers a join that has come to its root.
	welcome(p *Pastry, m *route)
	// enter goes on with a newcomer that the root has welcomed.
	enter(j *arrival, root Ref, m *welcome)
	// announce tells a leaf that the newcomer is there.
	announce(j *arrival, a p2p.Addr)
}

type (
	corrected struct{}
	published struct{}
)

// rules returns what the node's version does.
func (p *Pastry) rules() rulebook {
	return [...]rulebook{Corrected: corrected{}, Published: published{}}[p.cfg.Operations]
}

func (published) welcome(p *Pastry, m *route) {
	if m.Key == p.me.ID {
		p.greet(m, gone)
		return
	}
	p.greet(m, kept)
}

// enter takes over the root's leaf set as it is.
func (published) enter(j *arrival, root Ref, m *welcome) {
	p := j.p
	p.leaves.add(root)
	for _, list := range [...][]p2p.Addr{m.Smaller, m.Larger} {
		for _, a := range list {
			if a != p.me.Addr {
				p.leaves.add(p.ref(a))
			}
		}
	}
	j.settle()
}

// announce carries the version of the leaf set that was shown back to its owner,
// who can tell by it what has changed since (the time stamps of section 2.4).
func (published) announce(j *arrival, a p2p.Addr) {
	version := uint32(0)
	if a == j.path[len(j.path)-1] {
		version = j.version + 1 // 0 says that none was shown
	}
	p2p.Ask(&j.p.calls, a.Peer(), announce{Version: version}, j, (*arrival).outdated)
}

// outdated hears that the leaf set which the newcomer took over had changed: it
// begins anew with the new one.
func (j *arrival) outdated(m *neighbours) {
	if m == nil {
		return
	}
	p := j.p
	j.version = m.Version
	for _, list := range [...][]p2p.Addr{m.Smaller, m.Larger} {
		for _, a := range list {
			if r := p.ref(a); p.leaves.fits(r) {
				p.leaves.add(r)
				published{}.announce(j, a)
			}
		}
	}
}

// announced hears that a node has arrived, and takes it in.
func (p *Pastry) announced(from p2p.Addr, m *announce) {
	was := p.leaves.version
	r := p.ref(from)
	p.rise(from)
	if p.cfg.Operations == Published {
		p.takeLeaf(r)
		if m.Version != 0 && m.Version != was+1 {
			p2p.Reply(p.env, from.Peer(), m.Tag, neighbours{Version: p.leaves.version, sides: p.sides()})
		}
	}
	p.consider(from, true)
}

func (corrected) announce(j *arrival, a p2p.Addr) { p2p.Send(j.p.env, a.Peer(), announce{}) }
