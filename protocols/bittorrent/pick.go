package bittorrent

// Pick is how a peer chooses which piece it begins next.
type Pick string

const (
	rarest     Pick = "rarest"
	random     Pick = "random"
	sequential Pick = "sequential"
)

// MarshalText returns the variant's name.
func (p Pick) MarshalText() ([]byte, error) { return []byte(p), nil }

// UnmarshalText reads it.
func (p *Pick) UnmarshalText(b []byte) error {
	return oneOf((*string)(p), b, string(rarest), string(random), string(sequential))
}

// A picker says how much it likes to begin with a piece that so many
// neighbours have: the lower the better. Among equals one is drawn.
type picker func(t *torrent, i int) int

var pickers = map[Pick]picker{
	rarest: func(t *torrent, i int) int {
		if t.have.count < t.c.cfg.RandomFirst {
			return 0 // to have something to give soon, any piece will do
		}
		return int(t.avail[i])
	},
	random:     func(*torrent, int) int { return 0 },
	sequential: func(_ *torrent, i int) int { return i },
}

// pick returns the piece to begin, of those that p has and that are neither
// here nor under way; -1: there is none.
func (t *torrent) pick(p *peer) int {
	like := pickers[t.c.cfg.Pick]
	best, found, equal := 0, -1, 0
	for w, word := range p.have.words {
		word &^= t.have.words[w] | t.started.words[w]
		for ; word != 0; word &= word - 1 {
			i := w<<6 + trailing(word)
			switch k := like(t, i); {
			case found < 0 || k < best:
				best, found, equal = k, i, 1
			case k == best:
				if equal++; t.c.env.Rand().IntN(equal) == 0 {
					found = i
				}
			}
		}
	}
	return found
}
