package boards

import (
	"fmt"
	"strings"
)

// Queries that several boards ask. Each is a function of the labels that tell
// its results apart ("": one result), and of over: WINDOW for a curve, $__range
// for one number of what is on the screen.

// lookups are the operations that look for something.
const lookups = `op=~"find|fetch"`

// sum adds up by labels.
func sum(by, expr string) string { return "sum by (" + by + ") (" + expr + ")" }

// ratio divides sums. Where nothing is below there is no point, not one at
// infinity.
func ratio(by, above, below string) string { return sum(by, above) + " / (" + sum(by, below) + " > 0)" }

// up leaves of a series of single nodes those that run: of others it stands as it
// was.
func up(series string) string {
	return "(" + series + " and on (run, cluster, node) peerbed_node_up{SEL} == 1)"
}

// found is the share of lookups that succeeded.
func found(by, over string) string {
	return ratio(by, `increase(peerbed_operations_total{SEL,`+lookups+`,result="ok"}[`+over+`])`,
		`increase(peerbed_operations_total{SEL,`+lookups+`}[`+over+`])`)
}

// within is the time within which a share q of the operations called op end.
func within(q float64, op, by, over string) string {
	return quantile(q, by, "rate", "peerbed_operation_duration_seconds", `SEL,op="`+op+`"`, over)
}

// quantile is of native histograms, exact to 5 %, or of classic ones where a
// server has no others.
func quantile(q float64, by, function, metric, matchers, over string) string {
	observed := func(suffix string) string {
		return function + "(" + metric + suffix + "{" + matchers + "}[" + over + "])"
	}
	buckets := strings.TrimPrefix(by+", le", ", ")
	return fmt.Sprintf("histogram_quantile(%g, %s) or histogram_quantile(%g, %s)", q, sum(by, observed("")), q, sum(buckets, observed("_bucket")))
}

// hops is the mean number of nodes that a find contacted.
func hops(by, over string) string {
	return ratio(by, `increase(peerbed_lookup_hops_sum{SEL}[`+over+`])`, `increase(peerbed_lookup_hops_count{SEL}[`+over+`])`)
}

// perLookup is what of the lookup class was sent for one lookup.
func perLookup(metric, by, over string) string {
	return ratio(by, `increase(`+metric+`{SEL,class="lookup",direction="sent"}[`+over+`])`,
		`increase(peerbed_operations_total{SEL,`+lookups+`}[`+over+`])`)
}

// perNode is the mean over the live nodes of something that is summed.
func perNode(by, expr string) string { return ratio(by, expr, `peerbed_live_nodes{SEL}`) }
