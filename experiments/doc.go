// Package experiments asks questions of the protocols, one file a question.
// Each is a plain test that runs in every world:
//
//	go test ./experiments -run 'TestTour$' -v -count=1 -args -nodes 24 -backend docker
//
// Without flags an experiment uses its quick size and the world that is there.
// What it measured lies in out/ at the module's root afterwards: the journal
// of the run, and for some experiments a page to look at.
//
// Tests that are named by a claim (TestChordC5PathLength, TestGnutellaGN8Pings)
// measure what a lecture or a paper says, in the simulator and over several
// seeds, and print measured against expected. Their quick sizes belong to the test
// suite; with -paper they have the papers' sizes, and take minutes:
//
//	go test ./experiments -run 'TestChord|TestGnutella' -v -count=1
//	go test ./experiments -run TestChordTableII -v -count=1 -timeout 60m -args -paper
//
// TestWorldsAgree and TestSwarmsAgree hold the simulator against real nodes.
//
// This package is also the example to copy: an experiment of one's own, in
// one's own module, needs harness, a protocol and nothing of what lies here.
package experiments
