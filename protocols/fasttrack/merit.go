package fasttrack

import (
	"fmt"
	"time"

	"peerbed/protocols/p2p"
)

// Reputation: a number from 0 to 1000 that begins at 10 and moves with the time
// that a node is in the network and with what others get from it.
const (
	maxReputation   = 1000
	firstReputation = 10
	milli           = 1000 // it is counted in thousandths
	meritAs         = "merit"
	meritEvery      = time.Minute
)

// merit is what a node's reputation is worked out from. It outlives a crash.
type merit struct {
	points   int64 // thousandths, up to at
	at       time.Duration
	sent     int64 // bytes to others, in all lives
	fetched  int64
	uncount  int64 // of sent, not in points yet
	nextSave time.Duration
}

// A Formula is how merit becomes a number.
type Formula uint8

const (
	// Points gives some for each hour and each MiB sent, and takes some for each
	// hour away.
	Points Formula = iota
	// Ratio is 100 times what was sent by what was fetched, as Kazaa's
	// "participation level" is remembered to have been.
	Ratio
)

var formulas = []string{"points", "ratio"}

// MarshalText writes the formula's name.
func (f Formula) MarshalText() ([]byte, error) { return []byte(formulas[f]), nil }

// UnmarshalText reads it.
func (f *Formula) UnmarshalText(b []byte) error { return choose((*uint8)(f), formulas, b) }

// A Trust is what a supernode believes of a child's reputation.
type Trust uint8

const (
	// Reported believes what the child says.
	Reported Trust = iota
	// Observed believes no more than what the hours give in which the child was
	// seen here.
	Observed
)

var trusts = []string{"reported", "observed"}

// MarshalText writes the name.
func (t Trust) MarshalText() ([]byte, error) { return []byte(trusts[t]), nil }

// UnmarshalText reads it.
func (t *Trust) UnmarshalText(b []byte) error { return choose((*uint8)(t), trusts, b) }

// recall takes up what an earlier life has saved, and counts the time since then.
func (m *merit) recall(env p2p.Env, cfg *Config) {
	m.points, m.at = firstReputation*milli, env.Now()
	var was merit
	var at int64
	if n, _ := fmt.Sscan(string(env.Disk().Load(meritAs)), &was.points, &at, &was.sent, &was.fetched); n == 4 {
		m.points, m.sent, m.fetched = was.points-hours(env.Now()-time.Duration(at), cfg.Away), was.sent, was.fetched
	}
	m.clamp()
}

// hours is so much an hour, in thousandths.
func hours(d time.Duration, each int) int64 {
	return max(0, d.Milliseconds()) * int64(each) / 3600
}

func (m *merit) clamp() { m.points = min(max(m.points, 0), maxReputation*milli) }

// count brings points up to now.
func (m *merit) count(now time.Duration, cfg *Config) {
	m.points += hours(now-m.at, cfg.Online)
	m.at = now
	mib := m.uncount >> 20
	m.uncount -= mib << 20
	m.points += mib * int64(cfg.Upload) * milli
	m.clamp()
}

// value is the reputation now.
func (m *merit) value(env p2p.Env, cfg *Config) int {
	m.count(env.Now(), cfg)
	if cfg.Reputation == Ratio {
		return m.ratio()
	}
	return int(m.points / milli)
}

func (m *merit) ratio() int {
	switch {
	case m.sent+m.fetched == 0:
		return firstReputation
	case m.sent >= 10*m.fetched:
		return maxReputation
	}
	return int(100 * m.sent / m.fetched)
}

// save keeps it now and then, and keep at once.
func (m *merit) save(env p2p.Env, cfg *Config) {
	if now := env.Now(); now >= m.nextSave {
		m.nextSave = now + meritEvery
		m.keep(env, cfg)
	}
}

func (m *merit) keep(env p2p.Env, cfg *Config) {
	m.count(env.Now(), cfg)
	env.Disk().Save(meritAs, fmt.Append(nil, m.points, int64(m.at), m.sent, m.fetched))
}

// gave counts what was sent to another node.
func (n *node) gave(bytes int64) {
	n.merit.sent += bytes
	n.merit.uncount += bytes
}

// claim is what a node says of its own reputation.
func (n *node) claim() uint16 {
	if n.cfg.Forge {
		return maxReputation
	}
	return uint16(n.merit.value(n.env, &n.cfg))
}

// believed is what this supernode takes a child's reputation for.
func (n *node) believed(c *child) int {
	if n.cfg.Trust == Observed {
		seen := firstReputation + int(hours(n.env.Now()-c.since, n.cfg.Online)/milli)
		return min(int(c.reported), seen)
	}
	return int(c.reported)
}
