package p2p

// A Traffic is what a world counted of one type of message at one node, since
// the node's process began. Counting is the world's work, at every send and
// delivery; a protocol holds no counter.
type Traffic struct {
	Kind  string // KindInfo.Name
	Class Class
	Sent, SentBytes,
	Received, ReceivedBytes uint64
}
