package gnutella

import "peerbed/protocols/p2p"

// Attachment: to whom newcomers link makes the shape of the network. By
// default they link to anybody they have heard of, which makes a random graph.
//
// With Redirect they link, with that probability r, not to the one that they
// have dialled but to one that this had dialled itself. So whoever has many
// links gets many more: links are distributed by a power law with the exponent
// 1+1/r (Krapivsky and Redner, "Organization of growing random networks",
// 2001), which is the 2.3 of Saroiu for r = 0.77. Nobody needs to know any
// degrees.

// successors names those that this servent has dialled, to be redirected to.
func (s *servent) successors(but *link) (list []p2p.Addr) {
	for _, l := range s.links {
		if s.cfg.Redirect > 0 && l.up && !l.inbound && l.addr != but.addr && len(list) < maxTry {
			list = append(list, l.addr)
		}
	}
	return list
}

// redirects draws whether to leave l for one that it names.
func (s *servent) redirects(l *link) bool {
	const steps = 1 << 20
	return len(l.said.Try) > 0 && !l.via && s.cfg.Redirect > 0 && s.env.Rand().IntN(steps) < int(s.cfg.Redirect*steps)
}

// redirect dials one of those that l, which is left, has named.
func (s *servent) redirect(l *link) {
	to := l.said.Try[s.env.Rand().IntN(len(l.said.Try))]
	if dialable(to, s.env.Self()) && s.linkTo(to) == nil {
		s.hosts.hear(s.env.Now(), s.env.Self(), to)
		s.hosts.tried(s.env.Now(), s.env.Rand(), to)
		s.dial(to).via = true
		return
	}
	s.tend()
}
