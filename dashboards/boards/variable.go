package boards

import (
	"strings"

	"peerbed/dashboards/grafana"
)

// source is the choice of a Prometheus: peerbed serve, or any server with its
// series.
func source() grafana.Variable {
	return grafana.Variable{Name: "ds", Label: "Data source", Type: "datasource", Query: "prometheus", Refresh: 1,
		Description: "Who has the series: peerbed serve, or a Prometheus that they were sent to."}
}

// label lets the reader choose values of a label, of series that sel picks.
func label(name, title, description, sel string, sort int) grafana.Variable {
	return grafana.Variable{Name: name, Label: title, Description: description, Type: "query", DataSource: &prometheus,
		Query:   grafana.VariableQuery{Query: "label_values(peerbed_live_nodes{" + sel + "}, " + name + ")", RefID: "values", Type: grafana.LabelValues},
		Refresh: grafana.OnTimeRange, Sort: sort}
}

// several lets a variable have several values, at first all. All matches series
// without the label too, as nodes serve them that are scraped by themselves.
func several(v grafana.Variable) grafana.Variable {
	v.Multi, v.IncludeAll, v.AllValue = true, true, ".*"
	v.Current = &grafana.Choice{Text: []string{"All"}, Value: []string{"$__all"}}
	return v
}

func world() grafana.Variable {
	return several(label("world", "World", "Where nodes run: sim, proc or docker.", "", grafana.SortedByName))
}

func run() grafana.Variable {
	return label("run", "Run", "The name of the run's folder.", `world=~"$world"`, grafana.SortedDownward)
}

func protocol() grafana.Variable {
	return several(label("protocol", "Protocol", "What the nodes speak.", `world=~"$world",run=~"$run"`, grafana.SortedByName))
}

// cluster is the choice of networks of one protocol, or of any.
func cluster(protocol string) grafana.Variable {
	return label("cluster", "Network", "A run may have several networks, also of one protocol.",
		`world=~"$world",run=~"$run",protocol=~"`+protocol+`"`, grafana.SortedByName)
}

func node() grafana.Variable {
	v := label("node", "Node", "Single nodes have series in networks of up to 200.", "", grafana.SortedByName)
	v.Query = grafana.VariableQuery{Query: `label_values(peerbed_node_up{world=~"$world",run=~"$run",cluster=~"$cluster"}, node)`,
		RefID: "values", Type: grafana.LabelValues}
	v.Multi = true // at first the first: all would be too many curves
	return v
}

// every is how far apart a run's samples are.
func every() grafana.Variable {
	v := grafana.Variable{Name: "every", Label: "Measured every", Type: "custom",
		Description: "Networks of up to 200 nodes are measured every second, of 1000 every 5, and so on. Choose that or more, or curves are empty. More also smooths them."}
	values := []string{"1s", "5s", "15s", "1m", "5m"}
	v.Query = strings.Join(values, ",")
	for _, s := range values {
		v.Options = append(v.Options, grafana.Choice{Text: s, Value: s})
	}
	v.Current = &v.Options[0]
	return v
}
