package boards

import "peerbed/dashboards/grafana"

// protocols are the boards of single protocols: what all have in common, and
// then what is the protocol's own.
func protocols() []*grafana.Dashboard {
	return []*grafana.Dashboard{
		protocolBoard("napster", "Napster", "Does the server keep up, and what does it hold?", napster()),
		protocolBoard("gnutella", "Gnutella", "How far does a flood reach, and what do pings cost?", gnutella()),
		protocolBoard("fasttrack", "FastTrack", "Who are the supernodes, and what do they carry?", fasttrack()),
		protocolBoard("bittorrent", "BitTorrent", "Do pieces spread, and who is choked?", bittorrent()),
		protocolBoard("chord", "Chord", "Is the ring whole, and do fingers shorten the way?", chord()),
		protocolBoard("pastry", "Pastry", "Are leaf sets full, and do prefixes shorten the way?", pastry()),
		protocolBoard("kelips", "Kelips", "Does everybody know its group, and what does gossip cost?", kelips()),
	}
}

// protocolBoard has a glance, the messages and the time of lookups, and two rows
// of the protocol's own.
func protocolBoard(name, title, question string, own [][]*grafana.Panel) *grafana.Dashboard {
	b := board{
		uid: "peerbed-" + name, title: title, question: question,
		sel: `run=~"$run",world=~"$world",protocol="` + name + `",cluster=~"$cluster"`, by: "cluster", refresh: "10s",
		variables: []grafana.Variable{world(), run(), cluster(name)},
		rows:      []row{{4, health()}, {8, []*grafana.Panel{byType(), timeMap()}}},
	}
	for _, panels := range own {
		b.rows = append(b.rows, row{8, panels})
	}
	return b.build()
}

func byType() *grafana.Panel {
	return stacked(timeseries("Messages by type", "mps", "Messages that all nodes send a second, by type; the ten most frequent types.",
		curve{"{{type}}", `topk(10, sum by (type) (rate(peerbed_messages_total{SEL,direction="sent"}[WINDOW])))`}))
}

// entries is the mean number of entries in tables of a live node.
func entries(kinds string) string {
	return `sum by (kind) (peerbed_state_entries{SEL,kind=~"` + kinds + `"}) / on () group_left () sum(peerbed_live_nodes{SEL})`
}

// figure is a number of the protocol's state, summed over the live nodes.
func figure(name string) string { return `sum(peerbed_state_figure{SEL,figure="` + name + `"})` }

// entriesOf is the number of entries of one kind of table in all nodes.
func entriesOf(kind string) string { return `sum(peerbed_state_entries{SEL,kind="` + kind + `"})` }

// types is the messages a second of some types, for each live node.
func types(which string) string {
	return `sum by (type) (rate(peerbed_messages_total{SEL,direction="sent",type=~"` + which + `"}[WINDOW])) / on () group_left () sum(peerbed_live_nodes{SEL})`
}

// per divides two sums, where the second is not 0.
func per(above, below string) string { return above + ` / (` + below + ` > 0)` }

// live is the number of live nodes.
func live() string { return `sum(peerbed_live_nodes{SEL})` }

// busiest draws the greatest value of single nodes beside the mean; each has them
// in brackets.
func busiest(title, unit, description, each string) *grafana.Panel {
	return timeseries(title, unit, description, curve{"most", `max ` + each}, curve{"mean", `avg ` + each})
}

func keys(description string) *grafana.Panel {
	return busiest("Keys a node", "none", description, up(`peerbed_node_stored_keys{SEL}`))
}

func chord() [][]*grafana.Panel {
	return [][]*grafana.Panel{{
		timeseries("Ring and fingers", "none", "Entries of the mean node. Successors should be as many as the protocol is told to keep (4), or one less than there are nodes; distinct fingers about log₂ N. Fewer successors after a crash mean that the ring is still being mended.",
			curve{"{{kind}}", entries("successors|fingers")}, curve{"log₂ N", `log2(` + live() + `)`}),
		timeseries("Hops beside ½ log₂ N", "none", "Mean hops of a find, the owner of the key included, and half of the logarithm, which whole finger tables take to its predecessor. Much more than one above it are fingers that are missing or wrong.",
			curve{"measured", hops("", window)}, curve{"½ log₂ N", `log2(` + live() + `) / 2`}),
		timeseries("Stabilization", "mps", "Messages a second of the mean node that keep the ring: asking the successor for its neighbours, telling it of oneself, asking whether the predecessor lives.",
			curve{"{{type}}", types("get_neighbours|notify|ping|seek")}),
	}, {
		keys("Copies of keys at the node with most and at the mean one. Consistent hashing lets the greatest be about log N times the mean."),
		neighbours(),
		failures(),
	}}
}

func pastry() [][]*grafana.Panel {
	return [][]*grafana.Panel{{
		timeseries("Leaf sets", "none", "Entries of the mean node: smaller and larger are the two halves of its leaf set, near its neighbourhood set. The halves are full (8 each) where there are nodes enough; a hole after a crash is mended by asking the farthest leaf.",
			curve{"{{kind}}", entries("smaller|larger|near")}),
		timeseries("Routing table", "none", "Entries of the routing table of the mean node, and what perfect ones would have: about (2ᵇ-1) times the number of rows, log₂ᵇ N.",
			curve{"{{kind}}", entries("table")},
			curve{"(2ᵇ-1) log₂ᵇ N", `15 * log2(` + live() + `) / 4`}),
		timeseries("Hops beside log₁₆ N", "none", "Mean nodes that a find contacted. Each hop should fix a digit of four bits; the last is the leaf set's.",
			curve{"measured", hops("", window)}, curve{"log₁₆ N", `log2(` + live() + `) / 4`}),
	}, {
		share(timeseries("Nodes that are ready", "percentunit", "Share of the live nodes that answer for the keys around their id. A newcomer is not until its leaf set stands.",
			curve{"ready", per(figure("ready"), live())})),
		keys("Copies of keys at the node with most and at the mean one."),
		repair(),
	}}
}

func kelips() [][]*grafana.Panel {
	group := per(live()+` * `+live(), figure("groups")) // each node tells how many groups there are
	return [][]*grafana.Panel{{
		timeseries("View", "none", "Entries of the mean node: the members of its own group, contacts in the other groups, and the places of files (tuples) of its group. √N is what members and contacts should be near to.",
			curve{"{{kind}}", entries("members|contacts|tuples")}, curve{"√N", `sqrt(` + live() + `)`}),
		timeseries("Completeness of views", "none", "Members of its own group that the mean node knows, beside those that it would have in groups of one size. Below it gossip has not told everybody yet; above it groups are uneven, or the dead are still remembered.",
			curve{"known members", per(entriesOf("members"), live())}, curve{"N/groups - 1", group + ` - 1`}),
		timeseries("Gossip", "Bps", "Bytes a second that the mean node sends for gossip and pings. They do not grow with churn: news waits for its turn.",
			curve{"{{type}}", `sum by (type) (rate(peerbed_message_bytes_total{SEL,direction="sent",type=~"gossip|refresh|ping|pong"}[WINDOW])) / on () group_left () sum(peerbed_live_nodes{SEL})`}),
	}, {
		timeseries("Hops", "none", "Mean nodes that a find contacted: one, if a contact in the group of the file answers. More means that contacts are dead or do not know the file yet.",
			curve{"measured", hops("", window)}),
		timeseries("Tuples a file", "none", "How many nodes know the place of the mean file that is stored. It should be the size of a group; each file must be told of again before its tuples time out.",
			curve{"tuples a file", per(entriesOf("tuples"), `sum(peerbed_stored_keys{SEL})`)}, curve{"nodes a group", group}),
		failures(),
	}}
}

func gnutella() [][]*grafana.Panel {
	queries := ratio("", `rate(peerbed_messages_total{SEL,type="query",direction="received"}[WINDOW])`, `rate(peerbed_operations_total{SEL,`+lookups+`}[WINDOW])`)
	return [][]*grafana.Panel{{
		timeseries("Reach of a flood", "none", "Queries that all nodes receive for one lookup. Up to the number of nodes it is reach; what lies above it are duplicates, that came on two ways and were dropped. 2E-N+1 is a flood that reaches all over E links.",
			curve{"queries received a lookup", queries}, curve{"nodes", live()}, curve{"2E-N+1", figure("links_up") + ` - ` + live() + ` + 1`}),
		timeseries("Duplicates", "percentunit", "Share of the received queries that a node must have had already: what exceeds one for each node. Trees have none; each further link of the overlay adds two.",
			curve{"duplicates, at least", `clamp_min(1 - ` + live() + ` / (` + queries + ` > 0), 0)`}),
		share(timeseries("Share of pings", "percentunit", "Pings and pongs among all messages, and among all bytes. In the networks of 2000 and 2001 they were half of the traffic; caching pongs is against that.",
			curve{"of messages", ratio("", `rate(peerbed_messages_total{SEL,direction="sent",type=~"ping|pong"}[WINDOW])`, `rate(peerbed_messages_total{SEL,direction="sent"}[WINDOW])`)},
			curve{"of bytes", ratio("", `rate(peerbed_message_bytes_total{SEL,direction="sent",type=~"ping|pong"}[WINDOW])`, `rate(peerbed_message_bytes_total{SEL,direction="sent"}[WINDOW])`)})),
	}, {
		timeseries("Links and known hosts", "none", "Of the mean node: links that stand or are dialled, and hosts in its cache from which it would mend itself.",
			curve{"{{kind}}", entries("links|hosts")}),
		roles("Live nodes by what they are: peers of a flat network, or ultrapeers and their leaves."),
		timeseries("Hits a query", "none", "Query hits that are passed on for one query received: a popular file has many.",
			curve{"hits", ratio("", `rate(peerbed_messages_total{SEL,type="query_hit",direction="received"}[WINDOW])`, `rate(peerbed_messages_total{SEL,type="query",direction="received"}[WINDOW])`)}),
	}}
}

func roles(description string) *grafana.Panel {
	return stacked(timeseries("Roles", "none", description, curve{"{{role}}", `sum by (role) (peerbed_state_roles{SEL})`}))
}

func fasttrack() [][]*grafana.Panel {
	supernodes := `sum(peerbed_state_roles{SEL,role="supernode"})`
	return [][]*grafana.Panel{{
		roles("Live nodes by what they are. When supernodes die, ordinary nodes of good standing take their place."),
		timeseries("Reputation", "none", "Mean reputation of the live nodes: it grows with time online and with what they give. Supernodes are chosen by it.",
			curve{"mean", per(figure("reputation"), live())}),
		timeseries("What a supernode carries", "none", "Children and links to other supernodes, of the mean supernode. Too many children after a crash are orphans that all went to the same one.",
			curve{"children", per(entriesOf("children"), supernodes)}, curve{"links", per(entriesOf("links"), supernodes)}),
	}, {
		timeseries("Files in directories", "none", "Entries of all supernodes' directories. It should be what all nodes share: less means that a child has not told its list yet.",
			curve{"listed", figure("files")}, curve{"shared", `sum(peerbed_stored_keys{SEL})`}),
		timeseries("Queries among supernodes", "none", "Messages among supernodes for one search of a user: the flood that ordinary nodes are spared.",
			curve{"queries a search", ratio("", `rate(peerbed_messages_total{SEL,type="query",direction="sent"}[WINDOW])`, `rate(peerbed_messages_total{SEL,type="search",direction="sent"}[WINDOW])`)}),
		busiest("Busiest node", "mps", "Messages a second, sent and received, of the busiest node and of the mean one.", `(sum by (cluster, node) (rate(peerbed_node_messages_total{SEL}[WINDOW])))`),
	}}
}

func bittorrent() [][]*grafana.Panel {
	neighbours := entriesOf("torrents_peers")
	return [][]*grafana.Panel{{
		share(timeseries("Pieces", "percentunit", "Share of the pieces that peers have, of those that they want. 100 %: everybody has everything.",
			curve{"here", per(figure("torrents_have"), figure("torrents_pieces"))})),
		timeseries("Availability", "none", "Copies of the rarest piece and of the mean piece among the neighbours of a peer, mean over all. A rarest of 0 cannot be finished without a seed; rarest first keeps the two together.",
			curve{"rarest", per(figure("torrents_rarest"), entriesOf("torrents"))}, curve{"mean", per(figure("torrents_copies"), figure("torrents_pieces"))}),
		timeseries("Seeds and leechers", "none", "As the trackers count them. Leechers become seeds and, if they are not generous, go.",
			curve{"seeds", figure("swarms_seeds")}, curve{"leechers", figure("swarms_leechers")}),
	}, {
		share(timeseries("Choking", "percentunit", "Of all neighbours: those that are choked, those that want something, and those that a peer has given up waiting for. Four unchoked of many is as it should be.",
			curve{"choked", per(figure("torrents_peers_choking"), neighbours)}, curve{"interested", per(figure("torrents_peers_interested"), neighbours)},
			curve{"snubbed", per(figure("torrents_peers_snubbed"), neighbours)})),
		timeseries("Transfer", "Bps", "Bytes a second of pieces, of all peers together; and of everything else, which is the price.",
			curve{"pieces", `sum(rate(peerbed_message_bytes_total{SEL,direction="received",type=~"piece|piece_rest"}[WINDOW]))`},
			curve{"all else", `sum(rate(peerbed_message_bytes_total{SEL,direction="received",type!~"piece|piece_rest"}[WINDOW]))`}),
		timeseries("Time to fetch", "s", "Half of the downloads end within the first time, 19 of 20 within the second.",
			curve{"half", within(0.5, "fetch", "", window)}, curve{"19 of 20", within(0.95, "fetch", "", window)}),
	}}
}

func napster() [][]*grafana.Panel {
	return [][]*grafana.Panel{{
		timeseries("Directory", "none", "What the servers list, and what users share. The two are the same when everybody is logged in.",
			curve{"listed", figure("files")}, curve{"shared", `sum(peerbed_stored_keys{SEL})`}, curve{"users", entriesOf("sessions")}),
		timeseries("Memory of the directory", "bytes", "Bytes that the servers' directories take: O(N), where clients need O(1).", curve{"held", figure("held")}),
		timeseries("Comparisons a word", "none", "Letters that were compared for one word that was looked up in the ternary search tree: its logarithm in the number of words, not the number itself.",
			curve{"comparisons", per(figure("compared"), figure("lookups"))}, curve{"log₂ of words", `log2(` + figure("words") + ` > 0)`}),
	}, {
		busiest("Busiest node", "mps", "Messages a second, sent and received, of the busiest node, which is a server, and of the mean one. This is the price of a centre.",
			`(sum by (cluster, node) (rate(peerbed_node_messages_total{SEL}[WINDOW])))`),
		timeseries("Uploads", "none", "Files under way between clients; servers have no part in that.", curve{"under way", figure("uploads")}),
		failures(),
	}}
}
