package loop

import (
	"slices"
	"time"

	"peerbed/node/control"
	"peerbed/protocols/p2p"
)

// A counter is what passed of one kind of message.
type counter struct{ sent, sentBytes, received, receivedBytes uint64 }

func (l *Loop) countSent(m p2p.Msg) {
	c := &l.count[m.Kind()]
	c.sent++
	c.sentBytes += uint64(m.Size())
}

func (l *Loop) countReceived(m p2p.Msg) {
	c := &l.count[m.Kind()]
	c.received++
	c.receivedBytes += uint64(m.Size())
}

// Counters tells what was counted since the process began, and the worst
// lateness of a timer since the last call.
func (l *Loop) Counters() (control.CountersReply, error) {
	var r control.CountersReply
	err := l.Call(func() {
		r.Lag, l.lag = l.lag, 0
		r.Lags = slices.Clone(l.lags)
		r.Traffic = l.traffic()
	})
	r.CPU, r.Throttled = used(), throttled()
	return r, err
}

// A Snapshot is what metrics read: it takes nothing away from Counters.
type Snapshot struct {
	Traffic   []p2p.Traffic
	Malformed uint64        // datagrams that no codec could read
	Streams   int           // that stand or are being dialled
	Uptime    time.Duration // since the loop was made
}

// Snapshot tells what was counted since the process began.
func (l *Loop) Snapshot() (Snapshot, error) {
	var s Snapshot
	err := l.Call(func() {
		s = Snapshot{l.traffic(), l.bad, len(l.streams), l.now()}
	})
	return s, err
}

func (l *Loop) traffic() []p2p.Traffic {
	var list []p2p.Traffic
	for k, c := range l.count {
		if c == (counter{}) {
			continue
		}
		list = append(list, p2p.Traffic{
			Kind: l.kinds[k].Name, Class: l.kinds[k].Class,
			Sent: c.sent, SentBytes: c.sentBytes, Received: c.received, ReceivedBytes: c.receivedBytes,
		})
	}
	return list
}
