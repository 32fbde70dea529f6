package boards

import (
	"slices"
	"strings"

	"peerbed/dashboards/grafana"
)

// All are the boards, in the order in which a reader wants them.
func All() []*grafana.Dashboard {
	all := []*grafana.Dashboard{runs(), overview(), compare(), churn()}
	all = append(all, protocols()...)
	return append(all, oneNode(), overlay(), profiles())
}

// Tag is on every board; links between boards go by it.
const Tag = "peerbed"

// The data sources, as the reader has chosen them.
var (
	prometheus = grafana.DataSource{Type: "prometheus", UID: "${ds}"}
	pyroscope  = grafana.DataSource{Type: "grafana-pyroscope-datasource", UID: "${profiles}"}
)

// A board is a dashboard in the making.
type board struct {
	uid, title, question string
	sel, by              string // see the words in capitals in the package's comment
	variables            []grafana.Variable
	refresh              string
	rows                 []row
}

// A row is panels side by side. Those without a width share what is left.
type row struct {
	height int
	panels []*grafana.Panel
}

const window, whole = "$__rate_interval", "60y"

func (b board) build() *grafana.Dashboard {
	words := strings.NewReplacer("SEL", b.sel, "BY", b.by, "WINDOW", window, "WHOLE", whole)
	d := &grafana.Dashboard{
		UID: b.uid, Title: "peerbed: " + b.title, Description: b.question, Tags: []string{Tag},
		SchemaVersion: grafana.SchemaVersion, GraphTooltip: 1, Refresh: b.refresh,
		Time: grafana.TimeRange{From: "now-30m", To: "now"}, Timezone: "utc",
		Templating:  grafana.Templating{List: slices.Concat([]grafana.Variable{source()}, b.variables, []grafana.Variable{every()})},
		Annotations: grafana.Annotations{List: annotations(b.sel)},
		Links:       links(b.uid),
	}
	y := 0
	for _, r := range b.rows {
		r.place(y)
		y += r.height
		d.Panels = append(d.Panels, r.panels...)
	}
	for i, p := range d.Panels {
		p.ID = i + 1
		for k, t := range p.Targets {
			if q, ok := t.(grafana.PromQL); ok {
				q.Expr = words.Replace(q.Expr)
				p.Targets[k] = q
			}
		}
	}
	return d
}

func (r row) place(y int) {
	left, open := grafana.Columns, 0
	for _, p := range r.panels {
		left -= p.GridPos.W
		if p.GridPos.W == 0 {
			open++
		}
	}
	x := 0
	for _, p := range r.panels {
		w := p.GridPos.W
		if w == 0 {
			w = left / open
		}
		p.GridPos = grafana.GridPos{H: r.height, W: w, X: x, Y: y}
		x += w
	}
}

// annotations draw the faults and the measured stretches of the run over all
// curves.
func annotations(sel string) []grafana.Annotation {
	mark := func(name, color, expr, title, text string) grafana.Annotation {
		return grafana.Annotation{Name: name, DataSource: prometheus, Enable: true, IconColor: color,
			Expr: strings.ReplaceAll(expr, "SEL", sel), Step: "1s", TitleFormat: title, TextFormat: text}
	}
	stretches := mark("Measured stretches", "blue", `max by (cluster, phase) (peerbed_phase_active{SEL}) > 0`,
		"measured: {{phase}}", "{{cluster}}")
	stretches.Enable = false // with many clusters they cover everything
	return []grafana.Annotation{
		grafana.OwnAnnotations(),
		mark("Faults", "red", `max by (cluster, fault, kind) (peerbed_fault_active{SEL}) > 0`, "{{kind}}", "{{fault}} ({{cluster}})"),
		stretches,
	}
}

// links lead to all other boards with what is chosen here, and to where
// simulated runs lie.
func links(uid string) []grafana.Link {
	return []grafana.Link{
		{Title: "Boards", Type: "dashboards", Icon: "external link", Tooltip: "other questions to the same run", Tags: []string{Tag},
			AsDropdown: true, IncludeVars: true, KeepTime: true},
		{Title: "Simulated: first hour", Type: "link", Icon: "clock-nine", Tooltip: "virtual time begins at 1970-01-01 00:00:00", Tags: []string{},
			URL: "/d/" + uid + "?from=0&to=3600000", IncludeVars: true},
		{Title: "Real: last half hour", Type: "link", Icon: "clock-nine", Tooltip: "runs in containers or processes", Tags: []string{},
			URL: "/d/" + uid + "?from=now-30m&to=now", IncludeVars: true},
	}
}
