package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"peerbed/harness"
	"peerbed/harness/agent"
	"peerbed/harness/backendtest"
	"peerbed/harness/docker"
)

// An answer is doctor's, as JSON.
type answer struct {
	Containers bool
	Checks     []check
}

func (a answer) find(name string) check {
	for _, c := range a.Checks {
		if c.Name == name {
			return c
		}
	}
	return check{}
}

func askDoctor(t *testing.T, args ...string) (answer, int, string) {
	t.Helper()
	var out, errs bytes.Buffer
	status := run(context.Background(), append([]string{"doctor", "-o", "json"}, args...), &out, &errs)
	var a answer
	if err := json.Unmarshal(out.Bytes(), &a); err != nil {
		t.Fatalf("%v in %s (errors %s)", err, out.String(), errs.String())
	}
	return a, status, errs.String()
}

// "Exit 0 when containers can run": a container tries what a run needs.
func TestDoctorFindsThisMachineWell(t *testing.T) {
	if version, err := docker.Available(t.Context()); err != nil {
		backendtest.Lacks(t, fmt.Sprint(err, version))
	}
	a, status, _ := askDoctor(t)
	if status != 0 || !a.Containers {
		t.Errorf("status %d, containers %v, want 0 and true; %v", status, a.Containers, a.Checks)
	}
	for _, name := range []string{"go", "docker", "agent", "guard", "cuts"} {
		if c := a.find(name); c.Grade != passed {
			t.Errorf("%s is %q: %s", name, c.Grade, c.Found)
		}
	}
	for _, c := range a.Checks {
		if (c.Grade == passed) != (c.Cure == "") || c.Found == "" {
			t.Errorf("%+v: want a cure if, and only if, something is wrong", c)
		}
	}
}

// "1 otherwise", and how to get what is missing.
func TestDoctorWithoutDaemon(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
	a, status, errs := askDoctor(t)
	c := a.find("docker")
	if status != 1 || a.Containers || c.Grade != missing || !strings.Contains(c.Cure, "systemctl start docker") {
		t.Errorf("status %d, containers %v, %+v; want 1, false, and how to start it", status, a.Containers, c)
	}
	if strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "containers cannot run here") {
		t.Errorf("errors %q, want one sentence", errs)
	}
	if a.find("memory").Found == "" {
		t.Error("nothing is said of memory, which has nothing to do with the daemon")
	}
}

// The thresholds of grades, and that numbers come out right.
func TestGrades(t *testing.T) {
	roomy, tight := agent.Limits{1, 2, 300 * 299}, agent.Limits{128, 512, 1024}
	for name, c := range map[string]struct {
		check check
		grade grade
		found string
		cure  string
	}{
		"a table for 300":  {neighbours(roomy, ""), passed, "89700 entries, enough for 300 nodes", ""},
		"a table to raise": {neighbours(tight, ""), passed, "enough for 32 nodes that all talk to each other; 33 nodes need 1056, 100 nodes need 9900, 300 nodes need 89700; a run raises", ""},
		"a fixed table":    {neighbours(tight, "no"), warn, "", "gc_thresh3=179400 net.ipv4.neigh.default.gc_thresh2=134550 net.ipv4.neigh.default.gc_thresh1=89700"},
		"overlay2":         {storage("overlay2"), passed, "overlay2", ""},
		"fuse-overlayfs":   {storage("fuse-overlayfs"), warn, "7 MiB more", "overlay2"},
		"little memory":    {memory(agent.Machine{MemoryFree: 1 << 30, MemoryTotal: 2 << 30}, 80), warn, "1.0 GiB of 2.0 GiB free: 80 containers or 85 processes", "-nodes 79"},
		"few connections":  {connections(agent.Machine{BridgeFilter: "1", Connections: 1000}), warn, "1000 entries", "nf_conntrack_max"},
		"no filter":        {connections(agent.Machine{BridgeFilter: "0", Connections: 1000}), passed, "do not pass", ""},
		"no ticks":         {processors(agent.Machine{Cores: 2}), warn, "2", "/proc/stat"},
		"a busy host":      {processors(agent.Machine{Cores: 2, Ticks: true, Stolen: 0.1}), warn, "10.0 %", "machine of its own"},
	} {
		if got := c.check; got.Grade != c.grade || !strings.Contains(got.Found, c.found) || !strings.Contains(got.Cure, c.cure) {
			t.Errorf("%s: %+v, want %s, %q and %q", name, got, c.grade, c.found, c.cure)
		}
	}
}

// What clean did is told line by line; it fails only if something stays that
// should not.
func TestCleanTells(t *testing.T) {
	gone := harness.Leftover{Run: "0a", Kind: "network", Name: "n"}
	alive := harness.Leftover{Run: "0b", Kind: "run", Name: "TestX", Kept: "it is alive"}
	stuck := harness.Leftover{Run: "0a", Kind: "folder", Name: "/f", Kept: "permission denied", Failed: true}
	for _, c := range []struct {
		cleaning harness.Cleaning
		found    []harness.Leftover
		want     string
		fails    string
	}{
		{harness.Cleaning{}, nil, "nothing to remove\n", ""},
		{harness.Cleaning{}, []harness.Leftover{gone}, "removed network n of run 0a\n", ""},
		{harness.Cleaning{Dry: true}, []harness.Leftover{gone}, "would remove network n of run 0a\n", ""},
		{harness.Cleaning{}, []harness.Leftover{alive}, "clean -run 0b\nnothing to remove\n", ""},
		{harness.Cleaning{}, []harness.Leftover{gone, stuck}, "could not remove folder /f of run 0a: permission denied\n", "1 of 2 things remain"},
		{harness.Cleaning{Run: "0c"}, nil, "", "there is no run 0c"},
	} {
		var out bytes.Buffer
		err := tell(&out, c.cleaning, c.found)
		if !strings.HasSuffix(out.String(), c.want) || (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
			t.Errorf("%+v: it told %q (error %v), want %q and an error with %q", c.cleaning, out.String(), err, c.want, c.fails)
		}
	}
}
