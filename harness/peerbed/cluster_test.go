package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"peerbed/harness/peerbed/internal/resident"
	"peerbed/protocols/chord"
	"peerbed/protocols/gnutella"
)

// Every command, one after the other, on five nodes: what it prints, and what
// the next ones see of it.
func TestCommands(t *testing.T) {
	worlds := []string{"sim"}
	if runtime.GOOS == "linux" {
		worlds = append(worlds, "proc")
	}
	for _, world := range worlds {
		t.Run(world, func(t *testing.T) {
			top := ownHome(t)
			keep(t, "five", world, chord.Protocol, 5)
			file := filepath.Join(top, "mine")
			if err := os.WriteFile(file, []byte("what I have"), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, c := range [][2]string{
				{"list", `five +chord +` + world + ` +5 of 5`},
				{"status", `chord-4 +\S+ +peer +up +\w+ +\d: `},
				{"publish PennyLane.mp3", `^chord-0 has published PennyLane.mp3, which is kept by chord-`},
				{"publish --size=64kB big --on chord-2", `^chord-2 has published big`},
				{"publish mine -from " + file + " -on 3", `^chord-3 has published mine`},
				{"find PennyLane.mp3", `(?s)^chord-4 found PennyLane.mp3 at chord-\d, .*path: chord-4`},
				{"find -from 1 PennyLane.mp3 --explain", `(?s)^chord-1 found .*\n  chord-1  \S+  id `},
				{"fetch big -on 1", `^chord-1 has fetched big, 64000 bytes`},
				{"fetch mine -to " + file + ".back", `11 bytes`},
				{"remove mine -on 3", `^chord-3 has taken back mine`},
				{"cut -groups 2,3", `(?s)^cut between chord-0, chord-1 \| chord-2, chord-3, chord-4\nprobed: asked ways: 12 closed, \d open; got ways: 12 closed, \d open\nuntil: peerbed heal "cut 1"`},
				{"status", `lasting: cut between chord-0, chord-1 \| .* \(peerbed heal "cut 1"\)`},
				{"heal cut", `^healed: cut between chord-0`},
				{"cut -groups 0/1-4 -one-way", `^cut from chord-0 to chord-1`},
				{"heal", `^healed: cut from`},
				{"shape -delay 2ms -between 0/1-2", `^links shaped`},
				{"shape -loss 0.01 -up 1MB -lines 1-2", `(?s)^chord-1, chord-2 throttled to 1000000 bytes/s up, 0 down.*links shaped`},
				{"heal throttle", `^healed: chord-1, chord-2 throttled`},
				{"shape -links world", `^links shaped: world \(5 nodes in 5 regions\)`},
				{"shape", `^links are perfect again`},
				{"pause 1 chord-2", `^pause of chord-1, chord-2`},
				{"status", `chord-2 +\S+ +peer +paused`},
				{"resume 1-2", `^resume of chord-1, chord-2`},
				{"crash 1", `^crash of chord-1`},
				{"vanish -share 0.25", `^vanish of chord-`},
				{"status", `chord-1 +\S+ +peer +down: crash`},
				{"restart -share 1", `^restart of chord-`},
				{"leave 3-4", `^leave of chord-3, chord-4`},
				{"status", `chord-4 +\S+ +peer +down: leave`},
				{"restart 3-4", `^restart of chord-3, chord-4`},
				{"churn -session exponential(1s) -downtime exponential(200ms) -for 1s", `^churn: asked \d+ %/h, got .* joins`},
				{"wait 10ms", `^10ms have passed`},
				{"metrics", `stored +transfer +\d+`},
				{"metrics -prometheus", `peerbed_messages_total\{protocol="chord",type="stored",class="transfer",direction="sent"\} \d+`},
			} {
				status, out, errs := says(t, strings.Fields(c[0])...)
				if status != 0 || !regexp.MustCompile(c[1]).MatchString(out+errs) {
					t.Errorf("peerbed %s: status %d\n%s%s\nwant %s", c[0], status, out, errs, c[1])
				}
			}
			if got, err := os.ReadFile(file + ".back"); string(got) != "what I have" {
				t.Errorf("the file came back as %q, %v", got, err)
			}
		})
	}
}

// "find -explain shows what Inspect says": every hop is the entry that it is
// said to be, by the neighbours that status shows too; and a table that has
// changed since is found out (see TestExplainCanDisagree).
func TestExplainAgreesWithInspect(t *testing.T) {
	ownHome(t)
	keep(t, "ring", "sim", chord.Protocol, 32)
	keep(t, "graph", "sim", gnutella.Protocol, 12)
	for _, name := range []string{"ring", "graph"} {
		does(t, "wait 2m -name "+name) // until no table changes any more
		does(t, "publish song -name "+name)
		states := asJSONOf[resident.Status](t, "status -name "+name).States
		hops := 0
		for _, s := range states[1:] {
			a := asJSONOf[resident.Answer](t, "find song -explain -name "+name+" -from "+s.Name)
			for i, h := range a.Path {
				if i == 0 {
					continue
				}
				hops++
				before := states[slices.IndexFunc(states, func(s resident.State) bool { return s.Name == a.Path[i-1].Node })]
				if !h.Agrees || h.By == "" || !slices.Contains(before.Neighbours, h.Node) {
					t.Errorf("%s: from %s to %s by %q: agrees %v (%s), neighbours %v", name, before.Name, h.Node, h.By, h.Agrees, h.Inspect, before.Neighbours)
				}
			}
		}
		if hops < len(states) {
			t.Errorf("%s: %d hops in %d lookups: too few to say anything", name, hops, len(states)-1)
		}
	}
}

// "Two clusters side by side do not touch each other", and a command must say
// which it means.
func TestSideBySide(t *testing.T) {
	ownHome(t)
	refuses(t, "status", 1, "no cluster is up; bring one up first: peerbed up")
	keep(t, "one", "sim", chord.Protocol, 4)
	keep(t, "two", "sim", chord.Protocol, 6)
	refuses(t, "status", 1, "there are 2 clusters; say which: -name one, -name two")
	refuses(t, "crash 1 -name three", 1, "no cluster is called three; peerbed list shows those there are")
	does(t, "publish song -name one")
	does(t, "cut -groups 2,2 -name one")
	does(t, "crash 3 -name one")
	two := asJSONOf[resident.Status](t, "status -name two")
	if two.Up != 6 || len(two.Faults) > 0 || slices.ContainsFunc(two.States, func(s resident.State) bool { return len(s.Stored) > 0 }) {
		t.Errorf("the other cluster has changed: %+v", two)
	}
	if one := asJSONOf[resident.Status](t, "status -name one"); one.Up != 3 || len(one.Faults) != 2 {
		t.Errorf("up %d, faults %q; want 3, and a cut and a crash", one.Up, one.Faults)
	}
	does(t, "down -name one")
	if out := does(t, "list"); strings.Contains(out, "one") || !strings.Contains(out, "two") {
		t.Errorf("after down of one the list is %s", out)
	}
	does(t, "status")
}

// What does not make sense for the cluster is said in a sentence, and changes
// nothing.
func TestSenseless(t *testing.T) {
	ownHome(t)
	keep(t, "four", "sim", chord.Protocol, 4)
	does(t, "crash 3")
	for line, sentence := range map[string]string{
		"crash chord-9":                       `there is no node "chord-9": want a name from chord-0 to chord-3`,
		"crash 2-7":                           `there is no node "2-7"`,
		"crash":                               "want nodes to crash, or a -share of them",
		"crash 1 -share 0.5":                  "want nodes to crash, or a -share of them",
		"crash -share 2":                      "-share 2: want 0 to 1",
		"crash 3":                             "nothing to crash: chord-3 is down (crash)",
		"restart 0 1":                         "nothing to restart: chord-0 is up, chord-1 is up",
		"resume -share 1":                     "nothing to resume",
		"find x -from 3":                      "chord-3 is down (crash); restart it first: peerbed restart 3",
		"find x -from 0-1":                    "want one node, not 2",
		"leave 3":                             "nothing to leave: chord-3 is down (crash)",
		"find nobody-has-this":                "chord-2 could not find nobody-has-this: not found",
		"cut -groups 9,9":                     "want sizes that 4 nodes are enough for",
		"cut -groups 2":                       "want two groups or more",
		"cut -groups 0-2/2-3":                 "chord-2 is in two of the groups",
		"cut -groups 1,1,1 -one-way":          "want two groups, from the first to the second",
		"heal":                                "there is nothing to heal; what is down comes back by peerbed restart",
		"shape -loss 3":                       "loss 3: want 0 to 1",
		"shape -delay -3s":                    "want 0 or more",
		"churn -for 1m":                       "want one of -session LAW",
		"churn -turnover 1e12 -for 24h":       "comings and goings",
		"churn -turnover 5 -for 1000h":        "want more than 0 and at most 24h0m0s",
		"wait -- -3s":                         "want how long to wait",
		"logs 1":                              "simulated nodes print nothing",
		"fetch song -to /no/such/folder/x":    "could not fetch song",
		"publish x -from /no/such/file":       "no such file",
		"publish " + strings.Repeat("x", 300): "plain file name",
	} {
		refuses(t, line, 1, sentence)
	}
	for line, sentence := range map[string]string{
		"cut":                           "want -groups",
		"publish":                       "want NAME, not []",
		"publish x -size 0":             `-size "0": want a number of bytes`,
		"publish x -size 99999999999GB": "want a number of bytes",
		"publish x -from /dev/zero":     "want a plain file",
		"churn -session daily":          `law "daily": want exponential(MEAN)`,
		"shape -lines 1":                "how fast are they?",
		"shape -links moon":             "no such file",
		"shape -links world -delay 1s":  "so not -delay too",
		"wait soon":                     `"soon": want a time`,
		"status -o xml":                 "want table or json",
		"status -nmae four":             "flag provided but not defined",
	} {
		refuses(t, line, 2, sentence)
	}
	does(t, "cut -groups 2,2")
	refuses(t, "heal crash", 1, `there is nothing called "crash" to heal; there is "cut 2"`)
	if s := asJSONOf[resident.Status](t, "status"); s.Up != 3 || len(s.Faults) != 2 {
		t.Errorf("after all that %d nodes are up and there are %q: want 3, the crash and the cut", s.Up, s.Faults)
	}
}

// "Ctrl-C at any moment: the cluster lives on", also in the middle of a churn,
// which it stops.
func TestInterruptedCommand(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("processes of this kind need Linux")
	}
	ownHome(t)
	keep(t, "five", "proc", chord.Protocol, 5)
	ctx, interrupt := context.WithCancel(t.Context())
	var errs strings.Builder
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, strings.Fields("churn -turnover 100 -for 1h"), &strings.Builder{}, &errs)
	}()
	soon(t, func() error { return waitsFor(t, "down: away") })
	does(t, "publish song") // other commands work meanwhile
	interrupt()
	if status := <-ended; status != 130 || errs.String() != "peerbed churn: interrupted; the cluster lives on\n" {
		t.Errorf("status %d, %q", status, errs.String())
	}
	does(t, "restart -share 1")
	if s := asJSONOf[resident.Status](t, "status"); s.Up != 5 {
		t.Errorf("%d nodes are up after the restart, want 5", s.Up)
	}
}

// waitsFor reports, as an error, that status does not show a text.
func waitsFor(t *testing.T, text string) error {
	if out := does(t, "status"); !strings.Contains(out, text) {
		return os.ErrNotExist
	}
	return nil
}
