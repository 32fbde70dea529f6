package experiments

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/workload"
	"peerbed/protocols/gnutella"
	"peerbed/protocols/p2p"
)

// TestGnutellaGN11Caches asks for files by Zipf's law where servents remember the
// hits of up to 100 queries (claim GN11: "cache Query and QueryHit for repeated
// keywords"): the larger the cache, the fewer messages a query takes. The price is
// measured too: nodes come and go meanwhile, and a remembered hit may name one that
// has gone. Without a cache none does.
func TestGnutellaGN11Caches(t *testing.T) {
	caches := []int{0, 16, 100}
	harness.Repeat(t, 5, func(t *harness.T) {
		var messages, stale []float64
		for k, cache := range caches {
			m, s := zipfQueries(t, cache)
			messages, stale = append(messages, m), append(stale, s)
			if k > 0 {
				t.Want(fmt.Sprintf("messages of a query, with %d remembered less than with %d", cache, caches[k-1]),
					messages[k-1]-m, harness.AtLeast(0))
			}
		}
		last := len(caches) - 1
		t.Want("messages of a query, with 100 remembered, by those without", messages[last]/messages[0], harness.AtMost(0.75))
		t.Want("share of hits that are stale, with none remembered", stale[0], harness.Exactly(0))
		t.Want("share of hits that are stale, with 100 remembered", stale[last], harness.Within(0.001, 0.25))
	})
}

// zipfQueries is how many messages a query takes, and which share of those who are
// found have gone.
func zipfQueries(t *harness.T, cache int) (messages, stale float64) {
	const nodes, files, warm, queries, every = 50, 100, 150, 300, 12
	c := servents(t, gnutella.Protocol, nodes, fmt.Sprintf("hit-cache=%d", cache), "hit-age=10m", "ping=1m", "window=100ms", "patience=1s")
	defer closeNow(t, c)
	c.Settle(gnutella.Connected)
	c.Share(files, 10)
	r := rand.New(rand.NewPCG(t.Seed(), 11))
	popular, found, away := workload.Zipf(0.9).Chooser(files), 0.0, -1
	var before harness.Totals
	for k := range warm + queries {
		if k == warm {
			before = c.Totals()
		}
		if k%every == 0 { // one goes, and the last who went comes back
			if away >= 0 {
				c.Restart(away)
			}
			away = r.IntN(nodes)
			c.Crash(away)
			c.Advance(5 * time.Second)
		}
		asker := r.IntN(nodes)
		if asker == away {
			asker = (asker + 1) % nodes
		}
		for _, a := range c.Find(asker, c.Files()[popular(r)]).Found {
			if k >= warm {
				found++
			}
			if k >= warm && !c.Up(c.Index(a)) {
				stale++
			}
		}
	}
	sent := c.Totals().Sub(before)
	return float64(sent.Class(p2p.Lookup).Sent) / queries, stale / found
}

// TestGnutellaGN12Modems gives three of ten servents a line of 56 kbit/s (claim
// GN12: "modem hosts cannot carry traffic; proxy servers"): where all ask all the time
// and floods pass through them too, searches fail, for what comes over a full line is
// lost or late. With ultrapeers as proxies for the slow, on the same lines, they do
// not. Nor do they fail where few ask: it is the load that breaks them.
func TestGnutellaGN12Modems(t *testing.T) {
	harness.Repeat(t, 3, func(t *harness.T) {
		flat := modems(t, false, busyRate)
		proxied := modems(t, true, busyRate)
		t.Want("all are equal: lookups that succeed", flat, harness.AtMost(0.9))
		t.Want("proxies for the slow: lookups that succeed", proxied, harness.AtLeast(0.97))
		t.Want("that many more", proxied-flat, harness.AtLeast(0.1))
		t.Want("all are equal, and few ask: lookups that succeed", modems(t, false, busyRate/40), harness.AtLeast(0.97))
	})
}

// busyRate is how often one of all nodes asks, in a second.
const busyRate = 80

// modems is which share of lookups succeeds.
func modems(t *harness.T, proxies bool, rate float64) float64 {
	const nodes, modem = 30, 56000 / 8
	cast := p2p.Same(nodes, p2p.Role{Name: "fast"})
	var slow []int
	for i := range cast {
		role := "ultrapeer"
		if i%10 < 3 {
			role = "leaf"
			cast[i].Name, slow = "modem", append(slow, i)
		}
		if !proxies {
			role = "peer"
		}
		cfg, err := p2p.With(gnutella.Protocol.Config, "role="+role, "search=flood", "patience=2s")
		if err != nil {
			t.Fatal(err)
		}
		cast[i].Config = cfg
	}
	c := harness.New(t, gnutella.Protocol, nodes, harness.World("sim"), harness.Cast(cast), harness.Quiet())
	defer closeNow(t, c)
	c.Settle(gnutella.Connected)
	c.Share(nodes, 10)
	c.Advance(20 * time.Second) // the proxies have heard what leaves share
	c.Throttle(slow, modem, modem)
	return c.Run(20*time.Second, workload.Lookups{Rate: rate}).Found
}
