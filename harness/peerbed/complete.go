package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"
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
