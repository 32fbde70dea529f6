package docker

import (
	"context"
	"fmt"

	"peerbed/harness/agent"
)

// What one node takes of the daemon's machine, measured with 100 of them.
const (
	nodeMemory = 16 << 20 // bytes: the node, its shim and file system, and what the kernel keeps for them
	nodeTasks  = 18       // threads of all of these, and so process ids
	nodeFiles  = 8        // descriptors that the daemon holds
)

// A supply is what a machine has to give. What is 0 is not known, and then not
// asked for.
type supply struct {
	memory     int64        // bytes that can be had without swapping
	ids, tasks int          // process ids there are, and those in use
	files      int          // descriptors that the daemon may still open
	neighbours agent.Limits // of the neighbour table
}

// suppliesOf is what the daemon's machine tells of itself.
func suppliesOf(m agent.Machine) supply {
	return supply{memory: m.MemoryFree, ids: m.ProcessIDs, neighbours: m.Neighbours}
}

// supplies looks at this machine, which is the daemon's.
func (e *engine) supplies() supply {
	s := suppliesOf(agent.Look())
	s.tasks, s.files = tasks(), daemonFiles(e.socket)
	return s
}

// takeStock refuses a run that does not fit on the daemon's machine. Another
// machine than this one is looked at by an agent's job, for which there must be
// an image.
func (b *Backend) takeStock(ctx context.Context) error {
	if b.engine.local {
		b.stock = b.engine.supplies()
		return b.stock.fits(b.options.Nodes)
	}
	r, err := desk{b, []string{"NET_ADMIN"}}.do(ctx, agent.Job{})
	if err != nil {
		return err
	}
	b.stock = suppliesOf(r.Machine)
	return b.stock.fits(b.options.Nodes)
}

// fits says why a run of n nodes, the introducer among them, would not get to
// its end, and what would help. nil: it fits.
func (s supply) fits(n int) error {
	takes := func(what string, each, have int, help string) error {
		if have >= n*each {
			return nil
		}
		if most := have/each - 1; most > 0 {
			help += fmt.Sprintf(", or use -nodes %d", most)
		}
		return fmt.Errorf("%d nodes and an introducer do not fit on this machine: they take %d %s (%d each), and %d are left; %s, or use -backend sim",
			n-1, n*each, what, each, have, help)
	}
	if n > maxNodes {
		return fmt.Errorf("%d nodes and an introducer do not fit on one network: a run's largest subnet has %d addresses for nodes; use -nodes %d, or -backend sim",
			n-1, maxNodes, maxNodes-1)
	}
	if s.memory > 0 {
		if err := takes("MiB of memory", nodeMemory>>20, int(s.memory>>20), "end other programs"); err != nil {
			return err
		}
	}
	if s.ids > 0 {
		help := fmt.Sprintf("run \"sudo sysctl -w kernel.pid_max=%d\"", min(2*(s.tasks+n*nodeTasks), 1<<22))
		if err := takes("process ids", nodeTasks, s.ids-s.tasks, help); err != nil {
			return err
		}
	}
	if s.files > 0 {
		help := fmt.Sprintf("run \"sudo prlimit --nofile=%d --pid $(pidof dockerd)\"", 1<<20)
		if err := takes("open files of the Docker daemon", nodeFiles, s.files, help); err != nil {
			return err
		}
	}
	return nil
}

// neighboursOf is how many entries of the machine's neighbour table n nodes
// take if all talk to each other, as the lookups of a long run make them.
func neighboursOf(n int) int { return n * (n - 1) }

// tight says that the neighbour table cannot hold what n nodes need and why it
// could not be made larger. nil: it can hold it.
func (s supply) tight(n int, why error) error {
	need := neighboursOf(n)
	if s.neighbours == (agent.Limits{}) || s.neighbours[2] >= need {
		return nil
	}
	const key = "net.ipv4.neigh.default.gc_thresh"
	return fmt.Errorf("%d nodes that talk to each other take %d entries in the machine's neighbour table, which holds %d and then loses packets, and the run's agent could not raise that (%v); run \"sudo sysctl -w %s3=%d %s2=%d %s1=%d\", or use -nodes %d",
		n, need, s.neighbours[2], why, key, 2*need, key, need+need/2, key, need, neighboursFit-1)
}

// raiseNeighbours makes room in the neighbour table, says so, and refuses the
// run where it may not. The agent writes back what there was before any run.
func (b *Backend) raiseNeighbours(ctx context.Context, before agent.Limits) error {
	if before == (agent.Limits{}) {
		return nil
	}
	r, n := agent.Raise{Before: before}, b.options.Nodes
	if n > neighboursFit {
		r.Entries = neighboursOf(n)
	}
	was := b.stock.neighbours
	err := b.ask(ctx, func(ctx context.Context) (err error) {
		b.stock.neighbours, err = b.agent.Raise(ctx, r)
		return err
	})
	if err != nil {
		b.stock.neighbours = was
		return b.stock.tight(n, err)
	}
	if now := b.stock.neighbours; now != was {
		b.options.Progress("for %d nodes the machine's neighbour table may hold %d entries, not %d, until the last run ends", n, now[2], was[2])
	}
	return nil
}
