package gnutella

import (
	"slices"
	"strings"
	"time"

	"peerbed/protocols/p2p"
)

// A hitCache remembers the hits that came for queries, by their words. When the
// same words are asked for again it answers in place of those who would be
// asked, and the query goes no farther. What it costs is that a hit may be
// stale: its servent has gone, or shares something else by now.
type hitCache struct {
	most int
	age  time.Duration
	list []*remembered // the oldest first
	by   map[string]*remembered
	ids  map[GUID]*remembered
}

// maxRemembered is how many hits are kept of one query.
const maxRemembered = 10

// remembered is one query: whose hits are, or will be, there.
type remembered struct {
	key   string
	id    GUID // of the flood whose hits it takes
	since time.Duration
	hits  []Hit
}

func newHitCache(c Config) hitCache { return hitCache{most: c.HitCache, age: c.HitAge} }

// cacheKey is the same for queries that ask for the same.
func cacheKey(q *Query) string {
	w := q.wants()
	if w.hashed {
		return formatURN(w.sum)
	}
	slices.Sort(w.words)
	return strings.Join(slices.Compact(w.words), " ")
}

// await begins to remember what comes for a query that goes on.
func (c *hitCache) await(now time.Duration, q *Query) {
	if c.most == 0 {
		return
	}
	key := cacheKey(q)
	if c.by == nil {
		c.by, c.ids = map[string]*remembered{}, map[GUID]*remembered{}
	}
	if old := c.by[key]; old != nil {
		c.forget(old)
	} else if len(c.list) == c.most {
		c.forget(c.list[0])
	}
	r := &remembered{key: key, id: q.ID, since: now}
	c.list = append(c.list, r)
	c.by[key], c.ids[q.ID] = r, r
}

func (c *hitCache) forget(r *remembered) {
	c.list = slices.DeleteFunc(c.list, func(k *remembered) bool { return k == r })
	delete(c.by, r.key)
	delete(c.ids, r.id)
}

// learn keeps a hit.
func (c *hitCache) learn(m *Hit) {
	if r := c.ids[m.ID]; r != nil && len(r.hits) < maxRemembered {
		hit := *m
		hit.Files = slices.Clone(m.Files)
		r.hits = append(r.hits, hit)
	}
}

// recall returns the hits for a query, if there are any that are not too old.
func (c *hitCache) recall(now time.Duration, q *Query) []Hit {
	if c.most == 0 {
		return nil
	}
	if r := c.by[cacheKey(q)]; r != nil && now-r.since < c.age {
		return r.hits
	}
	return nil
}

// recalled answers a query of l from the cache, and reports whether it could.
func (s *servent) recalled(l *link, q *Query) bool {
	hits := s.cache.recall(s.env.Now(), q)
	for _, hit := range hits {
		if !s.takes(l) {
			break
		}
		hit.Head, hit.Files = s.back(q.Head), slices.Clone(hit.Files)
		p2p.Send(s.env, l.peer, hit)
	}
	return len(hits) > 0
}
