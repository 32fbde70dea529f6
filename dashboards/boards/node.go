package boards

import "peerbed/dashboards/grafana"

const oneOf = `run=~"$run",world=~"$world",cluster=~"$cluster",node=~"$node"`

func oneNode() *grafana.Dashboard {
	return board{
		uid: "peerbed-node", title: "One node", question: "What does a single node do, know and hold?",
		sel: oneOf, by: "node", refresh: "10s", variables: []grafana.Variable{world(), run(), cluster(".*"), node()},
		rows: []row{
			{6, []*grafana.Panel{timeline("Up", "When each chosen node ran, and when it was down or paused.", "up", "down", true,
				curve{"{{node}}", `max by (BY) (peerbed_node_up{SEL})`})}},
			{8, []*grafana.Panel{
				timeseries("Messages sent", "mps", "Messages a second that each chosen node sends. A server, a supernode or the owner of a popular key sends more than the others.",
					curve{"{{node}}", sum("BY", `rate(peerbed_node_messages_total{SEL,direction="sent"}[WINDOW])`)}),
				timeseries("Messages received", "mps", "Messages a second that each chosen node receives. Zero while others send to it means that they do not get through.",
					curve{"{{node}}", sum("BY", `rate(peerbed_node_messages_total{SEL,direction="received"}[WINDOW])`)}),
				stacked(timeseries("Bytes by class", "Bps", "Bytes that the chosen nodes together send a second, by class.",
					curve{"{{class}}", sum("class", `rate(peerbed_node_message_bytes_total{SEL,direction="sent"}[WINDOW])`)})),
			}},
			{8, []*grafana.Panel{
				timeseries("Neighbours", "none", "Other nodes that each chosen node would send to.", curve{"{{node}}", sum("BY", `peerbed_node_neighbours{SEL}`)}),
				timeseries("Entries by table", "none", "Entries in the tables of the chosen nodes, by the table's name in the protocol: successors, fingers, links ...",
					curve{"{{kind}}", sum("kind", `peerbed_node_state_entries{SEL}`)}),
				timeseries("Keys held", "none", "What each chosen node holds for the network. How evenly it lies is the balance of load.", curve{"{{node}}", sum("BY", `peerbed_node_stored_keys{SEL}`)}),
			}},
			{8, []*grafana.Panel{
				timeseries("Processor", "percentunit", "Share of one processor that each chosen node takes. In the simulator nodes take no time, and this is empty.",
					curve{"{{node}}", sum("BY", `rate(peerbed_node_cpu_seconds_total{SEL}[WINDOW])`)}),
				timeseries("Timer lag", "s", "How late 99 of 100 timers of each chosen node were at most: beyond some milliseconds it is the machine that is slow, not the protocol. Empty in the simulator.",
					curve{"{{node}}", `max by (BY) (peerbed_node_timer_lag_seconds{SEL})`}),
			}},
		},
	}.build()
}
