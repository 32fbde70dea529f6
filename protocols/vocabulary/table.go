package vocabulary

import (
	"fmt"
	"strings"
)

// Table writes the vocabulary as Markdown.
func Table() string {
	var b strings.Builder
	b.WriteString("# What peerbed measures\n\nMade from `vocabulary.go` by `go test ./protocols/vocabulary -update`; `go doc ./protocols/vocabulary` has the rules.\n\n")
	fmt.Fprintf(&b, "Every recorded series also has the labels %s. Series of single nodes (`peerbed_node_...`, `peerbed_edge_info`) exist in clusters of up to %d nodes. "+
		"A star marks what nodes serve on their own `/metrics` too, with the label `protocol`.\n\n", quoted(Common), NodesInFull)
	b.WriteString("| name | kind | unit | labels | what it is |\n|---|---|---|---|---|\n")
	for _, m := range All {
		star := ""
		if m.Nodes {
			star = " *"
		}
		fmt.Fprintf(&b, "| `%s`%s | %s | %s | %s | %s |\n", m.Name, star, m.Kind, m.Unit, quoted(m.Labels), m.Help)
	}
	return b.String()
}

func quoted(list []string) string {
	var all []string
	for _, s := range list {
		all = append(all, "`"+s+"`")
	}
	return strings.Join(all, ", ")
}
