package boards

import "peerbed/dashboards/grafana"

const oneNetwork = `run=~"$run",world=~"$world",cluster=~"$cluster"`

// overlay is refreshed seldom: the picture is laid out anew each time.
func overlay() *grafana.Dashboard {
	return board{
		uid: "peerbed-overlay", title: "Overlay", question: "Who is linked to whom?",
		sel: oneNetwork, by: "node", refresh: "", variables: []grafana.Variable{world(), run(), cluster(".*")},
		rows: []row{
			{18, []*grafana.Panel{wide(16, graph()), degrees()}},
			{8, []*grafana.Panel{spread(), nodesUp()}},
		},
	}.build()
}

// graph shows the overlay as it was at the end of the time range: dragging over
// a curve below rewinds it. Its two answers must be called nodes and edges.
func graph() *grafana.Panel {
	p := panel("nodeGraph", "The overlay at the end of the time range",
		"none", "Every node, with the number of its neighbours in it, and whom it would send to. Choose a shorter time range to look back: the picture is of its end, or, if the run had ended by then, of all links that there were in it. Networks of up to 200 nodes; a cut shows as two islands.",
		[]curve{
			{"", `sum by (id, title, subtitle) (` + now("peerbed_node_info") + ` * on (run, cluster, node) group_left () last_over_time(peerbed_node_neighbours{SEL}[$__range]))`},
			{"", `max by (id, source, target) ` + now("peerbed_edge_info")},
		})
	p.Targets = once(p.Targets, "table")
	for i, name := range []string{"nodes", "edges"} {
		q := p.Targets[i].(grafana.PromQL)
		q.RefID = name
		p.Targets[i] = q
	}
	p.Transformations = []grafana.Transformation{{ID: "organize", Options: grafana.Organize{
		Exclude: map[string]bool{"Time": true}, Order: map[string]int{},
		Rename: map[string]string{"Value #nodes": "mainstat", "Value #edges": "thickness"}}}}
	p.Options = grafana.NodeGraph{ZoomMode: "cooperative", LayoutAlgorithm: "force"}
	return p
}

// now is what an info tells at the end of the time range. If the run was over by
// then, it is all that was true in the range: the panel breaks where there are no
// nodes at all.
func now(info string) string {
	return `(` + info + `{SEL} or (last_over_time(` + info + `{SEL}[$__range]) unless on (run, cluster) ` + info + `{SEL}))`
}

func degrees() *grafana.Panel {
	return table("Degrees", "Each node with how many others it would send to and what it holds, at the end of the time range.",
		[][2]string{{"node", "Node"}},
		column{name: "Neighbours", unit: "none", expr: sum("BY", `last_over_time(peerbed_node_neighbours{SEL}[$__range])`)},
		column{name: "Keys", unit: "none", expr: sum("BY", `last_over_time(peerbed_node_stored_keys{SEL}[$__range])`)})
}

func spread() *grafana.Panel {
	return timeseries("Neighbours of nodes", "none", "The best connected node, the mean and the worst. A worst of 0 is a node that is alone.",
		curve{"best", `max ` + up(`peerbed_node_neighbours{SEL}`)}, curve{"mean", `avg ` + up(`peerbed_node_neighbours{SEL}`)}, curve{"worst", `min ` + up(`peerbed_node_neighbours{SEL}`)})
}

func nodesUp() *grafana.Panel {
	return timeline("Nodes", "When each node ran. Drag over it to see the overlay at that time.", "up", "down", true,
		curve{"{{node}}", `max by (BY) (peerbed_node_up{SEL})`})
}
