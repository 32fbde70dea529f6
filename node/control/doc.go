// Package control is how a harness, or a user, speaks to one node: HTTP with
// JSON bodies, on a connection that does not touch the network under test.
//
//	GET  /health    Health: which protocol, which address
//	POST /start     starts a node that was told to wait
//	POST /do        DoRequest -> DoReply: a wish, answered when it is done
//	GET  /inspect   StateReply
//	GET  /counters  CountersReply
//	PUT  /net       Net: the gate and the links of this node
//	POST /probe     ProbeRequest -> ProbeReply
//	GET  /probes/N  HeardReply: what came of the series N of probes
//	PUT  /blob      ?name=NAME: the body becomes a blob on the node's disk
//	GET  /blob      ?name=NAME: the bytes of a blob
//
// The node binary adds GET /metrics and /debug/pprof/. An error is a status
// code and one sentence of text.
//
// There are two ways to it. A node of a harness dials a unix socket that the
// harness listens on, and serves there (Serve with Dialled): HTTP/2 without
// TLS, so that many wishes can be under way on the one connection; the node
// needs no port for it, and the socket says which node it is. A node that is
// run by hand listens on a loopback port and wants a token (Guard).
//
// Errors of package p2p keep their identity on the way: their sentinel's text
// travels beside the sentence.
package control
