package experiments

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"peerbed/harness"
	"peerbed/harness/record"
	"peerbed/protocols/bittorrent"
	"peerbed/protocols/chord"
	"peerbed/protocols/fasttrack"
	"peerbed/protocols/gnutella"
	"peerbed/protocols/kelips"
	"peerbed/protocols/napster"
	"peerbed/protocols/p2p"
)

// A leg is what a tour must know of a protocol that the Protocol does not say:
// what it promises where, so that the tour asks no more and no less.
type leg struct {
	protocol *p2p.Protocol
	title    string   // in the table and of the subtest; "": the protocol's
	config   []string // where the default would make short runs blind: a search that fails must fail before its phase is over

	centre    string // the role without which nothing is found; a crash of a quarter spares it
	floods    bool   // a lookup may miss what lies farther than its TTL
	remembers bool   // a lookup may name a node that is out of reach, for it was there lately
	forgets   bool   // a node drops whoever does not answer
	merges    bool   // halves that are healed grow together
	cutOnly   bool   // this tour shows no more than a cut
}

// legs of those protocols that need a word. One that is not here finds all,
// names only whom it has just heard, and merges.
var legs = []leg{
	// A cut takes half of everybody's successors at once: lists of 2 log2 N outlive that (claim C8).
	{protocol: chord.Protocol, config: []string{"successors=0"}, forgets: true},
	{protocol: chord.Protocol, title: "chord+merge", config: []string{"successors=0", "merge=1s"}, forgets: true, merges: true, cutOnly: true},
	{protocol: gnutella.Protocol, config: []string{"patience=1500ms"}, floods: true, merges: true},
	// The tracker names whom it has heard of lately, and seeds that have crashed until then.
	{protocol: bittorrent.Protocol, centre: "tracker", remembers: true, merges: true,
		config: []string{"interval=5s", "patience=1s", "rechoke=1s", "snub=2s", "give-up=4s"}},
	{protocol: kelips.Protocol, forgets: true, merges: true, config: []string{"gossip=200ms", "timeout=4s", "contact-timeout=4s",
		"tuple-timeout=6s", "refresh=1s", "patience=400ms", "members=12", "others=4"}},
	// A supernode lists a child until it has missed its pings.
	{protocol: fasttrack.Protocol, forgets: true, merges: true, config: []string{"ping=300ms", "orphan=500ms", "collect=500ms", "patience=2s", "stall=2s"}},
	{protocol: napster.Protocol, centre: "server", merges: true, config: []string{"patience=1s", "pong=300ms"}},
}

// toursOf returns the tours of the protocols, in their order.
func toursOf(protocols []*p2p.Protocol) []*tour {
	var tours []*tour
	for _, p := range protocols {
		found := false
		for _, l := range legs {
			if l.protocol == p {
				found = true
				tours = append(tours, &tour{leg: &l})
			}
		}
		if !found {
			tours = append(tours, &tour{leg: &leg{protocol: p, merges: true}})
		}
	}
	for _, v := range tours {
		if v.title == "" {
			v.title = v.leg.protocol.Name
		}
	}
	return tours
}

// sideBySide is how many nodes may tour at once: what two processors carry
// without being late, most of the time. Processes are cheaper than containers.
func sideBySide() int {
	if flagged("backend") == "proc" {
		return 96
	}
	return 48
}

// A book collects what the tours of all protocols bring home.
type book struct {
	file  string
	tours []*tour
}

// play plays all tours, some side by side.
func (b *book) play(t *harness.T) {
	nodes, _ := strconv.Atoi(flagged("nodes")) // package harness refuses what is no number
	room := make(chan struct{}, max(1, sideBySide()/max(nodes, quickNodes)))
	var playing sync.WaitGroup
	for _, v := range b.tours {
		playing.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			t.Run(v.title, func(t *harness.T) { v.run(t, b.file) })
		})
	}
	playing.Wait()
}

// close prints the table and writes the page.
func (b *book) close(t *harness.T, took time.Duration) {
	page := record.Page{Title: "The tour"}
	table := comparison()
	var names []string
	var c *harness.Cluster
	for _, v := range b.tours {
		if v.c == nil {
			continue
		}
		if c != nil {
			table.Rule()
		}
		c = v.c
		for _, r := range v.rows {
			table.Add(r...)
		}
		page.Parts = append(page.Parts, v.part())
		if !v.cutOnly {
			names = append(names, v.leg.protocol.Name)
		}
	}
	if c == nil {
		return
	}
	fmt.Printf("\n%s", table.String())
	page.Tables = []record.Table{table}
	page.Lead = fmt.Sprintf("%d nodes of %s: crashed by a quarter, cut in two, healed, and kept coming and going. What a lookup cost before, during and after.",
		c.Size(), strings.Join(names, " and of "))
	page.Facts = []record.Fact{
		{Name: "world", Value: c.About().World + ": " + c.About().Detail},
		{Name: "cuts by", Value: c.About().Cuts},
		{Name: "seed", Value: fmt.Sprint(c.Seed())},
		{Name: "load", Value: fmt.Sprintf("%d finds and %d fetches of %d-byte files a second, by random nodes, for random files", findRate, fetchRate, fileSize)},
		{Name: "took", Value: took.Round(time.Second).String()},
	}
	page.Command = fmt.Sprintf("go test ./experiments -run 'TestTour$' -v -count=1 -args -backend %s -nodes %d -seed %d -protocols %s",
		c.About().World, c.Size(), c.Seed(), strings.Join(names, ","))
	savePage(t, &page)
	if t.Failed() {
		fmt.Fprintln(os.Stdout, "The tour did not go as it should: see above.")
	}
}
