// Package metrics shows a node's counters to Prometheus, by the names of package
// vocabulary: those that are marked there as the nodes' own.
//
// Messages are counted by the loop, for protocols hold no metric; this package
// only reads. It is apart from node/control so that a harness, which imports
// that, does not carry a metrics library.
package metrics
