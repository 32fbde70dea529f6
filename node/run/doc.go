// Package run is the whole of the node binary but its list of protocols. A
// node that speaks protocols of one's own is three lines:
//
//	package main
//
//	func main() { run.Main(mine.Protocol) }
//
// It can also be an introducer. The harness builds the program of the module that
// an experiment lies in, if that has one (see harness.NodeProgram).
//
// A node prints one line when it listens and then nothing. SIGTERM and SIGINT
// have it leave its network (Leave, for at most three seconds) and exit with 0;
// a panic of its protocol exits with 1 and tells where; SIGKILL is a crash. What is
// wrong with its flags is said in one sentence, with exit code 2; what is wrong
// with the machine (a port in use, a folder that cannot be read) likewise, with 1.
//
// A node is thrifty, since there are many on a machine: GOGC is 50 and GOMAXPROCS
// 1 where the environment does not say otherwise.
package run
