package bittorrent

import (
	"fmt"
	"time"

	"peerbed/protocols/p2p"
)

// Config tunes a peer.
type Config struct {
	Introducer string        `flag:"introducer" doc:"host:port that names the trackers; empty: those of -tracker, or of each torrent"`
	Role       Role          `flag:"role" default:"peer" doc:"peer, or tracker: a peer that is the tracker too"`
	Tracker    string        `flag:"tracker" doc:"URLs of trackers for what this node publishes, with commas between several: http://HOST:PORT/announce or udp://HOST:PORT"`
	Interval   time.Duration `flag:"interval" default:"30s" range:"1s:1h" doc:"tracker: how often peers are to announce; it forgets who has not for twice as long"`
	Patience   time.Duration `flag:"patience" default:"5s" range:"100ms:5m" doc:"how long a peer waits for a tracker's answer"`
	GiveUp     time.Duration `flag:"give-up" default:"5m" range:"1s:9m" doc:"how long a fetch goes on while nothing comes"`

	PieceLen    int  `flag:"piece" default:"262144" range:"16384:16777216" doc:"bytes of a piece of what this node publishes; longer if there would be more than 16 000"`
	Files       bool `flag:"torrent-files" default:"false" doc:"write NAME.torrent beside what is published"`
	Pick        Pick `flag:"pick" default:"rarest" doc:"which piece a peer begins next: rarest (the one that the fewest neighbours have), random, sequential"`
	RandomFirst int  `flag:"random-first" default:"1" range:"0:1000" doc:"rarest: how many pieces are chosen at random before, to have something to give"`
	Pipeline    int  `flag:"pipeline" default:"64" range:"1:1000" doc:"blocks of 16 KiB that a peer asks another for at a time; it begins with five"`
	EndGame     bool `flag:"end-game" default:"true" doc:"ask everybody for the last blocks"`

	Slots      int           `flag:"slots" default:"4" range:"0:1000" doc:"neighbours that are unchoked for what they do"`
	Optimistic bool          `flag:"optimistic" default:"true" doc:"unchoke one more, drawn anew every third time, whatever it does"`
	Rechoke    time.Duration `flag:"rechoke" default:"10s" range:"100ms:10m" doc:"how often a peer decides anew whom to choke"`
	Eager      bool          `flag:"eager" default:"true" doc:"give a slot that is free away at once, not when it is decided next"`
	Leech      Rule          `flag:"leech-rule" default:"reciprocal" doc:"who is unchoked while one has not all: reciprocal (those who give most), fastest (those who take most), rotate, random"`
	Seed       Rule          `flag:"seed-rule" default:"rotate" doc:"and once one has: rotate (each for a while), fastest (the older rule), random"`
	Snub       time.Duration `flag:"snub" default:"1m" range:"1s:1h" doc:"who owes a block for so long is unchoked no more"`
	Freeload   bool          `flag:"freeload" default:"false" doc:"give nothing"`

	Peers    int     `flag:"peers" default:"40" range:"1:10000" doc:"neighbours in a swarm above which no more are dialled"`
	MaxPeers int     `flag:"max-peers" default:"80" range:"1:10000" doc:"neighbours in a swarm above which all others are refused"`
	Fast     bool    `flag:"fast" default:"true" doc:"offer the fast extension (BEP 6)"`
	Pex      bool    `flag:"pex" default:"true" doc:"tell neighbours of others (BEP 11)"`
	UpRate   int64   `flag:"up-rate" default:"0" range:"0:10000000000" doc:"bytes a second that this node gives at most; 0: no limit"`
	DownRate int64   `flag:"down-rate" default:"0" range:"0:10000000000" doc:"bytes a second that it asks for at most; 0: no limit"`
	Ratio    float64 `flag:"ratio" default:"0" range:"0:1000" doc:"a seed ends when it has given so many times the torrent's length; 0: never"`
}

// Protocol is BitTorrent.
var Protocol = &p2p.Protocol{
	Name:      "bittorrent",
	Doc:       "fetches pieces of a file from all who have them, and gives to those who give; a tracker knows who is there",
	Config:    p2p.Default[Config](),
	New:       newClient,
	Kinds:     kinds,
	Ticks:     []string{"tend", "rechoke"},
	Datagrams: newPackets,
	Accept:    accept,
	Cast:      Swarm,
	Ideal:     ideal,
	Detail:    Detail{},
	Whole:     Joined,
}

// Role says whether a node is a tracker.
type Role string

const (
	peerRole    Role = "peer"
	trackerRole Role = "tracker"
)

// MarshalText returns the role's name.
func (r Role) MarshalText() ([]byte, error) { return []byte(r), nil }

// UnmarshalText reads it.
func (r *Role) UnmarshalText(b []byte) error {
	return oneOf((*string)(r), b, string(peerRole), string(trackerRole))
}

// oneOf sets a setting that has few values.
func oneOf(to *string, b []byte, values ...string) error {
	for _, v := range values {
		if v == string(b) {
			*to = v
			return nil
		}
	}
	return fmt.Errorf("one of %v", values)
}

// Swarm is the cast of n nodes: a tracker and peers.
func Swarm(n int) p2p.Cast {
	c := p2p.Same(n, p2p.Role{Name: "peer"})
	if n > 0 {
		cfg := p2p.Default[Config]()
		cfg.Role = trackerRole
		c[0] = p2p.Role{Name: "tracker", Config: cfg}
	}
	return c
}
