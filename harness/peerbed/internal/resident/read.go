package resident

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"peerbed/node/control"
	"peerbed/protocols/p2p"
)

// inspectPatience bounds how long status waits for one node.
const inspectPatience = 2 * time.Second

// askedAtOnce is how many nodes status waits for at the same time: three hundred,
// of which some do not answer, must not take five seconds.
const askedAtOnce = 64

// status asks all nodes that are up, several at once. It takes no step: nodes
// may go meanwhile.
func (r *Resident) status(ctx context.Context) (Status, error) {
	s := Status{About: r.about(), States: make([]State, r.cluster.Size()), Faults: []string{}}
	ask := make(chan int)
	var wg sync.WaitGroup
	for range min(askedAtOnce, len(s.States)) {
		wg.Go(func() {
			for i := range ask {
				s.States[i] = r.state(ctx, i)
			}
		})
	}
	for i := range s.States {
		ask <- i
	}
	close(ask)
	wg.Wait()
	for _, f := range r.cluster.Lasting() {
		text := f.Text
		if f.Handle != "" {
			text += fmt.Sprintf(" (peerbed heal %q)", f.Handle)
		}
		s.Faults = append(s.Faults, text)
	}
	if err := context.Cause(ctx); err != nil {
		return s, err
	}
	return s, s.lost()
}

// lost says why none of the nodes that should be there answers: the world is
// gone.
func (s Status) lost() error {
	why := ""
	for _, n := range s.States {
		switch {
		case n.Error != "":
			why = n.Error
		case n.Condition == "up":
			return nil
		}
	}
	if why == "" {
		return nil
	}
	return fmt.Errorf("no node of %s answers: %s; end it with peerbed down -name %s, and bring it up again", s.Name, why, s.Name)
}

func (r *Resident) state(ctx context.Context, i int) State {
	c := r.cluster
	s := State{Number: i, Name: c.Name(i), Address: c.Addr(i), Role: c.Role(i), Condition: c.Condition(i)}
	if s.Condition != "up" {
		return s
	}
	ctx, cancel := context.WithTimeoutCause(ctx, inspectPatience, fmt.Errorf("no answer within %v", inspectPatience))
	defer cancel()
	found, err := c.Inspect(ctx, i)
	if err != nil {
		s.Error, _, _ = strings.Cut(err.Error(), "\n")
		return s
	}
	s.ID, s.Neighbours, s.Stored = found.ID, r.names(found.Neighbours), found.Stored
	return s
}

// names calls nodes by their names, and others by their addresses.
func (r *Resident) names(addrs []p2p.Addr) []string {
	list := make([]string, len(addrs))
	for k, a := range addrs {
		list[k] = r.name(a)
	}
	return list
}

func (r *Resident) name(a p2p.Addr) string {
	if i := r.cluster.Index(a); i >= 0 {
		return r.cluster.Name(i)
	}
	return a.String()
}

func (r *Resident) traffic(context.Context) (Traffic, error) {
	t, err := r.cluster.Traffic()
	return Traffic{Protocol: r.cluster.Protocol().Name, Kinds: t.Kinds, SeenIn: t.SeenIn, SeenOut: t.SeenOut}, err
}

// logTail is how many lines of its own the resident shows.
const logTail = 200

func (r *Resident) log(w http.ResponseWriter, q *http.Request) {
	name := q.FormValue("node")
	if name == "" {
		fmt.Fprintln(w, strings.Join(LastWords(r.folder.Name, logTail), ""))
		return
	}
	i, err := r.one(name)
	var text []byte
	if err == nil {
		text, err = r.cluster.Log(q.Context(), i)
	}
	if err != nil {
		control.Answer(w, nil, err)
		return
	}
	w.Write(text)
}

// one returns the node that a text names.
func (r *Resident) one(text string) (int, error) {
	some, err := r.find(text)
	if err != nil {
		return 0, err
	}
	if len(some) != 1 {
		return 0, fmt.Errorf("want one node, not %d (%s)", len(some), text)
	}
	return some[0], nil
}

// able returns the one node that a text names, if it can do something now;
// without a text one that can: the first, or the last.
func (r *Resident) able(text string, last bool) (int, error) {
	live := r.cluster.Live()
	switch {
	case text == "" && len(live) == 0:
		return 0, fmt.Errorf("no node is up; bring some back: peerbed restart -share 1 (or peerbed resume -share 1)")
	case text == "" && last:
		return live[len(live)-1], nil
	case text == "":
		return live[0], nil
	}
	i, err := r.one(text)
	if err != nil {
		return 0, err
	}
	switch how := r.cluster.Condition(i); {
	case how == "paused":
		return 0, fmt.Errorf("%s is paused; resume it first: peerbed resume %d", r.cluster.Name(i), i)
	case how != "up":
		return 0, fmt.Errorf("%s is down (%s); restart it first: peerbed restart %d", r.cluster.Name(i), how, i)
	}
	return i, nil
}
