// Package vocabulary is the one table of what peerbed measures: the name, kind,
// unit, labels and meaning of every series, in every world. The node's /metrics,
// the journal of a run, the store that Grafana asks and the boards in dashboards/
// all take the names from here; README.md beside it is the same table for people,
// and a test holds it current.
//
// Names follow Prometheus: they begin with peerbed_, units are base units
// (seconds, bytes), and what only grows ends in _total.
//
// Every series of a recorded run has the labels of Common. A label's values are
// bounded: by what the code lists (types of messages, operations, results), or
// by a stated number (nodes, faults).
//
// Series of a whole cluster are sums over its nodes, whatever its size, so that
// sum() of one gives the cluster and sum()/peerbed_live_nodes the mean. Series of
// single nodes have names of their own, peerbed_node_..., and the label "node";
// they exist in clusters of up to NodesInFull nodes. (With one name for both, a
// sum would count everything twice.)
//
// A node that is scraped by itself, by a Prometheus of one's own, serves those
// marked "by nodes too"; the scraper then adds what tells the node.
//
// The package lies below neither node nor harness, because neither may import
// the other and both use it. No protocol does: they hold no metric. It stands on
// the standard library alone.
package vocabulary
