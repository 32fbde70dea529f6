// Package step lets a Node of protocols/p2p be a program of its own that is
// stepped over standard input and output. It is the Go side of the protocol that
// a class's grader speaks with programs in any language:
//
//	func main() { step.Main(protocol) }
//
// # The protocol
//
// UTF-8 text, a line of JSON each way. The grader writes one line, which is an
// event at one node; the program answers with one line, which is the array of all
// that this node does about it, often []. Between two lines the program does
// nothing. It may play many nodes; they are told apart by "node", a number that is
// never used again: a node that comes back after a crash is a new one, with its old
// address. Times are whole nanoseconds of the grader's clock; no other clock counts.
// What is written to standard error is shown to whoever wrote the program.
//
// Events, each with "node" and "now":
//
//	{"event":"start","self":"10.1.2.3:4000","seed":7,"config":{"contact":"10.9.8.7:4000"}}
//	{"event":"message","from":"10.9.8.7:4000","body":ANY}
//	{"event":"timer","timer":3}
//	{"event":"do","op":1,"do":"find","name":"3fa2"}
//	{"event":"inspect"}
//	{"event":"stop"}
//
// start is a node's first. self is where it is reached, seed what it draws random
// numbers from, config what the assignment gives it. do is a user's wish: find, or
// leave. stop says that the node is no more; the answer is [].
//
// Actions:
//
//	{"send":"10.9.8.7:4000","body":ANY}      a datagram; it may be lost, and overtaken
//	{"after":500000000,"timer":3}            timer 3 comes in half a second
//	{"result":1,"found":["10.1.2.3:4000"],"id":"3fa2","hops":2,"error":""}
//	{"state":{"id":"3fa2","neighbours":["10.9.8.7:4000"],"detail":{...}}}
//
// body is any JSON value; on the network it counts as many bytes as its shortest
// text, and beyond 1472 it is never delivered. A result ends a wish and comes once.
// A state answers inspect. All but send, after, result and state may be left out of
// an action. Timers cannot be taken back: a program ignores those it no longer
// wants.
//
// A line of an answer has at most 1 MiB and 4096 actions.
//
// # What is missing
//
// Streams, disks and names (Env.Dial, Disk, Resolve) are not stepped: a protocol
// that asks for them ends with a sentence that says so.
package step
