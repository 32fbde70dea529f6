package resident

import (
	"context"
	"os"

	"peerbed/harness"
)

// Clean removes what residents have left of this user's clusters: the state
// folders of dead ones, and folders that are damaged. Those that are alive it
// leaves alone, or with All ends.
func Clean(ctx context.Context, c harness.Cleaning) (found []harness.Leftover, err error) {
	list, err := List()
	for _, e := range list {
		l := harness.Leftover{Kind: "cluster", Name: e.Name}
		switch {
		case e.Alive && !c.All:
			l.Kept = "it is alive; peerbed down -name " + e.Name + " ends it"
		case c.Dry:
		case e.Err != nil:
			l = failed(l, os.RemoveAll(folderOf(e.Name)))
		default:
			_, err := Down(ctx, e.Name)
			l = failed(l, err)
		}
		found = append(found, l)
	}
	return found, err
}

func failed(l harness.Leftover, err error) harness.Leftover {
	if err != nil {
		l.Kept, l.Failed = err.Error(), true
	}
	return l
}
