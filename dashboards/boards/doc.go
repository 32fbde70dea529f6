// Package boards says what each dashboard shows, in Go; its JSON lies in
// dashboards/json, made by go test ./dashboards -update.
//
// Each board answers one question, which is its description, with about twelve
// panels at most. Every panel has a unit and a description that says how to read
// it. A query is PromQL as Prometheus 2.42 knows it, written as it is asked but
// for some words in capitals that are replaced for the whole board:
//
//	SEL     the matchers of what the reader has chosen: run, world, protocol ...
//	BY      the labels that tell curves apart: cluster, or run and cluster
//	WINDOW  $__rate_interval, the shortest time over which a rate is sound
//	WHOLE   60y, longer than any run: all of it, wherever in time it lies
//
// A run has its own time: a simulated one begins at 0, which Grafana shows as
// 1970-01-01 00:00:00. Curves need the board's time range to lie over the run
// (the board Runs leads to each with the right one); tables and bars of Compare
// ask for WHOLE, and so stand side by side whenever the runs were.
package boards
