package bittorrent

import (
	"time"

	"peerbed/protocols/p2p"
)

const (
	wantPeers  = 50
	soon       = 2 * time.Second // after which a lonely leecher asks again
	afterError = 5 * time.Second // the first time; then doubled,
	mostError  = 30 * time.Second
)

// announce tells the trackers of this peer and asks for others.
func (t *torrent) announce(e Event) {
	if t.announcing != nil {
		if e != Periodic {
			t.event, t.due = e, t.c.env.Now() // when this one has ended
		}
		return
	}
	t.event = e
	t.due = t.c.env.Now() + time.Hour // until an answer, or none, says better
	t.announcing = t.c.run(t.announcement(e, t))
}

// announcement is the errand of announcing.
func (t *torrent) announcement(e Event, then p2p.Handler) *errand {
	if len(t.meta.Trackers) == 0 {
		t.meta.Trackers = t.c.ownTiers()
	}
	want := int32(wantPeers)
	if t.complete() || e == Stopped {
		want = 0 // a seed is found, and need not find
	}
	return &errand{tiers: t.meta.Trackers, then: then, ask: func(k *errand) {
		m := Announce{Hash: t.hash, ID: t.c.id, Port: t.c.env.Self().Port(), Uploaded: t.up, Downloaded: t.loaded,
			Left: t.left(), Event: e, Want: want, Host: k.at.host, Path: k.at.path}
		if k.at.udp {
			k.announce = m
			k.connect()
			return
		}
		p2p.Send(t.c.env, k.link, m)
	}}
}

// stop tells the trackers that this peer leaves the swarm.
func (t *torrent) stop(then p2p.Handler) *errand {
	return t.c.run(t.announcement(Stopped, then))
}

// Handle hears the trackers' answer.
func (t *torrent) Handle(_ p2p.Peer, m p2p.Msg) {
	t.announcing = nil
	now := t.c.env.Now()
	news := t.due <= now // something happened meanwhile
	a, ok := m.(*Announced)
	switch {
	case t.over:
		return
	case !ok || a.Failure != "":
		t.due = now + min(afterError<<t.failed, mostError, max(t.every, time.Second))
		t.failed = min(t.failed+1, 8)
	default:
		t.failed, t.every = 0, a.Interval
		if !news {
			t.event = Periodic
		}
		t.due = now + max(a.Interval, time.Second)
		t.seeds, t.leechers = int(a.Complete), int(a.Incomplete)
		t.meet(a.Peers)
		if len(t.peers) == 0 && !t.complete() {
			t.due = now + min(soon, max(a.Interval, time.Second)) // alone: ask again soon
		}
	}
	if news {
		t.due = now
	}
}
