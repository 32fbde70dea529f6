// Package classroom grades programming assignments: the program of a student plays
// the nodes of a network in the simulator, and what comes of it is held against an
// oracle that knows what is right.
//
//	m, err := classroom.Load("experiments/assignments/05-chord")
//	g, err := m.GradeFolder(ctx, bed, "mp5", classroom.Options{Course: m.NewCourse("fa27"), Time: classroom.DefaultTime})
//	err = g.Save("mp5")
//
// # Who does what
//
// The program is a process of its own and hears of the world line by line
// (package step), so that it can be written in any language, and so that the clock,
// the network, the scenarios and the verdicts are out of its reach. It is never asked
// whether it did well: an oracle works out what each find ought to bring from who is
// alive, and messages are counted where they are sent.
//
// An assignment is a folder: assignment.json (see Manifest), handout.md (a template),
// skeleton, reference, and variants. Mutants are the reference with a few characters
// changed. A course's key draws its Twists; the handout says them, and the oracle
// asks for them. The reference takes them by flags, so that it is the same for all
// courses.
//
// # What a seed draws
//
// How many nodes there are, their addresses and ids, who joins, crashes and leaves
// when, the delays, and what is looked for. Node 0 is everybody's contact and never
// fails. Public seeds are the same everywhere; hidden ones follow from a secret, the
// course's key and the test. A test passes if all its checks hold with all seeds; with
// fewer, breakpoints of the manifest give a share of its points. A test that needs one
// that did not pass is blocked.
//
// Some seeds are played once more with a process for each node. If a single line is
// then another, the nodes share what no message has carried, or the program is not
// deterministic: the test is worth nothing, and which of the two it is is said.
//
// # Why a failure is small
//
// What a seed drew is a hunt.Case; the first violation of a test is shrunk by
// hunt.Shrink as far as a few seconds allow, and kept as a file with its story. The
// file and the submission give the same lines again, byte for byte: Replay compares.
//
// # What a program may do
//
// Compute, and read its own folder: see package confine, which needs no privileges.
// What this machine does not enforce stands on the page of a grade. A program that
// ends, hangs, floods or answers what is no answer fails the test; one that could not
// be started or confined is the machine's fault, and never scored.
//
// Only who sleeps when an answer is due hangs: a busy machine takes nobody's points.
//
// # What is missing
//
// The container lane (real nodes); streams and disks for stepped programs; a
// space-time diagram, in whose place stands the list of events; a command that begins
// an assignment. Gradescope's zip was run by hand only, never on Gradescope. Without a
// secret anybody can work out the hidden seeds. A node's state is what the program
// tells of it: nothing else could show it, and finds and messages are what cannot be
// feigned.
package classroom
