// Package metrics shows a node's counters to Prometheus: the same vocabulary
// that the harness records in every world.
//
//	peerbed_messages_total{protocol,type,class,direction}
//	peerbed_message_bytes_total{protocol,type,class,direction}
//	peerbed_malformed_datagrams_total{protocol}
//	peerbed_streams{protocol}
//	peerbed_operations_total{protocol,op,result}
//	peerbed_operation_duration_seconds{protocol,op}   native histogram
//	peerbed_lookup_hops{protocol}                     native histogram
//
// Messages are counted by the loop, for protocols hold no metric; this package
// only reads. It is apart from node/control so that a harness, which imports
// that, does not carry a metrics library.
package metrics
