package boards

import "peerbed/dashboards/grafana"

func runs() *grafana.Dashboard {
	p := table("Runs", "Every network of every run that this data source has, over all time. A click on a run opens it in the board Overview, with the time range in which it was: simulated runs lie at 1970-01-01, where virtual time begins.",
		[][2]string{{"run", "Run"}, {"cluster", "Network"}, {"world", "World"}, {"protocol", "Protocol"}},
		column{name: "Began", unit: "dateTimeAsIso", expr: `round(` + sum("BY", `min_over_time(peerbed_sample_time_seconds{SEL}[WHOLE])`) + ` * 1000)`},
		column{name: "Ended", unit: "dateTimeAsIso", expr: `round(` + sum("BY", `max_over_time(peerbed_sample_time_seconds{SEL}[WHOLE])`) + ` * 1000)`},
		column{name: "Lasted", unit: "dtdurations", expr: sum("BY", lasted)},
		column{name: "Nodes", unit: "none", expr: runNodes},
		column{name: "Lookups", unit: "none", expr: sum("BY", atEnd("peerbed_operations_total", `,`+lookups))},
		column{name: "Succeed", unit: "percentunit", expr: runFound, bounds: []float64{0.9, 0.99}},
	)
	p.Options = grafana.Table{ShowHeader: true, CellHeight: "sm", SortBy: []grafana.SortBy{{DisplayName: "Run", Desc: true}}}
	linked(p, "Run", opens("peerbed-overview", "Overview of this run"), opens("peerbed-churn", "Churn and partitions"), opens("peerbed-overlay", "Overlay"))
	d := board{
		uid: "peerbed-runs", title: "Runs", question: "Which runs are there, and when were they?",
		sel: `world=~"$world"`, by: "run, cluster, world, protocol", refresh: "30s", variables: []grafana.Variable{world()},
		rows: []row{{18, []*grafana.Panel{p}}},
	}.build()
	d.Annotations.List = d.Annotations.List[:1] // there is no curve
	return d
}

// opens leads from a line to a board, at the time of the line's run.
func opens(uid, title string) grafana.DataLink {
	return grafana.DataLink{Title: title,
		URL: "/d/" + uid + "?var-ds=${ds}&var-run=${__data.fields.Run.text}&from=${__data.fields.Began.numeric}&to=${__data.fields.Ended.numeric}"}
}
