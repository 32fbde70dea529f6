package experiments

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"peerbed/harness"
	"peerbed/harness/plan"
	"peerbed/harness/sim"
	"peerbed/harness/stat"
	"peerbed/harness/workload"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/napster"
	"peerbed/protocols/p2p"
)

// What the lecture says of Napster, N1 to N11; N7 is in napster_load_test.go and N10 in
// napster_wire_test.go.

var napsterLinks = linkmodel.Model{Default: linkmodel.Link{Delay: 10 * time.Millisecond}}

// napsters starts simulated servers and, behind them, clients.
func napsters(t *harness.T, servers, clients int, opts ...harness.Option) *harness.Cluster {
	t.Helper()
	cast := napster.Servers(servers)(servers + clients)
	c := harness.New(t, napster.Protocol, len(cast), append([]harness.Option{harness.World("sim"), harness.Cast(cast),
		harness.Quiet(), harness.Links(napsterLinks)}, opts...)...)
	c.Settle(napster.Whole)
	return c
}

// directory is what a server says of itself.
func directory(t testing.TB, c *harness.Cluster, server int) napster.Detail {
	t.Helper()
	for _, s := range c.States() {
		if s.Self == c.Addr(server) {
			return s.Detail.(napster.Detail)
		}
	}
	t.Fatalf("node %d is not there", server)
	panic("unreachable")
}

// TestNapsterN1Directory has clients log in with 126 files each (claim N1: the
// "server maintains a list of tuples" and "stores no files"; the client "uploads its
// list on connect"): the directory has exactly these, and when a session ends, by a
// crash or in peace, exactly its own vanish.
func TestNapsterN1Directory(t *testing.T) {
	harness.Repeat(t, 2, func(t *harness.T) {
		clients := size(30, 1000)
		c := napsters(t, 1, clients)
		defer closeNow(t, c)
		for k := range clients * workload.FilesPerUser {
			mustPublish(t, c, 1+k%clients, fmt.Sprintf("song %d.mp3", k))
		}
		c.Advance(time.Second)
		d := directory(t, c, 0)
		t.Want("entries of the directory, beside files that were shared", float64(d.Files), harness.Exactly(float64(clients*workload.FilesPerUser)))
		t.Want("files that the server has", float64(len(d.Library)), harness.Exactly(0))
		c.Crash(seq(1, clients/3)...)
		c.Leave(seq(1+clients/3, clients/3)...)
		c.Advance(time.Second)
		left := clients - 2*(clients/3)
		t.Want("entries after a third crashed and a third left", float64(directory(t, c, 0).Files), harness.Exactly(float64(left*workload.FilesPerUser)))
		c.Restart(seq(1, clients/3)...)
		c.Settle(napster.Whole) // their lists are sent again
		t.Want("entries after the crashed came back", float64(directory(t, c, 0).Files), harness.Exactly(float64((left+clients/3)*workload.FilesPerUser)))
	})
}

// seq is n numbers from the first on.
func seq(first, n int) (all []int) {
	for i := range n {
		all = append(all, first+i)
	}
	return all
}

// A shelf is files with names of words, some words in more names than others.
type shelf struct {
	vocabulary []string
	names      []string
	r          *rand.Rand
	pick       func(*rand.Rand) int
}

func newShelf(seed uint64, vocabulary int) *shelf {
	s := &shelf{r: rand.New(rand.NewPCG(seed, 99)), pick: workload.Zipf(1).Chooser(vocabulary)}
	for i := range vocabulary {
		s.vocabulary = append(s.vocabulary, fmt.Sprintf("%s%d", []string{"love", "rain", "blue", "night", "road"}[i%5], i))
	}
	return s
}

func (s *shelf) word() string { return s.vocabulary[s.pick(s.r)] }

// add makes one more name, of three words and a number.
func (s *shelf) add() string {
	s.names = append(s.names, fmt.Sprintf("%s - %s %s (%d).mp3", s.word(), s.word(), s.word(), len(s.names)))
	return s.names[len(s.names)-1]
}

// having lists the files that have all words in their names: what a search should
// find, worked out without a tree.
func (s *shelf) having(query string) (files []int) {
	for i, name := range s.names {
		there := strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune(" -().", r) })
		if !slices.ContainsFunc(strings.Fields(query), func(w string) bool { return !slices.Contains(there, w) }) {
			files = append(files, i)
		}
	}
	return files
}

// TestNapsterN2Search asks for one and two words (claim N2: "keyword search; server
// returns list of hosts"), and holds what is found against names that were read one
// by one: nothing is missing and nothing is too much, up to 100 results.
func TestNapsterN2Search(t *testing.T) {
	harness.Repeat(t, 2, func(t *harness.T) {
		const clients, each, queries = 20, 25, 150
		c := napsters(t, 1, clients)
		defer closeNow(t, c)
		s := newShelf(t.Seed(), 150)
		for k := range clients * each {
			mustPublish(t, c, 1+k%clients, s.add())
		}
		missing, extra, asked, capped := 0, 0, 0, 0
		for q := range queries {
			asker, query := 1+q%clients, s.word()
			if q%2 == 1 {
				query += " " + s.word()
			}
			files := s.having(query)
			out := c.Find(asker, query)
			owners := map[p2p.Addr]bool{}
			for _, f := range files {
				if own := 1 + f%clients; own != asker {
					owners[c.Addr(own)] = true
				}
			}
			for _, a := range out.Found {
				if !owners[a] {
					extra++
				}
			}
			if len(files) > 100 {
				capped++
				continue
			}
			asked++
			missing += len(owners) - len(out.Found)
		}
		t.Want("owners that were not found, of queries with up to 100 results", float64(missing), harness.Exactly(0))
		t.Want("owners that were found and have no such file", float64(extra), harness.Exactly(0))
		t.Want("queries with up to 100 results", float64(asked), harness.AtLeast(queries/2))
		t.Want("queries with more", float64(capped), harness.AtLeast(1))
	})
}

// TestNapsterN3Tree lets the directory grow (claim N3: "ternary tree search"). A
// lookup in the tree compares letters, some per letter of the word and some that grow
// with the logarithm of the number of words; to read all names takes in proportion to
// their number.
func TestNapsterN3Tree(t *testing.T) {
	harness.Repeat(t, 3, func(t *harness.T) {
		const clients = 8
		c := napsters(t, 1, clients)
		defer closeNow(t, c)
		r := rand.New(rand.NewPCG(t.Seed(), 3))
		var names []string
		var logs, tree, scan []float64
		for _, files := range []int{128, 512, size(2048, 32768)} {
			for len(names) < files {
				names = append(names, letters(r)+" "+letters(r))
				mustPublish(t, c, 1+len(names)%clients, names[len(names)-1])
			}
			before := directory(t, c, 0)
			const asks = 60
			read := 0
			for range asks {
				name := names[r.IntN(len(names))]
				c.Find(1, name)
				read += compared(names, strings.Fields(name))
			}
			d := directory(t, c, 0)
			words := float64(d.Lookups - before.Lookups)
			perWord := float64(d.Compared-before.Compared) / words
			logs, tree, scan = append(logs, math.Log2(float64(d.Words))), append(tree, perWord), append(scan, float64(read)/words)
			fmt.Printf("  %6d files, %6d words: %5.1f letters compared per word in the tree, %9.1f by reading all names\n", files, d.Words, perWord, float64(read)/words)
			t.Want(fmt.Sprintf("%d files: letters compared, per letter of a word and log2 of the words", files), perWord/(wordLength+math.Log2(float64(d.Words))), harness.AtMost(1))
		}
		t.Want("letters compared for each doubling of the words", stat.Slope(logs, tree), harness.Within(0.3, 2))
		for i := range scan {
			scan[i] = math.Log2(scan[i])
		}
		t.Want("the same by reading all: the exponent", stat.Slope(logs, scan), harness.Near(1, 0.1))
	})
}

const wordLength = 8

// letters is a word that is like no other.
func letters(r *rand.Rand) string {
	b := make([]byte, wordLength)
	for i := range b {
		b[i] = 'a' + byte(r.IntN(26))
	}
	return string(b)
}

// compared counts the letters that one compares who reads all names.
func compared(names, wanted []string) (n int) {
	for _, w := range wanted {
		for _, name := range names {
			for _, there := range strings.Fields(name) {
				for i := range min(len(w), len(there)) {
					if n++; w[i] != there[i] {
						break
					}
				}
			}
		}
	}
	return n
}

// TestNapsterN4Servers has four servers search together (claim N4). What is found is
// the union: every file, whoever is asked. When one server dies, its users' files are
// gone at once, and those of no other; they come back when its users have logged in at
// others.
func TestNapsterN4Servers(t *testing.T) {
	const servers, clients, files = 4, 48, 180
	harness.Repeat(t, 20, func(t *harness.T) {
		c := napsters(t, servers, clients, harness.Config("patience=1s"))
		defer closeNow(t, c)
		for k := range files {
			mustPublish(t, c, servers+k%clients, fmt.Sprintf("song %d", k))
		}
		c.Advance(time.Second)
		all := c.Run(5*time.Second, workload.Lookups{Rate: 60})
		t.Want("found while all servers are there", all.Found, harness.Exactly(1))
		home := map[int]p2p.Addr{}
		for _, s := range c.States() {
			home[c.Index(s.Self)] = s.Detail.(napster.Detail).Server
		}
		dead := c.Addr(1)
		lost := 0.0
		for k := range files {
			if home[servers+k%clients] == dead {
				lost += 1.0 / files
			}
		}
		c.Crash(1) // whose users try it once more before they turn to others: for a moment they are nowhere
		r := c.Run(time.Second, workload.Lookups{Rate: 5 * files, Steady: true, For: 200 * time.Millisecond, Keys: inTurn{}})
		asked, found, wrong := 0, 0, 0
		for _, o := range r.Operations {
			if at := home[o.Asker]; at == dead || o.Asker < servers {
				continue
			}
			owner := home[servers+number(o.Name)%clients]
			asked++
			if o.Err == nil {
				found++
			}
			if (o.Err == nil) == (owner == dead) {
				wrong++
			}
		}
		t.Want("share of lookups that fail at the living servers, beside the files of the dead one", float64(asked-found)/float64(asked)-lost, harness.Near(0, 0.02))
		t.Want("lookups of living servers' files that fail, or of a dead one's that do not", float64(wrong), harness.Exactly(0))
		c.Settle(napster.Whole)
		t.Want("found when its users are at others", c.Run(5*time.Second, workload.Lookups{Rate: 60}).Found, harness.Exactly(1))
	})
}

// inTurn asks for each file once, whoever asks.
type inTurn struct{}

func (inTurn) Chooser(n int) func(*rand.Rand) int {
	next := -1
	return func(*rand.Rand) int {
		next++
		return next % n
	}
}

// number is the one behind the name.
func number(name string) (n int) {
	fmt.Sscanf(name, "song %d", &n)
	return n
}

// TestNapsterN5Nearest fetches a file that several have (claim N5: the client "pings
// each host in the list to find transfer rates" and "fetches from the best"). A lookup
// costs one query, one reply and two messages a host: the dial that pings it, and its
// 1. The one that is chosen is the nearest, and the download ends sooner than from one
// at random.
func TestNapsterN5Nearest(t *testing.T) {
	const clients, hosts, files = 30, 6, 10
	model := linkmodel.Model{Default: linkmodel.Link{Delay: 5 * time.Millisecond, Rate: 200_000}, Plane: &linkmodel.Plane{Side: 100 * time.Millisecond, Seed: 5}}
	harness.Repeat(t, 4, func(t *harness.T) {
		nearest := 0
		times := map[string]time.Duration{}
		for _, choose := range []string{"ping", "random"} {
			c := napsters(t, 1, clients, harness.Links(model), harness.Config("choose="+choose))
			r := rand.New(rand.NewPCG(t.Seed(), 5))
			for k := range files {
				who := r.Perm(clients)[:hosts+1]
				name := fmt.Sprintf("song %d", k)
				for _, i := range who[1:] {
					if o := c.Publish(1+i, name, 4000); o.Err != nil {
						t.Fatal(o.Err)
					}
				}
				c.Advance(time.Second)
				asker := 1 + who[0]
				var out harness.Outcome
				cost := c.Measure(func() { out = c.Find(asker, name) })
				if choose == "ping" {
					mustCost(t, &cost, hosts)
					best := slices.MinFunc(who[1:], func(i, j int) int { return int(away(&model, c, asker, 1+i) - away(&model, c, asker, 1+j)) })
					if len(out.Found) == hosts && out.Found[0] == c.Addr(1+best) {
						nearest++
					}
				}
				times[choose] += c.Fetch(asker, name).Took
			}
			closeNow(t, c)
		}
		t.Want("share of lookups in which the first is the nearest", float64(nearest)/files, harness.AtLeast(0.95))
		t.Want("time of a download from the nearest, beside one from anybody", float64(times["ping"])/float64(times["random"]), harness.AtMost(0.98))
	})
}

// mustCost holds the messages of one lookup against the claim.
func mustCost(t *harness.T, cost *harness.Totals, hosts uint64) {
	t.Helper()
	var sent uint64
	for _, k := range cost.Kinds {
		want := map[string]uint64{"search": 1, "results": 1, "one": hosts}[k.Kind]
		if k.Class == p2p.Lookup && k.Sent != want {
			t.Errorf("a lookup that finds %d hosts sends %d messages of type %s, want %d", hosts, k.Sent, k.Kind, want)
		}
		if k.Class == p2p.Lookup {
			sent += k.Sent
		}
	}
	if want := 2 + hosts; sent != want {
		t.Errorf("a lookup that finds %d hosts sends %d messages and dials each host; want %d", hosts, sent, want)
	}
}

// away is how far two nodes are from each other, there and back.
func away(m *linkmodel.Model, c *harness.Cluster, i, j int) time.Duration {
	return m.Link(c.Addr(i), c.Addr(j)).Delay + m.Link(c.Addr(j), c.Addr(i)).Delay
}

// TestNapsterN6AllTCP watches every message of a small network from its beginning to
// its end (claim N6: "all communication uses TCP"): not one is a datagram.
func TestNapsterN6AllTCP(t *testing.T) {
	datagrams, streams := 0, 0
	w := sim.New(sim.Config{Seed: 1, Watch: func(e *sim.Event) {
		switch {
		case e.What != sim.Send:
		case e.Link == 0:
			datagrams++
		default:
			streams++
		}
	}})
	var nodes []p2p.Addr
	for i, role := range napster.Servers(2)(8) {
		cfg, err := p2p.With(role.Config, "server="+sim.Addr(0).String())
		if err == nil {
			err = w.Spawn(harness.Spec{Index: i, Protocol: napster.Protocol, Config: cfg})
		}
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, sim.Addr(i))
	}
	w.Run(5 * time.Second)
	for i, op := range []p2p.Op{p2p.Publish{Name: "song", Size: 1e6, Seed: 1}, p2p.Find{Name: "song"}, p2p.Fetch{Name: "song"}, p2p.Remove{Name: "song"}, p2p.Leave{}} {
		at := nodes[2+i%3]
		if _, ok := op.(p2p.Remove); ok {
			at = nodes[2]
		}
		failed := error(nil)
		w.Do(at, op, func(o harness.Outcome) { failed = o.Err })
		if w.Run(5 * time.Second); failed != nil {
			t.Errorf("%T: %v", op, failed)
		}
	}
	fmt.Printf("  %d messages on streams, %d datagrams\n", streams, datagrams)
	if datagrams > 0 || streams < 30 {
		t.Errorf("%d datagrams beside %d messages on streams, want none", datagrams, streams)
	}
}

// TestNapsterN8SinglePoint takes the server away (claim N8: "single point of
// failure"): nothing is found any more, and every lookup ends within its patience.
// When the network is cut in two, the side without the server finds nothing and the
// other all that is on it.
func TestNapsterN8SinglePoint(t *testing.T) {
	const clients, files, patience = 15, 60, 2 * time.Second
	harness.Repeat(t, 3, func(t *harness.T) {
		c := napsters(t, 1, clients, harness.Config("patience=2s"))
		defer closeNow(t, c)
		for k := range files {
			mustPublish(t, c, 1+k%clients, fmt.Sprintf("song %d", k))
		}
		c.Advance(time.Second)
		lookups := workload.Lookups{Rate: 30}
		t.Want("found with the server", c.Run(5*time.Second, lookups).Found, harness.Exactly(1))
		c.Crash(0)
		r := c.Run(5*time.Second, lookups)
		slowest := time.Duration(0)
		for _, o := range r.Operations {
			slowest = max(slowest, o.Took)
		}
		t.Want("found without it", r.Found, harness.Exactly(0))
		t.Want("seconds until the slowest of these lookups gave up", slowest.Seconds(), harness.AtMost(patience.Seconds()+0.1))
		c.Restart(0)
		c.Settle(napster.Whole)

		even, odd := c.Halves()
		c.Cut(even, odd)
		r = c.Run(10*time.Second, lookups)
		side := func(asker, owner int) harness.Summary {
			return harness.Summarise(r.Operations, func(o *harness.Operation) bool {
				return o.Op == plan.Find && o.Asker%2 == asker && (1+number(o.Name)%clients)%2 == owner
			})
		}
		t.Want("found on the server's side, of what is there", side(0, 0).Found, harness.Exactly(1))
		t.Want("found on the server's side, of what is beyond", side(0, 1).Found, harness.Exactly(0))
		t.Want("found on the other side, of what is there", side(1, 1).Found, harness.Exactly(0))
	})
}

// TestNapsterN9Scale doubles the number of users, with eight files each (claim N9):
// a lookup takes as long in a large network as in a small one, and the server's
// memory grows in proportion.
func TestNapsterN9Scale(t *testing.T) {
	harness.Repeat(t, 4, func(t *harness.T) {
		var logs, users, latency, held []float64
		for n := 16; n <= size(256, 2048); n *= 2 {
			c := napsters(t, 1, n)
			for k := range 8 * n {
				mustPublish(t, c, 1+k%n, fmt.Sprintf("song %d", k))
			}
			c.Advance(time.Second)
			r := c.Run(10*time.Second, workload.Lookups{Rate: 15})
			d := directory(t, c, 0)
			logs, users = append(logs, math.Log2(float64(n))), append(users, float64(n))
			latency, held = append(latency, r.P50.Seconds()*1000), append(held, float64(d.Held))
			closeNow(t, c)
		}
		t.Want("milliseconds that a lookup takes longer with each doubling", stat.Slope(logs, latency), harness.Near(0, 0.5))
		t.Want("R2 of a straight line through the server's bytes", straight(users, held), harness.AtLeast(0.99))
		t.Want("bytes for each user more", stat.Slope(users, held), harness.Within(500, 5000))
	})
}

// straight is the share of the variance of y that a line through the points explains.
func straight(x, y []float64) float64 {
	slope := stat.Slope(x, y)
	var mx, my, all, left float64
	for i := range x {
		mx += x[i] / float64(len(x))
		my += y[i] / float64(len(y))
	}
	for i := range x {
		all += (y[i] - my) * (y[i] - my)
		off := y[i] - my - slope*(x[i]-mx)
		left += off * off
	}
	return 1 - left/all
}

// TestNapsterN11Libraries draws the libraries that a screenshot of the lecture shows:
// 740,043 files of 2,991 GB in 5,873 libraries are 126 files of 4.04 MB each. (Files
// are a thousandth of that here.)
func TestNapsterN11Libraries(t *testing.T) {
	harness.Repeat(t, 4, func(t *harness.T) {
		c := napsters(t, 1, 11)
		defer closeNow(t, c)
		c.Run(time.Minute, workload.Libraries{Sizes: workload.Measured.Scaled(0.001)})
		d := directory(t, c, 0)
		t.Want("files of a library", float64(d.Files)/12, harness.Exactly(math.Round(740043.0/5873)))
		t.Want("bytes of a file, beside a thousandth of 4.04 MB", float64(d.Bytes)/float64(d.Files)/(2991e9/740043/1000), harness.Near(1, 0.1))
	})
}
