package napster

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"peerbed/protocols/p2p"
)

// maxHits is how many hits a client listens to; servers send a hundred.
const maxHits = 1000

// A search is one question to the server, and the pings of those who have what
// was asked for. Results carry no number, so a client asks one thing at a time.
type search struct {
	c     *client
	name  string
	sent  time.Duration // -1: not yet
	over  bool          // its outcome is told
	hits  []Hit
	pings []*ping
	asked bool // the answer is there: owners are pinged
	open  int  // pings that are under way
	timer p2p.Timer
	then  func(*search, p2p.Result) // once
}

// expired ends a search that takes too long, or its pings.
type expired struct {
	p2p.Alarm
	q *search
}

func (a *expired) ring() { a.q.expire() }

// find asks the server for name.
func (c *client) find(name string, done func(p2p.Result)) {
	c.search(name, func(_ *search, r p2p.Result) { done(r) })
}

func (c *client) search(name string, then func(*search, p2p.Result)) {
	q := &search{c: c, name: name, sent: -1, then: then}
	switch {
	case c.node.gone:
		then(q, p2p.Result{Err: p2p.ErrGone})
	case !speakable(name):
		then(q, p2p.Result{Err: fmt.Errorf("napster: %q is no query, it needs a letter or digit, no quotes, and at most %d bytes: %w", name, maxName, p2p.ErrUnsupported)})
	default:
		q.timer = c.env.After(c.cfg.Patience, &expired{q: q})
		c.searches = append(c.searches, q)
		c.pump()
	}
}

// pump asks the first question, if that has not been done.
func (c *client) pump() {
	if len(c.searches) == 0 || !c.in {
		return
	}
	if q := c.searches[0]; q.sent < 0 {
		q.sent, q.hits = c.env.Now(), nil
		p2p.Send(c.env, c.server, Search{Contains: strings.Join(words(q.name), " "), Max: 100})
	}
}

// results belong to the question that was asked, even if that is over.
func (c *client) results(m *Results) {
	if len(c.searches) == 0 || c.searches[0].sent < 0 || m.Resume {
		return
	}
	q := c.searches[0]
	q.hits = append(q.hits, m.Hits[:min(len(m.Hits), maxHits-len(q.hits))]...)
	if m.End {
		c.searches = c.searches[1:]
		c.pump()
		q.answered()
	}
}

// overdue forgets a question whose answer does not end: the server has not kept
// to the language.
func (c *client) overdue(now time.Duration) {
	if len(c.searches) > 0 && c.searches[0].over && now-c.searches[0].sent > c.cfg.Patience+time.Minute {
		c.searches = c.searches[1:]
		c.pump()
	}
}

// answered pings all who have what was asked for: files of exactly the name, if
// there are any.
func (q *search) answered() {
	if q.over {
		return
	}
	q.asked = true
	exact := func(h Hit) bool { return base(h.Name) == q.name }
	if slices.ContainsFunc(q.hits, exact) {
		q.hits = slices.DeleteFunc(q.hits, func(h Hit) bool { return !exact(h) })
	}
	q.hits = slices.DeleteFunc(q.hits, func(h Hit) bool { return h.Nick == q.c.nick })
	q.c.env.Stop(q.timer)
	q.timer = q.c.env.After(q.c.cfg.Pong, &expired{q: q})
	for i := range q.hits {
		q.ping(&q.hits[i])
	}
	q.rest()
}

// A ping is a dial: a client greets who dials it with One. It says how far a
// host is, in the only language that all clients speak.
type ping struct {
	q    *search
	nick string
	peer p2p.Peer
	sent time.Duration
	took time.Duration // -1: no answer
}

// ping dials an owner, once for all its files.
func (q *search) ping(h *Hit) {
	if !h.Open || slices.ContainsFunc(q.pings, func(p *ping) bool { return p.nick == h.Nick }) {
		return
	}
	p := &ping{q: q, nick: h.Nick, sent: q.c.env.Now(), took: -1}
	p.peer = q.c.env.Dial(h.addr(), &getting{}, p)
	q.pings = append(q.pings, p)
	q.open++
}

func (h *Hit) addr() p2p.Addr { return p2p.MakeAddr(h.IP, h.Port) }

// Handle hears of the stream: the first that comes is the answer.
func (p *ping) Handle(from p2p.Peer, m p2p.Msg) {
	switch m.(type) {
	case *p2p.Up:
		return
	case *One:
		p.took = p.q.c.env.Now() - p.sent
		p.q.c.env.Close(from)
	case *p2p.Down:
	default:
		p.q.c.env.Close(from)
	}
	p.peer = p2p.Peer{}
	p.q.open--
	p.q.rest()
}

// rest ends the search when no ping is under way.
func (q *search) rest() {
	if q.open == 0 {
		q.finish()
	}
}

// expire gives up what has not come.
func (q *search) expire() {
	switch {
	case q.over:
	case q.asked:
		q.finish()
	case !q.c.in:
		q.end(p2p.Result{Err: p2p.ErrNotJoined})
	default:
		q.end(p2p.Result{Err: fmt.Errorf("napster: %q: %w", q.name, p2p.ErrTimeout)})
	}
}

// far is how long the owner's answer took. Who cannot be pinged counts as an hour
// away, and who did not answer as gone: -1.
func (q *search) far(h *Hit) time.Duration {
	if !h.Open {
		return time.Hour
	}
	i := slices.IndexFunc(q.pings, func(p *ping) bool { return p.nick == h.Nick })
	return q.pings[i].took
}

// finish puts the owners in order, the best first. Who did not answer is left out.
func (q *search) finish() {
	c := q.c
	q.hits = slices.DeleteFunc(q.hits, func(h Hit) bool { return q.far(&h) < 0 })
	if c.cfg.Choose == AtRandom {
		c.env.Rand().Shuffle(len(q.hits), func(i, j int) { q.hits[i], q.hits[j] = q.hits[j], q.hits[i] })
	}
	slices.SortStableFunc(q.hits, func(a, b Hit) int {
		far := cmp.Compare(q.far(&a), q.far(&b))
		line := cmp.Compare(b.Line, a.Line)
		switch c.cfg.Choose {
		case ByPing:
			return cmp.Or(far, line)
		case ByLine:
			return cmp.Or(line, far)
		}
		return 0
	})
	r := p2p.Result{Hops: 1}
	if c.library.find(q.name) != nil {
		r.Found = append(r.Found, c.env.Self())
	}
	for i := range q.hits {
		if a := q.hits[i].addr(); !slices.Contains(r.Found, a) {
			r.Found = append(r.Found, a)
		}
	}
	if len(r.Found) == 0 {
		r = p2p.Result{Err: fmt.Errorf("napster: nobody has %q: %w", q.name, p2p.ErrNotFound)}
	}
	q.end(r)
}

// end tells the outcome. A question that was asked stays until its answer ends.
func (q *search) end(r p2p.Result) {
	if q.over {
		return
	}
	c := q.c
	q.over = true
	c.env.Stop(q.timer)
	for _, p := range q.pings {
		if p.peer.Link != 0 {
			c.env.Close(p.peer)
		}
	}
	c.searches = slices.DeleteFunc(c.searches, func(k *search) bool { return k == q && (q.sent < 0 || c.node.gone) })
	r.Path = []p2p.Hop{{Addr: c.env.Self()}}
	if q.sent >= 0 && len(c.hosts) > 0 {
		r.Path = append(r.Path, p2p.Hop{Addr: c.hosts[0], By: "server"})
	}
	q.then(q, r)
}
