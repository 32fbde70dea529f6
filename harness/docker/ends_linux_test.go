package docker

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"peerbed/harness"
)

// endVariable makes the test binary a harness that begins a run of three nodes,
// prints the run's id and comes to this end. Unless it panics it has two shards.
const endVariable = "PEERBED_TEST_END"

func TestMain(m *testing.M) {
	if how := os.Getenv(endVariable); how != "" {
		beginAndEnd(how)
	}
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		f.Value.Set("6") // most of a test is waiting
	}
	os.Exit(m.Run())
}

func beginAndEnd(how string) {
	ctx := context.Background()
	if how == "whole" {
		wholeRun(ctx)
		return
	}
	b := newBackend(harness.Options{Run: "end", Nodes: 3, Progress: func(string, ...any) {}})
	if how != "panic" {
		b.perBridge = 2
	}
	err := b.begin(ctx, nodePackage)
	if err == nil {
		err = spawn(ctx, b, specs(b, 2))
	}
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(2)
	}
	fmt.Println(b.id)
	switch how {
	case "panic":
		panic("as an experiment may")
	case "orphan":
		orphan(ctx, b)
	}
	<-ctx.Done() // never
}

// orphan ends all who would clear up: the run's watch, its agent and this
// process.
func orphan(ctx context.Context, b *Backend) {
	b.watcher.process.Process.Kill()
	b.watcher.process.Wait()
	b.end(errClosed) // or the agent would be started again
	if err := b.engine.ContainerKill(ctx, b.agentID, "KILL"); err != nil {
		fmt.Println("error:", err)
		os.Exit(2)
	}
	os.Exit(0)
}

// "Nothing leaks: it vanishes when the test ends, when it panics, when it is
// killed with SIGKILL", and so do the bridges and trunks of shards.
func TestHarnessEnds(t *testing.T) {
	t.Parallel()
	e := needDaemon(t)
	for _, how := range []string{"kill", "panic"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			c, id := startHarness(t, how)
			if how == "kill" {
				if list, err := remains(t.Context(), e, id); len(list) < 4+3+3+4+1 || err != nil {
					t.Errorf("before the end there are %q (error %v), want 3 nodes, an agent, 3 networks and bridges, 4 ends of trunks and a folder", list, err)
				}
				c.Process.Kill()
			}
			began := time.Now()
			nothingLeft(t, e, id)
			t.Logf("all gone after %v", time.Since(began).Round(time.Millisecond))
		})
	}
}

// startHarness starts one that ends like this and returns it with the run's id
// once its nodes are up. It shares this process's turn.
func startHarness(t *testing.T, how string) (*exec.Cmd, string) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), endVariable+"="+how, TurnsVariable+"=off")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if id := strings.TrimSpace(line); err == nil && runFolder.MatchString(id) {
		return c, id
	}
	t.Fatalf("the harness said %q (error %v), want a run's id", line, err)
	return nil, ""
}
