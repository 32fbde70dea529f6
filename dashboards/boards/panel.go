package boards

import (
	"fmt"

	"peerbed/dashboards/grafana"
)

// A curve is one query and how its results are called.
type curve struct{ name, expr string }

// targets are the queries over the board's time range.
func targets(curves []curve) []grafana.Target {
	var all []grafana.Target
	for i, c := range curves {
		all = append(all, grafana.PromQL{RefID: ref(i), DataSource: prometheus, Expr: c.expr, Legend: c.name,
			Format: "time_series", Interval: "$every", Range: true, EditorMode: "code"})
	}
	return all
}

// once makes targets of the end of the time range alone.
func once(targets []grafana.Target, format string) []grafana.Target {
	for i, t := range targets {
		q := t.(grafana.PromQL)
		q.Instant, q.Range, q.Format = true, false, format
		targets[i] = q
	}
	return targets
}

func ref(i int) string { return string(rune('A' + i)) }

func panel(kind, title, unit, description string, curves []curve) *grafana.Panel {
	return &grafana.Panel{Type: kind, Title: title, Description: description, DataSource: &prometheus, Targets: targets(curves),
		FieldConfig: grafana.FieldConfig{Defaults: grafana.Field{Unit: unit}, Overrides: []grafana.Override{}}}
}

// timeseries draws curves over time.
func timeseries(title, unit, description string, curves ...curve) *grafana.Panel {
	p := panel("timeseries", title, unit, description, curves)
	f := &p.FieldConfig.Defaults
	f.Color = &grafana.Color{Mode: "palette-classic-by-name"}
	f.Custom = grafana.Curve{DrawStyle: "line", LineInterpolation: "linear", LineWidth: 2, FillOpacity: 8, ShowPoints: "auto",
		AxisSoftMin: grafana.Of(0.0), Stacking: grafana.Stacking{Mode: "none", Group: "A"}}
	p.Options = grafana.TimeSeries{
		Legend:  grafana.Legend{ShowLegend: true, DisplayMode: "table", Placement: "bottom", Calcs: []string{"mean", "max"}},
		Tooltip: grafana.Tooltip{Mode: "multi", Sort: "desc"}}
	return p
}

// stacked lays the curves of p on one another, where they are parts of a whole.
func stacked(p *grafana.Panel) *grafana.Panel {
	c := p.FieldConfig.Defaults.Custom.(grafana.Curve)
	c.FillOpacity, c.LineWidth, c.Stacking.Mode = 40, 1, "normal"
	p.FieldConfig.Defaults.Custom = c
	return p
}

// share gives p an axis from 0 to 1.
func share(p *grafana.Panel) *grafana.Panel {
	p.FieldConfig.Defaults.Min, p.FieldConfig.Defaults.Max = grafana.Of(0.0), grafana.Of(1.0)
	return p
}

// stat writes the last value of each curve large, coloured by bounds.
func stat(title, unit, description string, bounds []float64, curves ...curve) *grafana.Panel {
	p := panel("stat", title, unit, description, curves)
	p.FieldConfig.Defaults.Color = &grafana.Color{Mode: "thresholds"}
	p.FieldConfig.Defaults.Thresholds = thresholds(bounds)
	mode := "none"
	if len(bounds) > 0 {
		mode = "value"
	}
	text := "value"
	if len(curves) > 1 {
		text = "value_and_name"
	}
	p.Options = grafana.Stat{ReduceOptions: grafana.Last(), Orientation: "vertical", TextMode: text, ColorMode: mode,
		GraphMode: "area", JustifyMode: "center", WideLayout: true}
	return p
}

// overall asks p's queries once, of the whole time range.
func overall(p *grafana.Panel) *grafana.Panel {
	p.Targets = once(p.Targets, "time_series")
	return p
}

// thresholds colour what is below the first bound red, between the two yellow,
// above green; without bounds, blue. Bounds that fall are of what should be low.
func thresholds(bounds []float64) *grafana.Thresholds {
	t := &grafana.Thresholds{Mode: "absolute"}
	switch {
	case len(bounds) == 0:
		t.Steps = []grafana.Step{{Color: "blue"}}
	case bounds[0] < bounds[1]:
		t.Steps = []grafana.Step{{Color: "red"}, {Color: "yellow", Value: &bounds[0]}, {Color: "green", Value: &bounds[1]}}
	default:
		t.Steps = []grafana.Step{{Color: "green"}, {Color: "yellow", Value: &bounds[1]}, {Color: "red", Value: &bounds[0]}}
	}
	return t
}

// bars draws one bar for each network, of the whole run.
func bars(title, unit, description string, curves ...curve) *grafana.Panel {
	p := panel("bargauge", title, unit, description, nil)
	p.Targets = once(targets(curves), "time_series")
	p.FieldConfig.Defaults.Min = grafana.Of(0.0)
	p.FieldConfig.Defaults.Color = &grafana.Color{Mode: "palette-classic-by-name"}
	p.Options = grafana.BarGauge{ReduceOptions: grafana.Last(), Orientation: "horizontal", DisplayMode: "basic", ValueMode: "text",
		NamePlacement: "left", Sizing: "auto", MinVizHeight: 12, MaxVizHeight: 40,
		Legend: grafana.Legend{DisplayMode: "list", Placement: "bottom", Calcs: []string{}}}
	return p
}

// heatmap draws how many observations fell into each bucket over time.
func heatmap(title, unit, description string, c curve) *grafana.Panel {
	p := panel("heatmap", title, unit, description, nil)
	q := targets([]curve{c})[0].(grafana.PromQL)
	q.Format = "heatmap"
	p.Targets = []grafana.Target{q}
	p.Options = grafana.Heatmap{
		Color: grafana.HeatColor{Mode: "scheme", Scheme: "Oranges", Scale: "exponential", Exponent: 0.5, Steps: 64},
		YAxis: grafana.YAxis{Unit: unit, Placement: "left"}, RowsFrame: grafana.RowsFrame{Layout: "auto", Value: "observations"},
		Tooltip: grafana.HeatTip{Mode: "single", YHistogram: true}, CellGap: 1, FilterValues: grafana.Above{LE: 1e-9}}
	return p
}

// timeline draws states as strips, 1 and 0 in words.
func timeline(title, description, on, off string, good bool, curves ...curve) *grafana.Panel {
	p := panel("state-timeline", title, "none", description, curves)
	colors := [2]string{"red", "green"}
	if !good {
		colors = [2]string{"green", "red"}
	}
	f := &p.FieldConfig.Defaults
	f.Color = &grafana.Color{Mode: "thresholds"}
	f.Thresholds = &grafana.Thresholds{Mode: "absolute", Steps: []grafana.Step{{Color: colors[0]}, {Color: colors[1], Value: grafana.Of(1.0)}}}
	f.Mappings = []grafana.Mapping{{Type: "value", Options: map[string]grafana.Shown{
		"0": {Text: off, Color: colors[0], Index: 0}, "1": {Text: on, Color: colors[1], Index: 1}}}}
	f.Custom = grafana.States{FillOpacity: 70}
	p.Options = grafana.StateTimeline{MergeValues: true, ShowValue: "auto", AlignValue: "left", RowHeight: 0.85,
		Legend:  grafana.Legend{DisplayMode: "list", Placement: "bottom", Calcs: []string{}},
		Tooltip: grafana.Tooltip{Mode: "single", Sort: "none"}}
	return p
}

// A column of a table: what is asked, and the unit of its values.
type column struct {
	name, unit, expr string
	bounds           []float64
}

// table has a line for each network: the labels first, each under its title,
// then the columns. Labels that do not appear are left out.
func table(title, description string, labels [][2]string, columns ...column) *grafana.Panel {
	p := panel("table", title, "none", description, nil)
	o := grafana.Organize{Exclude: map[string]bool{"Time": true}, Order: map[string]int{}, Rename: map[string]string{}}
	for i, l := range labels {
		o.Order[l[0]], o.Rename[l[0]] = i, l[1]
	}
	var curves []curve
	for i, c := range columns {
		curves = append(curves, curve{expr: c.expr})
		value := fmt.Sprintf("Value #%s", ref(i))
		o.Order[value], o.Rename[value] = len(labels)+i, c.name
		p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, c.override())
	}
	p.Targets = once(targets(curves), "table")
	p.Transformations = []grafana.Transformation{{ID: "merge", Options: grafana.Empty{}}, {ID: "organize", Options: o}}
	p.Options = grafana.Table{ShowHeader: true, CellHeight: "sm", SortBy: []grafana.SortBy{}}
	return p
}

func (c column) override() grafana.Override {
	o := grafana.Override{Matcher: grafana.Matcher{ID: "byName", Options: c.name},
		Properties: []grafana.Property{{ID: "unit", Value: c.unit}}}
	if c.bounds != nil {
		o.Properties = append(o.Properties,
			grafana.Property{ID: "thresholds", Value: thresholds(c.bounds)},
			grafana.Property{ID: "color", Value: grafana.Color{Mode: "thresholds"}},
			grafana.Property{ID: "custom.cellOptions", Value: map[string]string{"type": "color-text"}})
	}
	return o
}

// linked lets values of a column lead somewhere.
func linked(p *grafana.Panel, column string, links ...grafana.DataLink) *grafana.Panel {
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, grafana.Override{
		Matcher:    grafana.Matcher{ID: "byName", Options: column},
		Properties: []grafana.Property{{ID: "links", Value: links}}})
	return p
}

// text is words.
func text(title, description, markdown string) *grafana.Panel {
	return &grafana.Panel{Type: "text", Title: title, Description: description,
		FieldConfig: grafana.FieldConfig{Defaults: grafana.Field{Unit: "none"}, Overrides: []grafana.Override{}},
		Options:     grafana.Text{Mode: "markdown", Content: markdown}}
}

// wide sets the width of p, in the board's 24 columns.
func wide(w int, p *grafana.Panel) *grafana.Panel {
	p.GridPos.W = w
	return p
}
