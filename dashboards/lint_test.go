package dashboards_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"

	"peerbed/dashboards/boards"
	"peerbed/dashboards/grafana"
	"peerbed/protocols/vocabulary"
)

// mostPanels is how many a reader takes in.
const mostPanels = 12

// The boards keep to what makes boards good: see each rule.
func TestBoards(t *testing.T) {
	all := boards.All()
	uids := map[string]bool{}
	for _, d := range all {
		if uids[d.UID] || len(d.UID) > 40 {
			t.Errorf("%s: an address must be its own, and of 40 letters at most", d.UID)
		}
		uids[d.UID] = true
	}
	for _, d := range all {
		for _, fault := range slices.Concat(lintBoard(d), lintPlaces(d), lintVariables(d)) {
			t.Errorf("%s: %s", d.UID, fault)
		}
		for _, uid := range regexp.MustCompile(`/d/([a-z-]+)`).FindAllSubmatch(written(t, d), -1) {
			if !uids[string(uid[1])] {
				t.Errorf("%s: a link leads to %s, which is not there", d.UID, uid[1])
			}
		}
		for _, p := range d.Panels {
			for _, fault := range lintPanel(p) {
				t.Errorf("%s, panel %q: %s", d.UID, p.Title, fault)
			}
		}
	}
}

func lintBoard(d *grafana.Dashboard) (faults []string) {
	if len(d.Panels) > mostPanels {
		faults = append(faults, fmt.Sprintf("%d panels are more than %d", len(d.Panels), mostPanels))
	}
	if !strings.HasSuffix(d.Description, "?") {
		faults = append(faults, "its description is no question")
	}
	if d.Timezone != "utc" {
		faults = append(faults, "virtual time is readable in UTC alone")
	}
	if !slices.Contains(d.Tags, boards.Tag) || len(d.Links) == 0 {
		faults = append(faults, "no links lead to it, or from it")
	}
	if d.SchemaVersion != 42 || d.Editable {
		faults = append(faults, "the form is to be the newest classic one, and not changed in a browser")
	}
	return faults
}

// lintPlaces looks for panels that overlap or stand out.
func lintPlaces(d *grafana.Dashboard) (faults []string) {
	taken := map[[2]int]*grafana.Panel{}
	for _, p := range d.Panels {
		g := p.GridPos
		if g.W < 4 || g.H < 3 || g.X+g.W > grafana.Columns {
			faults = append(faults, fmt.Sprintf("%q is %d wide and %d high at column %d", p.Title, g.W, g.H, g.X))
		}
		for x := range g.W {
			for y := range g.H {
				at := [2]int{g.X + x, g.Y + y}
				if other := taken[at]; other != nil {
					return append(faults, fmt.Sprintf("%q lies on %q", p.Title, other.Title))
				}
				taken[at] = p
			}
		}
	}
	return faults
}

func lintVariables(d *grafana.Dashboard) (faults []string) {
	known := map[string]bool{"__rate_interval": true, "__range": true, "__data": true}
	for _, v := range d.Templating.List {
		known[v.Name] = true
		if v.Label == "" || v.Description == "" {
			faults = append(faults, "variable "+v.Name+" lacks a label or a description")
		}
		if v.Type == "query" && (v.DataSource.UID != "${ds}" || v.Refresh != grafana.OnTimeRange) {
			faults = append(faults, "variable "+v.Name+" must ask ${ds} again when the time range changes")
		}
	}
	used := regexp.MustCompile(`\$\{?([a-z_]+)`)
	for _, p := range d.Panels {
		for _, t := range p.Targets {
			for _, m := range used.FindAllStringSubmatch(fmt.Sprint(t), -1) {
				if !known[m[1]] {
					faults = append(faults, fmt.Sprintf("%q uses $%s, which the board has not", p.Title, m[1]))
				}
			}
		}
	}
	return faults
}

func lintPanel(p *grafana.Panel) (faults []string) {
	if p.Title == "" || p.FieldConfig.Defaults.Unit == "" || !strings.HasSuffix(p.Description, ".") {
		faults = append(faults, "it lacks a title, a unit, or a description in sentences")
	}
	refs := map[string]bool{}
	for _, t := range p.Targets {
		q, ok := t.(grafana.PromQL)
		if !ok {
			continue
		}
		if refs[q.RefID] || q.Instant == q.Range || q.DataSource.UID != "${ds}" {
			faults = append(faults, "query "+q.RefID+": its name twice, or neither or both of instant and range, or another data source than ${ds}")
		}
		refs[q.RefID] = true
		for _, f := range lintQuery(q.Expr) {
			faults = append(faults, f+": "+q.Expr)
		}
	}
	if len(p.Targets) == 0 && p.Type != "text" {
		faults = append(faults, "it asks nothing")
	}
	return faults
}

// ranges are what Grafana puts for its variables, and tells them apart.
var ranges = map[string]string{"$__rate_interval": "4s", "$__range": "1h", "60y": "60y"}

// plain has a query as Prometheus reads it.
func plain(expr string) string {
	for name, value := range ranges {
		expr = strings.ReplaceAll(expr, "["+name+"]", "["+value+"]")
	}
	return regexp.MustCompile(`"\$[a-z]+"`).ReplaceAllString(expr, `".*"`)
}

func lintQuery(expr string) (faults []string) {
	complain := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if left := regexp.MustCompile(`\b(SEL|BY|WINDOW|WHOLE)\b`).FindString(expr); left != "" {
		complain("%s is left in it", left)
	}
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(plain(expr))
	if err != nil {
		return append(faults, err.Error())
	}
	parser.Inspect(tree, func(n parser.Node, path []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok {
			faults = append(faults, lintSelector(s, path)...)
		}
		if m, ok := n.(*parser.MatrixSelector); ok && !slices.Contains([]string{"4s", "1h", "60y"}, shortest(m)) {
			complain("a range of %v is none of $__rate_interval, $__range and 60y", m.Range)
		}
		return nil
	})
	return faults
}

// shortest writes a range as ranges does.
func shortest(m *parser.MatrixSelector) string {
	text := m.String()
	return strings.TrimSuffix(text[strings.LastIndex(text, "[")+1:], "]")
}

// lintSelector holds a series that is asked for against the vocabulary.
func lintSelector(s *parser.VectorSelector, path []parser.Node) (faults []string) {
	name := s.Name
	allowed := slices.Concat(vocabulary.Common, []string{"__name__"})
	metric := vocabulary.Named(name)
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if base := vocabulary.Named(strings.TrimSuffix(name, suffix)); metric == nil && base != nil && base.Kind == vocabulary.Histogram {
			metric, allowed = base, append(allowed, "le")
		}
	}
	if metric == nil {
		return []string{name + " is not in the vocabulary"}
	}
	allowed = append(allowed, metric.Labels...)
	for _, m := range s.LabelMatchers {
		if !slices.Contains(allowed, m.Name) {
			faults = append(faults, name+" has no label "+m.Name)
		}
	}
	function, grouping := around(path)
	for _, g := range grouping {
		if !slices.Contains(allowed, g) {
			faults = append(faults, name+" cannot be told apart by "+g)
		}
	}
	grows := metric.Kind == vocabulary.Counter || metric.Kind == vocabulary.Histogram
	switch {
	case grows && !slices.Contains([]string{"rate", "increase", "last_over_time"}, function):
		faults = append(faults, name+" only grows: it wants rate or increase, or its last value")
	case !grows && (function == "rate" || function == "increase"):
		faults = append(faults, name+" is a gauge: it has no rate")
	}
	return faults
}

// around is the function that a selector stands in, and by which labels its
// result is then told apart, unless it is joined with others first.
func around(path []parser.Node) (function string, grouping []string) {
	for _, n := range path {
		switch n := n.(type) {
		case *parser.Call:
			function = n.Func.Name
		case *parser.AggregateExpr:
			grouping = append(grouping, n.Grouping...)
		case *parser.BinaryExpr:
			grouping = nil
		}
	}
	return function, grouping
}

// The rules find what they are for.
func TestRulesBite(t *testing.T) {
	for expr, want := range map[string]string{
		`sum(rate(peerbed_nothing_total[$__rate_interval]))`:                        "not in the vocabulary",
		`sum(peerbed_messages_total)`:                                               "only grows",
		`rate(peerbed_live_nodes[$__rate_interval])`:                                "has no rate",
		`sum(rate(peerbed_messages_total{color="red"}[$__rate_interval]))`:          "no label color",
		`sum by (node) (rate(peerbed_messages_total[$__rate_interval]))`:            "told apart by node",
		`sum(rate(peerbed_messages_total[5m]))`:                                     "none of $__rate_interval",
		`sum(rate(peerbed_messages_total{SEL}[$__rate_interval]))`:                  "SEL is left",
		`sum(rate(peerbed_messages_total[$__rate_interval])`:                        "unclosed",
		`histogram_quantile(0.5, sum by (le) (peerbed_lookup_hops_bucket{le="1"}))`: "only grows",
	} {
		if got := strings.Join(lintQuery(expr), "; "); !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", expr, got, want)
		}
	}
	if faults := lintQuery(`sum by (cluster, type) (rate(peerbed_messages_total{run=~"$run"}[$__rate_interval]))`); faults != nil {
		t.Errorf("a good query has faults: %q", faults)
	}
	p := &grafana.Panel{Title: "x", Description: "What it is.", Type: "stat"}
	if lintPanel(p) == nil {
		t.Error("a panel without unit and query has no faults")
	}
	if lintPlaces(&grafana.Dashboard{Panels: []*grafana.Panel{{GridPos: grafana.GridPos{W: 8, H: 8}}, {GridPos: grafana.GridPos{W: 8, H: 8, X: 4}}}}) == nil {
		t.Error("two panels on one place have no faults")
	}
}
