package harness

import "fmt"

// Infrastructure is the error of a run whose world was not as asked: a cut that
// did not hold, links that stayed dead after it, a machine too slow to time
// anything on. It says nothing about the protocol, and nothing that the run
// measured counts.
type Infrastructure struct {
	What       string // "cut between chord-0 | chord-1"
	Asked, Got string
	Help       string // what would help; "": nothing that is known
}

func (e Infrastructure) Error() string {
	text := fmt.Sprintf("infrastructure, not the protocol: %s: asked: %s; got: %s", e.What, e.Asked, e.Got)
	if e.Help != "" {
		text += "; " + e.Help
	}
	return text
}
