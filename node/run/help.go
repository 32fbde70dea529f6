package run

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"peerbed/protocols/p2p"
)

const about = `node is one participant of a peer-to-peer network.

  node -protocol NAME [flags]     run a node until SIGTERM: then it leaves
  node -protocol NAME -h          the settings of that protocol
`

const examples = `
A network of two, in three shells:

  node -protocol introducer -listen 127.0.0.1:7000
  node -protocol %[1]s -listen 127.0.0.1:7001 -introducer 127.0.0.1:7000 -share one
  node -protocol %[1]s -listen 127.0.0.1:7002 -introducer 127.0.0.1:7000 -share two

With -control 127.0.0.1:8002 a node can be asked things:

  curl -H "Authorization: Bearer TOKEN" -d '{"Op":"find","Name":"song.mp3"}' 127.0.0.1:8002/do
`

// nodeFlags are those of every protocol: name, what it wants, default, what it
// is for.
var nodeFlags = [][4]string{
	{"protocol", "NAME", "", "what to speak"},
	{"listen", "IP:PORT", defaultListen, "where other nodes reach this one, by UDP and TCP; port 0: any"},
	{"share", "DIR", "a temporary folder", "the node's folder, made if missing: its plain files are what it can publish"},
	{"seed", "N", "drawn", "of the node's random numbers"},
	{"hosts", "NAME=IP,...", "", "addresses of names, before the DNS is asked"},
	{"state", "FILE", "", "JSON of a state (GET /inspect) to take up, instead of joining"},
	{"publish", "NAME,...", "", "publish these files of the share; a dot: all of them"},
	{"fetch", "NAME", "", "fetch this, say how far it is, and go on; bittorrent: also FILE.torrent, or a magnet link"},
	{"wait", "", "", "listen, but do not start before POST /start"},
	{"control", "unix:PATH", "", "serve the control API on a connection to this socket, and end when it has been dead for a minute"},
	{"control", "127.0.0.1:PORT", "", "serve the control API here, to those who know the token"},
	{"token-file", "FILE", "stderr", "where to write the token; PEERBED_TOKEN gives one instead"},
	{"pyroscope", "URL", "", "send profiles there"},
	{"streams", "N", "", "streams that others may have opened to the node at once (default 1024; a server may need more)"},
}

// help prints what the flags are: of one protocol if it was named, else of the
// node.
func (c *config) help(out io.Writer, named bool, protocols []*p2p.Protocol) {
	if !named {
		printAbout(out, protocols)
	}
	if c.protocol != nil {
		fmt.Fprintf(out, "%s: %s\n\n", c.protocol.Name, c.protocol.Doc)
		printSettings(out, c.protocol)
	}
	if named {
		fmt.Fprintf(out, "\nnode -h tells the flags that all protocols share.\n")
	}
}

func printAbout(out io.Writer, protocols []*p2p.Protocol) {
	fmt.Fprintf(out, "%s\nProtocols:\n\n", about)
	printTable(out, func(row func(...string)) {
		sorted := slices.SortedFunc(slices.Values(protocols), func(a, b *p2p.Protocol) int { return cmp.Compare(a.Name, b.Name) })
		for _, p := range sorted {
			row(p.Name, p.Doc)
		}
	})
	fmt.Fprint(out, "\nFlags (with one dash or two):\n\n")
	printTable(out, func(row func(...string)) {
		for _, n := range nodeFlags {
			row(strings.TrimSpace("-"+n[0]+" "+n[1]), n[3]+inBrackets(n[2], ""))
		}
	})
	fmt.Fprintf(out, examples, example(protocols))
	fmt.Fprintln(out)
}

// example names a protocol for the examples.
func example(protocols []*p2p.Protocol) string {
	for _, p := range protocols {
		if p.Name != "introducer" {
			return p.Name
		}
	}
	return "NAME"
}

func printSettings(out io.Writer, p *p2p.Protocol) {
	settings := p2p.Settings(p2p.Pointer(p.Config))
	if len(settings) == 0 {
		fmt.Fprintf(out, "It has no settings of its own.\n")
		return
	}
	fmt.Fprint(out, "Settings:\n\n")
	printTable(out, func(row func(...string)) {
		for _, s := range settings {
			row("-"+s.Name, s.Doc+inBrackets(s.String(), s.Range))
		}
	})
}

// inBrackets says the default and the range, as far as there are any.
func inBrackets(def, bounds string) string {
	var parts []string
	if def != "" && def != "false" {
		parts = append(parts, "default "+def)
	}
	if low, high, ok := strings.Cut(bounds, ":"); ok {
		parts = append(parts, low+" to "+high)
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, "; ") + ")"
}

func printTable(out io.Writer, rows func(row func(...string))) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	rows(func(cells ...string) { fmt.Fprintf(w, "  %s\n", strings.Join(cells, "\t")) })
	w.Flush()
}
