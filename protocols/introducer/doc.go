// Package introducer is how a newcomer finds a network: a well-known host,
// given by name, that remembers who joined lately and names some of them to
// whoever asks. The lecture's way to join any peer-to-peer system is just
// this: an HTTP request to a well-known place.
//
// The introducer is an ordinary Node ([Protocol]) that runs in every world. It
// takes no part in the network it introduces to: once nodes have joined, its
// death harms nobody, and newcomers wait until it is back.
//
// # What goes over the wire
//
// HTTP/1.1 on the node's port, so that a person can ask with curl:
//
//	GET /peers?self=10.0.0.7:7000   who is there? self is where the asker listens
//	  200, one address a line       join through one of these
//	  204                           nobody: you are the first, start a network
//	  503                           somebody else is about to be the first: ask again
//	PUT /joined?self=10.0.0.7:7000  I have joined, and can introduce others
//	  200                           noted
//
// Without self, GET only looks: the answer 204 then appoints nobody.
//
// # Who is the first
//
// If two newcomers who ask at once were both told that nobody is there, two
// networks would grow. So only one is appointed, and has [Config].Patience to
// report that it joined; until then the others are told to ask again.
//
// A node that asks is not in the network (any more), so it is forgotten until
// it reports again. That lets a network start anew after all its nodes crashed
// at once. Entries are not checked otherwise: a newcomer tries several. What it
// remembers outlives its own crash, so that nobody starts a second network.
//
// # Protocols and the introducer
//
// [Client] is the other side: a field of every protocol's Node.
package introducer
