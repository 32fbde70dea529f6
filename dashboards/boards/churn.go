package boards

import "peerbed/dashboards/grafana"

func churn() *grafana.Dashboard {
	return board{
		uid: "peerbed-churn", title: "Churn and partitions", question: "What do faults do to lookups, and how soon is the overlay whole again?",
		sel: chosen, by: "cluster", refresh: "10s", variables: []grafana.Variable{world(), run(), protocol()},
		rows: []row{
			{6, []*grafana.Panel{wide(14, lasting()), turnover()}},
			{8, []*grafana.Panel{success(), findTime()}},
			{8, []*grafana.Panel{failures(), repair()}},
			{8, []*grafana.Panel{members(), neighbours(), copies()}},
		},
	}.build()
}

func lasting() *grafana.Panel {
	return timeline("Faults", "Which fault lasts when: cut 2 is the second cut of the run; crash is all nodes that a crash took and that are not back. All panels below are marked at the same times.",
		"lasts", "over", false, curve{"{{cluster}} {{kind}} {{fault}}", `max by (BY, kind, fault) (peerbed_fault_active{SEL}) > bool 0`})
}

func turnover() *grafana.Panel {
	return timeseries("Joins and leaves", "ops", "Nodes a second that come (restarts too) and go (crashes and vanishing too).",
		curve{"{{cluster}} {{event}}", `sum by (BY, event) (rate(peerbed_churn_events_total{SEL}[WINDOW]))`})
}

func repair() *grafana.Panel {
	return timeseries("What repair costs", "mps", "Messages of class membership that the mean live node sends a second: what it takes to notice and to mend. The level without faults is the cost of watching.",
		curve{"{{cluster}}", perNode("BY", `rate(peerbed_messages_total{SEL,class="membership",direction="sent"}[WINDOW])`)})
}

func neighbours() *grafana.Panel {
	return timeseries("Neighbours a node", "none", "Mean number of other nodes that a live one would send to. It falls when the dead are noticed, and climbs back while tables are filled again.",
		curve{"{{cluster}}", perNode("BY", `peerbed_neighbours{SEL}`)})
}

func copies() *grafana.Panel {
	return timeseries("Copies of keys", "none", "What live nodes hold for the network, copies counted. What falls in a crash and does not come back is lost.",
		curve{"{{cluster}}", sum("BY", `peerbed_stored_keys{SEL}`)})
}
