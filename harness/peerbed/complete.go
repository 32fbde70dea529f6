package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"peerbed/harness/links"
	"peerbed/harness/peerbed/internal/resident"
	"peerbed/protocols/all"
	"peerbed/protocols/introducer"
)

// bashScript asks peerbed what can follow, one candidate a line with a colon
// and its description behind it. The library's own script needs the package
// bash-completion, which not every system has; this one needs bash alone, and
// completes flags with one dash too.
const bashScript = `_peerbed() {
  local cur="${COMP_WORDS[COMP_CWORD]}" line words=""
  local ask=("${COMP_WORDS[@]:0:COMP_CWORD}")
  [[ $cur == -* ]] && ask+=("-")
  while IFS= read -r line; do
    line="${line%%:*}"
    [[ $cur == -* && $cur != --* ]] && line="${line/#--/-}"
    words+=" $line"
  done < <("${ask[@]}" --generate-shell-completion 2>/dev/null)
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _peerbed peerbed
`

// completion adapts the library's command: two shells, and our script for one.
func (s *shell) completion(c *cli.Command) {
	var two []*cli.Command
	for _, one := range c.Commands {
		switch one.Name {
		case "bash":
			one.Action = func(context.Context, *cli.Command) error {
				_, err := fmt.Fprint(s.out, bashScript)
				return err
			}
			fallthrough
		case "zsh":
			two = append(two, one)
		}
	}
	c.Commands = two
	c.Action = func(context.Context, *cli.Command) error {
		return misused("want the name of a shell, bash or zsh: source <(peerbed completion bash)")
	}
}

// following names the commands that can follow.
func following(commands []*cli.Command) cli.ShellCompleteFunc {
	return func(_ context.Context, c *cli.Command) {
		for _, one := range commands {
			if !one.Hidden {
				fmt.Fprintf(c.Root().Writer, "%s:%s\n", one.Name, one.Usage)
			}
		}
	}
}

// completing is the last word of a command line that asks what can follow the
// others.
const completing = "--generate-shell-completion"

// values writes what can follow where a cluster, its nodes or one of few words is
// meant, and reports whether it is so; elsewhere the library knows.
func values(ctx context.Context, out io.Writer, words []string) bool {
	n := len(words) - 1
	if n < 1 || words[n] != completing || strings.HasPrefix(words[n-1], "-") && n == 1 {
		return false
	}
	command, last := words[0], words[n-1]
	list, ours := []string(nil), true
	switch flag, dashed := strings.CutPrefix(last, "-"); {
	case !dashed && slices.Contains([]string{"leave", "crash", "vanish", "restart", "pause", "resume", "logs"}, command):
		list = nodesOf(ctx, words)
	case !dashed:
		ours = false
	default:
		list, ours = valuesOf(ctx, command, strings.TrimPrefix(flag, "-"), words)
	}
	for _, word := range list {
		fmt.Fprintln(out, word)
	}
	return ours
}

// valuesOf lists what a flag can be, where that is known.
func valuesOf(ctx context.Context, command, flag string, words []string) (list []string, known bool) {
	switch {
	case flag == "name" && command != "up":
		clusters, _ := resident.List() // what cannot be listed cannot be meant
		for _, e := range clusters {
			list = append(list, e.Name)
		}
	case flag == "on", flag == "lines", flag == "from" && command == "find":
		list = nodesOf(ctx, words)
	case flag == "protocol":
		for _, p := range all.All {
			if p != introducer.Protocol {
				list = append(list, p.Name)
			}
		}
	case flag == "backend":
		list = []string{"docker", "proc", "sim"}
	case flag == "o":
		list = []string{"table", "json"}
	case flag == "links":
		list = []string{links.World}
	default:
		return nil, false
	}
	return list, true
}

// nodesOf lists the nodes of the cluster that the words mean. One that does not
// answer has none.
func nodesOf(ctx context.Context, words []string) (list []string) {
	name := ""
	for i, w := range words[:len(words)-1] {
		if strings.TrimLeft(w, "-") == "name" && strings.HasPrefix(w, "-") {
			name = words[i+1]
		}
	}
	name, err := resident.Choose(name)
	if err != nil {
		return nil
	}
	c, err := resident.Dial(name)
	var a resident.About
	if err == nil {
		err = c.Call(ctx, "GET", "/about", nil, &a)
	}
	if err != nil {
		return nil
	}
	for i := range a.Nodes {
		list = append(list, fmt.Sprintf("%s-%d", a.Protocol, i))
	}
	return list
}
