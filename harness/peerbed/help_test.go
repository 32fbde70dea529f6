package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"peerbed/protocols/chord"
)

// Every command teaches itself, with examples that can be typed as they stand:
// without a cluster they fail for want of it, and for nothing else.
func TestExamples(t *testing.T) {
	ownHome(t)
	for _, c := range (&shell{}).commands() {
		if c.Hidden {
			continue
		}
		status, out, errs := says(t, c.Name, "-h")
		if status != 0 || errs != "" || !strings.Contains(out, "Flags, with one dash or two") {
			t.Errorf("peerbed %s -h: status %d, %s%s", c.Name, status, out, errs)
		}
		examples := 0
		for line := range strings.Lines(out) {
			example, ok := strings.CutPrefix(strings.TrimSpace(line), "peerbed ")
			if !ok || !strings.HasPrefix(line, "    ") {
				continue
			}
			examples++
			switch c.Name {
			case "demo", "new", "doctor", "clean", "up", "sim", "list", "assign", "grade", "replay", "trace", "report", "compare", "serve", "dashboards": // which need no cluster, and would do much
				continue
			}
			args := words(example)
			want := "no cluster is up"
			if strings.Contains(example, "-all") {
				continue
			}
			if strings.Contains(example, "-name ") {
				want = "no cluster is called"
			}
			if strings.Contains(example, "-from ~") {
				want = "no such file"
			}
			if status, _, errs := says(t, args...); status != 1 || !strings.Contains(errs, want) {
				t.Errorf("peerbed %s: status %d: %s", example, status, errs)
			}
		}
		if examples == 0 {
			t.Errorf("peerbed %s -h has no example:\n%s", c.Name, out)
		}
	}
}

// words splits a line as a shell does, as far as the examples need it.
func words(line string) (list []string) {
	line, _, _ = strings.Cut(line, " | ")
	line, _, _ = strings.Cut(line, " > ")
	line, _, _ = strings.Cut(line, "   #")
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			list = append(list, part)
			continue
		}
		list = append(list, strings.Fields(part)...)
	}
	return list
}

// The scripts for completion are such that their shells take them, and ask
// peerbed for what can follow.
func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh"} {
		status, script, errs := says(t, "completion", shell)
		if status != 0 || !strings.Contains(script, "--generate-shell-completion") {
			t.Errorf("completion %s: status %d, %s", shell, status, errs)
		}
		if path, err := exec.LookPath(shell); err == nil {
			c := exec.Command(path, "-n")
			c.Stdin = strings.NewReader(script)
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("%s does not take the script: %v: %s", shell, err, out)
			}
		}
	}
	refuses(t, "completion", 2, "bash or zsh")
	refuses(t, "completion fish", 2, "bash or zsh")
	_, out, _ := says(t, "--generate-shell-completion")
	for _, want := range []string{"up:", "find:", "down:"} {
		if !strings.Contains(out, "\n"+want) && !strings.HasPrefix(out, want) {
			t.Errorf("the commands that can follow lack %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "resident:") {
		t.Error("the resident is offered to people")
	}
	if _, out, _ := says(t, "find", "-", "--generate-shell-completion"); !strings.Contains(out, "--explain:") {
		t.Errorf("the flags of find: %s", out)
	}
}

// What a flag or an argument can be is offered too: clusters, nodes of the one
// that is meant, and words of which there are few.
func TestValuesComplete(t *testing.T) {
	ownHome(t)
	keep(t, "one", "sim", chord.Protocol, 3)
	three := "chord-0 chord-1 chord-2"
	for line, want := range map[string]string{
		"crash":                          three,
		"crash chord-0":                  three,
		"find song -from":                three,
		"fetch song --on":                three,
		"shape -lines":                   three,
		"status -name":                   "one",
		"crash -name one":                three,
		"crash -name two chord-0":        "",
		"up -protocol gnutella -backend": "docker proc sim",
		"status -o":                      "table json",
		"up -links":                      "world",
	} {
		status, out, errs := says(t, append(strings.Fields(line), completing)...)
		if got := strings.Join(strings.Fields(out), " "); status != 0 || got != want || errs != "" {
			t.Errorf("peerbed %s <TAB>: status %d, %q %s; want %q", line, status, got, errs, want)
		}
	}
	if _, out, _ := says(t, "publish", "x", "-from", completing); strings.Contains(out, "chord-") {
		t.Errorf("nodes are offered for files: %s", out)
	}
}

// Bash completes commands, and flags with one dash or two.
func TestBashCompletes(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash here")
	}
	_, script, _ := says(t, "completion", "bash")
	for line, want := range map[string]string{"fi": "find", "find -ex": "-explain", "find --ex": "--explain", "up --prot": "--protocol"} {
		// peerbed is this program: TestMain sees to it
		c := exec.Command(bash, "-c", script+`
			peerbed() { PEERBED_TEST_COMMAND="$*" "$0"; }
			COMP_WORDS=(peerbed $1); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _peerbed; echo "${COMPREPLY[@]}"`, os.Args[0], line)
		if out, err := c.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("peerbed %s<TAB>: %q, %v, want %q", line, out, err, want)
		}
	}
}
