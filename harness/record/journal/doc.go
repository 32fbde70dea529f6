// Package journal is the one append-only file of a run, out/RUN/run.jsonl: what
// was asked, what was done to the network, what every operation came to, and what
// was measured, written while the run goes on. It is the source of truth: the
// report, the time-series store and CSV are made from it, and can be made again.
//
// Each line is a JSON object with one key, its kind (see Line). The first line is
// the "run". Every other line but "verdict" and "figure" names its cluster, for a run may have
// several, one after the other or side by side; each announces itself by a
// "cluster" line before it is named. Times (At) are since the cluster's world
// began, in nanoseconds: virtual in the simulator, real elsewhere; Cluster.Started
// says when 0 was.
//
// Numbers over time come in two kinds of lines: a "series" gives a number to a
// metric of package vocabulary and its labels, once; a "sample" has pairs of such
// a number and a value. What a sample leaves out is as it was before.
//
// A run that is killed leaves a file that is readable up to its last line, of
// which half may be missing: each line is one write, and nothing is held back.
// Reader skips what cannot be read and tells where it was.
//
// A reader of version V reads all versions up to V. Kinds and fields that it does
// not know, it passes over.
package journal
