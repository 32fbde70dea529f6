package boards

import "peerbed/dashboards/grafana"

const chosen = `run=~"$run",world=~"$world",protocol=~"$protocol"`

// byNetwork are the labels that begin a line of a table.
var byNetwork = [][2]string{{"cluster", "Network"}}

func overview() *grafana.Dashboard {
	return board{
		uid: "peerbed-overview", title: "Overview", question: "Is the network healthy, and what does a lookup cost?",
		sel: chosen, by: "cluster", refresh: "10s", variables: []grafana.Variable{world(), run(), protocol()},
		rows: []row{
			{4, health()},
			{7, []*grafana.Panel{costs()}},
			{8, []*grafana.Panel{success(), findTime()}},
			{8, []*grafana.Panel{byClass(), failures(), members()}},
			{8, []*grafana.Panel{timeMap(), hopsOverTime()}},
		},
	}.build()
}

// health is the first row of several boards: one glance.
func health() []*grafana.Panel {
	return []*grafana.Panel{
		stat("Live nodes", "none", "Nodes that run and are not paused, of all nodes that the network was made of. They differ while a crash or churn lasts.", nil,
			curve{"live", `sum(peerbed_live_nodes{SEL})`}, curve{"of", `sum(peerbed_nodes{SEL})`}),
		overall(stat("Lookups that succeed", "percentunit",
			"Finds and fetches without an error, of all that ended within the board's time range. Below 99 % is yellow, below 90 % red. What only crashed nodes held cannot be found, so a dip in a crash is no fault of the protocol.",
			[]float64{0.9, 0.99}, curve{"", found("", "$__range")})),
		overall(stat("Time to find", "s", "Half of the finds end within the first time, 19 of 20 within the second. In the simulator this is virtual time.", nil,
			curve{"half", within(0.5, "find", "", "$__range")}, curve{"19 of 20", within(0.95, "find", "", "$__range")})),
		stat("Faults now", "none", "Cuts, crashes, losses and other disturbances that last at the end of the time range. Red stretches on the curves below are the same.",
			[]float64{2, 1}, curve{"", `sum(peerbed_fault_active{SEL}) or sum(peerbed_live_nodes{SEL}) * 0`}),
	}
}

func costs() *grafana.Panel {
	by, over := "BY", "$__range"
	p := table("What a lookup costs", "One line for each network of the run, over the board's whole time range. Messages and bytes are those of class lookup, sent by all nodes, divided by the lookups; upkeep is what each node sends of class membership when nobody asks anything.",
		byNetwork,
		column{name: "Live", unit: "none", expr: sum(by, `last_over_time(peerbed_live_nodes{SEL}[$__range])`)},
		column{name: "Succeed", unit: "percentunit", expr: found(by, over), bounds: []float64{0.9, 0.99}},
		column{name: "Half within", unit: "s", expr: within(0.5, "find", by, over)},
		column{name: "19 of 20 within", unit: "s", expr: within(0.95, "find", by, over)},
		column{name: "Hops", unit: "none", expr: hops(by, over)},
		column{name: "Messages", unit: "none", expr: perLookup("peerbed_messages_total", by, over)},
		column{name: "Bytes", unit: "decbytes", expr: perLookup("peerbed_message_bytes_total", by, over)},
		column{name: "Neighbours a node", unit: "none", expr: ratio(by, `avg_over_time(peerbed_neighbours{SEL}[$__range])`, `avg_over_time(peerbed_live_nodes{SEL}[$__range])`)},
		column{name: "Upkeep a node", unit: "Bps", expr: ratio(by, `rate(peerbed_message_bytes_total{SEL,class="membership",direction="sent"}[$__range])`, `avg_over_time(peerbed_live_nodes{SEL}[$__range])`)},
	)
	p.FieldConfig.Defaults.Decimals = grafana.Of(2)
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, integers("Live"))
	return p
}

// integers shows a column without decimals.
func integers(column string) grafana.Override {
	return grafana.Override{Matcher: grafana.Matcher{ID: "byName", Options: column}, Properties: []grafana.Property{{ID: "decimals", Value: 0}}}
}

func success() *grafana.Panel {
	return share(timeseries("Success", "percentunit",
		"Share of finds and fetches that end without an error. It should return to 100 % soon after a fault (red) is over; where it does not, the overlay has not repaired itself.",
		curve{"{{cluster}}", found("BY", window)}))
}

func findTime() *grafana.Panel {
	return timeseries("Time to find", "s",
		"Half of the finds end within the lower curve of a network, 19 of 20 within the upper. Timeouts on dead nodes show as steps of the protocol's retry time.",
		curve{"{{cluster}} half", within(0.5, "find", "BY", window)}, curve{"{{cluster}} 19 of 20", within(0.95, "find", "BY", window)})
}

func byClass() *grafana.Panel {
	return stacked(timeseries("Messages by class", "mps",
		"Messages that all nodes send a second: lookup is what users cause, membership what the overlay costs to keep, transfer the files themselves.",
		curve{"{{class}}", `sum by (class) (rate(peerbed_messages_total{SEL,direction="sent"}[WINDOW]))`}))
}

func failures() *grafana.Panel {
	p := stacked(timeseries("Failures by reason", "ops",
		"Operations a second that did not succeed, by the error: not_found answers, timeout had no answer. Nothing here is good news.",
		curve{"{{op}} {{result}}", `sum by (op, result) (rate(peerbed_operations_total{SEL,result!="ok"}[WINDOW]))`}))
	p.FieldConfig.Defaults.NoValue = "nothing has failed"
	return p
}

func members() *grafana.Panel {
	return timeseries("Live nodes", "none", "Nodes that run and are not paused. Steps are crashes and restarts, a slope is churn.",
		curve{"{{cluster}}", `sum by (BY) (peerbed_live_nodes{SEL})`})
}

func timeMap() *grafana.Panel {
	return heatmap("Time to find, all of it", "s",
		"How many finds ended within each time. Two bands mean two kinds of lookup: answered at once, and answered after a timeout.",
		curve{"{{le}}", `sum(increase(peerbed_operation_duration_seconds{SEL,op="find"}[WINDOW]))`})
}

func hopsOverTime() *grafana.Panel {
	return timeseries("Hops", "none", "Mean number of nodes that a successful find contacted. Chord and Pastry grow with the logarithm of the live nodes, Kelips and Napster do not.",
		curve{"{{cluster}}", hops("BY", window)})
}
