package boards

import "peerbed/dashboards/grafana"

// claims is what the lecture says of N nodes.
const claims = `| | memory | lookup latency | messages a lookup |
|---|---|---|---|
| **Napster** | O(1), server O(N) | O(1) | O(1) |
| **Gnutella** | O(N) | O(N) | O(N) |
| **Chord** | O(log N) | O(log N) | O(log N) |
| **Pastry** | O(log N) | O(log N) | O(log N) |
| **Kelips** | O(√N) | O(1) | O(1) |

Gnutella's are the worst case: on random graphs a flood takes about log N steps, and a node keeps its links alone. FastTrack floods among supernodes only; BitTorrent's lookup is one question to a tracker.`

func compare() *grafana.Dashboard {
	return board{
		uid: "peerbed-compare", title: "Compare protocols", question: "What does each protocol pay for a lookup, and for being ready for one?",
		sel: chosen, by: "run, cluster", refresh: "30s", variables: []grafana.Variable{world(), several(run()), protocol()},
		rows: []row{
			{9, []*grafana.Panel{wide(8, text("The lecture's table", "What is to be compared: how cost grows with the number of nodes N.", claims)), measured()}},
			{8, price()},
			{8, []*grafana.Panel{load(), againstTheory(), bytesPerLookup()}},
			{9, []*grafana.Panel{side(success()), side(halfTime()), side(sentPerNode())}},
		},
	}.build()
}

var runNetwork = [][2]string{{"run", "Run"}, {"cluster", "Network"}}

// atEnd is what a counter or a state was at the end of the run.
func atEnd(metric, matchers string) string {
	return `last_over_time(` + metric + `{SEL` + matchers + `}[WHOLE])`
}

// mean is what a gauge was over the whole run.
func mean(metric, matchers string) string {
	return `avg_over_time(` + metric + `{SEL` + matchers + `}[WHOLE])`
}

// lasted is how many seconds of samples a network has.
const lasted = `(max_over_time(peerbed_sample_time_seconds{SEL}[WHOLE]) - min_over_time(peerbed_sample_time_seconds{SEL}[WHOLE]))`

// The figures of a whole run. Counters are read at its end, where they are totals.
var (
	runFound    = ratio("BY", atEnd("peerbed_operations_total", `,`+lookups+`,result="ok"`), atEnd("peerbed_operations_total", `,`+lookups))
	runMemory   = ratio("BY", mean("peerbed_state_entries", `,kind!~"`+ownThings+`"`), mean("peerbed_live_nodes", ``))
	runHops     = ratio("BY", atEnd("peerbed_lookup_hops_sum", ``), atEnd("peerbed_lookup_hops_count", ``))
	runMessages = ratio("BY", atEnd("peerbed_messages_total", `,class="lookup",direction="sent"`), atEnd("peerbed_operations_total", `,`+lookups))
	runBytes    = ratio("BY", atEnd("peerbed_message_bytes_total", `,class="lookup",direction="sent"`), atEnd("peerbed_operations_total", `,`+lookups))
	runNodes    = sum("BY", `max_over_time(peerbed_live_nodes{SEL}[WHOLE])`)
	runUpkeep   = ratio("BY", atEnd("peerbed_message_bytes_total", `,class="membership",direction="sent"`), mean("peerbed_live_nodes", ``)+` * `+lasted)
)

// ownThings are tables that are no price of a network: what a user shares or
// fetches, what is kept for pictures, and further points of a node.
const ownThings = "library|torrents|seen|points"

// runTime is the time within which a share q of the finds of a run ended.
func runTime(q float64) string {
	return quantile(q, "BY", "last_over_time", "peerbed_operation_duration_seconds", `SEL,op="find"`, "WHOLE")
}

func measured() *grafana.Panel {
	p := table("The same, measured", "One line for each network of the chosen runs, over the whole run, wherever in time it lies. log₂ N and √N are of the nodes of the line, to judge the others by: Chord and Pastry should go with the first, Kelips' memory with the second, flooding with N itself.",
		runNetwork,
		column{name: "N", unit: "none", expr: runNodes},
		column{name: "log₂ N", unit: "none", expr: `log2(` + runNodes + `)`},
		column{name: "√N", unit: "none", expr: `sqrt(` + runNodes + `)`},
		column{name: "Entries a node", unit: "none", expr: runMemory},
		column{name: "Hops", unit: "none", expr: runHops},
		column{name: "Half within", unit: "s", expr: runTime(0.5)},
		column{name: "Messages a lookup", unit: "none", expr: runMessages},
		column{name: "Bytes a lookup", unit: "decbytes", expr: runBytes},
		column{name: "Upkeep a node", unit: "Bps", expr: runUpkeep},
		column{name: "Succeed", unit: "percentunit", expr: runFound, bounds: []float64{0.9, 0.99}},
	)
	p.FieldConfig.Defaults.Decimals = grafana.Of(1)
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, integers("N"))
	return p
}

// both is how a network is called on a board of several runs.
const both = "{{cluster}} · {{run}}"

func price() []*grafana.Panel {
	return []*grafana.Panel{
		bars("Memory: entries a node", "none", "Mean number of entries in the tables of a node: whom and what it has to know of others; its own files are not counted. A server's are shared out among all, so Napster looks smaller here than its server is; the board One node shows that.",
			curve{both, runMemory}),
		bars("Latency: half find within", "s", "The median of the time to find. It is hops times the delay of links, and what timeouts add.", curve{both, runTime(0.5)}),
		bars("Messages a lookup", "none", "Messages of class lookup that all nodes together send for one find or fetch. This is where a flood pays.", curve{both, runMessages}),
		bars("Upkeep: bytes a node and second", "Bps", "What a node sends of class membership: pings, stabilization, gossip. This is where a structured overlay pays, and the more the quicker it repairs itself.",
			curve{both, runUpkeep}),
	}
}

func load() *grafana.Panel {
	return bars("Busiest node", "none", "How many times the mean node's messages the busiest one sends and receives. 1 is a load that is shared evenly; a server or a supernode stands out. For networks of up to 200 nodes.",
		curve{both, `max by (BY) (sum by (BY, node) (` + atEnd("peerbed_node_messages_total", ``) + `)) / avg by (BY) (sum by (BY, node) (` + atEnd("peerbed_node_messages_total", ``) + `))`})
}

func againstTheory() *grafana.Panel {
	return bars("Hops beside log₂ N", "none", "Mean hops of a find, and under it the logarithm of the nodes that there were. Chord takes about half of the logarithm, Pastry a quarter of it (its digits have four bits), Napster and Kelips a constant.",
		curve{both, runHops}, curve{"log₂ N · " + both, `log2(` + runNodes + `)`})
}

func bytesPerLookup() *grafana.Panel {
	return bars("Bytes a lookup", "decbytes", "Bytes of class lookup that all nodes together send for one find or fetch; the file itself is not among them.", curve{both, runBytes})
}

func halfTime() *grafana.Panel {
	return timeseries("Time to find, median", "s", "Half of the finds end within this time.", curve{"{{cluster}}", within(0.5, "find", "BY", window)})
}

func sentPerNode() *grafana.Panel {
	return timeseries("Messages a node", "mps", "Messages that the mean live node sends a second, of all classes.",
		curve{"{{cluster}}", perNode("BY", `rate(peerbed_messages_total{SEL,direction="sent"}[WINDOW])`)})
}

// side has p tell runs apart. Its curves need runs that lie at the same time.
func side(p *grafana.Panel) *grafana.Panel {
	for i, t := range p.Targets {
		q := t.(grafana.PromQL)
		q.Legend = both
		p.Targets[i] = q
	}
	p.Description += " Curves show runs that lie within the board's time range; the bars above show all."
	return p
}
