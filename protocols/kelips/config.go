package kelips

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Config is what can be chosen about a node. All nodes of a network need the
// same Groups and Place; the rest each may choose for itself.
//
// The paper gives the bytes of a message, the period and the targets. It does not
// say how a message is divided, nor when an entry is out of date: those are ours.
type Config struct {
	Introducer     string        `flag:"introducer" doc:"name:port of the introducer; empty: start a network of one's own"`
	Groups         int           `flag:"groups" default:"6" range:"1:65535" doc:"affinity groups (k), about the root of the number of nodes"`
	Contacts       int           `flag:"contacts" default:"2" range:"1:8" doc:"contacts that a node keeps in each other group; the lecture has 1, the paper 2"`
	Gossip         time.Duration `flag:"gossip" default:"2s" range:"20ms:10m" doc:"mean time between two rounds of gossip"`
	Bytes          int           `flag:"bytes" default:"272" range:"64:1472" doc:"most bytes of one message of gossip"`
	GroupTargets   int           `flag:"group-targets" default:"3" range:"0:32" doc:"members of its group that a node gossips to in a round"`
	ContactTargets int           `flag:"contact-targets" default:"3" range:"0:32" doc:"contacts that it gossips to in a round"`
	Members        int           `flag:"members" default:"4" range:"0:64" doc:"ration: entries of the sender's group in a message"`
	Others         int           `flag:"others" default:"2" range:"0:64" doc:"ration: entries of its contacts"`
	Tuples         int           `flag:"tuples" default:"8" range:"0:64" doc:"ration: file tuples, as many as still fit"`
	JoinRation     int           `flag:"join-ration" default:"20" range:"1:60" doc:"entries of the group, and as many contacts, that a newcomer is told at once"`
	Weight         int           `flag:"weight" default:"2" range:"0:3" doc:"targets are drawn with a chance as 1/rtt to this power; 0: all alike"`
	Eviction       Eviction      `flag:"eviction" default:"oldest" doc:"which contact makes room for one that is heard of: oldest (the one with the oldest heartbeat) or farthest (by round trip, as in the paper)"`
	Place          Place         `flag:"place" default:"lecture" doc:"where a file lies: lecture (at who published it) or paper (at a member of the file's group)"`
	Timeout        time.Duration `flag:"timeout" default:"60s" range:"200ms:10h" doc:"a member without a heartbeat for so long is dead"`
	ContactTimeout time.Duration `flag:"contact-timeout" default:"60s" range:"200ms:10h" doc:"a contact without a heartbeat for so long is dead"`
	TupleTimeout   time.Duration `flag:"tuple-timeout" default:"120s" range:"200ms:100h" doc:"a file tuple that was not refreshed for so long is forgotten"`
	Refresh        time.Duration `flag:"refresh" default:"20s" range:"50ms:100h" doc:"how often a node refreshes the tuples of its files"`
	Revive         int           `flag:"revive" default:"5" range:"0:1000" doc:"every so-many rounds, on average, a node gossips to one that it had forgotten, so that halves that were cut apart become one; 0: never, as published"`
	Tries          int           `flag:"tries" default:"4" range:"1:32" doc:"members of a file's group that may say that they do not know it before a lookup ends"`
	Patience       time.Duration `flag:"patience" default:"500ms" range:"20ms:10s" doc:"how long a node waits for an answer"`
	Largest        int64         `flag:"largest" default:"1073741824" range:"0:1099511627776" doc:"bytes of the largest file that a node stores for others (place=paper)"`
}

// pick reads the name of one of the variants of a mechanism: each is a small
// type that numbers its names.
func pick[V ~uint8](text []byte, names []string) (V, error) {
	i := slices.Index(names, string(text))
	if i < 0 {
		return 0, fmt.Errorf("one of %s", strings.Join(names, ", "))
	}
	return V(i), nil
}
