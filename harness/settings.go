package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// Settings say what to start. Flags and the environment fill in what is zero.
type Settings struct {
	Protocol *p2p.Protocol
	World    string           // "sim", "proc", "docker"
	Why      string           // who chose World, for the first line; "": this experiment
	Nodes    int              // the introducer not counted
	Seed     uint64           // 0 counts as not given
	Cast     p2p.Cast         // who plays which role; nil: Protocol.Cast. It fixes Nodes
	Config   []string         // changes of the configuration: "name=value"
	Links    linkmodel.Source // nil: a perfect network
	Unproven bool             // faults are believed, not probed
	Ideal    bool             // start from Protocol.Ideal instead of joining
	Name     string           // of the run: a test's
	Trace    string           // the file for the simulator's events
	Record   bool             // write the run's journal, as New does
	Out      io.Writer        // where progress goes; nil: standard error

	foreign *Foreign // nil: nodes are ours

	play *play // the seed of a test that is repeated; nil: it is not
}

// An Option changes the Settings of New.
type Option func(*Settings)

// World fixes the world, whatever the flags say: for a question that only one
// world can answer.
func World(name string) Option { return func(s *Settings) { s.World = name } }

// Nodes fixes the number of nodes, whatever the flags say.
func Nodes(n int) Option { return func(s *Settings) { s.Nodes = n } }

// Seed fixes the seed, whatever the flags say.
func Seed(seed uint64) Option { return func(s *Settings) { s.Seed = seed } }

// Cast says who plays which role, and so fixes the number of nodes.
func Cast(c p2p.Cast) Option { return func(s *Settings) { s.Cast = c } }

// Config changes settings of the protocol, "name=value" each, as the flags of
// a node do.
func Config(changes ...string) Option {
	return func(s *Settings) { s.Config = append(s.Config, changes...) }
}

// Links says what the links are like from the beginning, if the flags say
// nothing of them; see Cluster.Shape.
func Links(from linkmodel.Source) Option { return func(s *Settings) { s.Links = from } }

// Unproven believes that faults hold, instead of probing that they do: for
// tests of what happens if they do not.
func Unproven() Option { return func(s *Settings) { s.Unproven = true } }

// Ideal starts the nodes with the states of a perfect overlay, so that an
// experiment need not wait until they have built one.
func Ideal() Option { return func(s *Settings) { s.Ideal = true } }

// Trace has the simulator write every event to the file, as JSON lines. Other
// worlds take no notice.
func Trace(file string) Option { return func(s *Settings) { s.Trace = file } }

// Quiet prints no progress.
func Quiet() Option { return func(s *Settings) { s.Out = io.Discard } }

// A choice is the world of a run and the reason for it.
type choice struct {
	world, why string
	open       Opener
}

// prefer chooses the world when nobody asks for one.
var prefer = func(context.Context) (world, why string) { return "sim", "no other world is known here" }

// Prefer sets how the world is chosen when neither an option, a flag nor the
// environment names one. Package harness/worlds does it.
func Prefer(f func(context.Context) (world, why string)) { prefer = f }

// present lists the worlds that this machine has.
var present = func(context.Context) []string { return []string{"sim"} }

// Present sets how EachWorld knows what there is. Package harness/worlds does it.
func Present(f func(context.Context) []string) { present = f }

// EachWorld plays an experiment in every world that this machine has, each as a
// test of the world's name; if a flag or the environment names one, in that
// alone. here is an option for New.
func EachWorld(t *testing.T, f func(t *testing.T, here Option)) {
	list := present(t.Context())
	if world, _ := backendAsked(); world != "" {
		list = []string{world}
	}
	for _, world := range list {
		t.Run(world, func(t *testing.T) { f(t, World(world)) })
	}
}

func choose(ctx context.Context, s Settings) (choice, error) {
	c := choice{world: s.World, why: cmp.Or(s.Why, "this experiment's own")}
	if c.world == "" {
		c.world, c.why = backendAsked()
	}
	if c.world == "" {
		c.world, c.why = prefer(ctx)
	}
	var ok bool
	if c.open, ok = openers[c.world]; !ok {
		return c, fmt.Errorf("no world %q; there are %s", c.world, listed(openers))
	}
	return c, nil
}

// complete fills in what the caller left to flags, environment and defaults.
// quick is the number of nodes if nobody names one.
func (s *Settings) complete(quick int) error {
	if s.Protocol == nil {
		return errors.New("Settings without a Protocol")
	}
	nodes, err := nodesAsked()
	if err != nil {
		return err
	}
	seed, err := seedAsked()
	if err != nil {
		return err
	}
	s.Nodes = cmp.Or(len(s.Cast), s.Nodes, nodes, quick)
	if s.play != nil {
		seed = s.play.seed
	}
	s.Seed = cmp.Or(s.Seed, seed, 1)
	if s.Nodes < 1 {
		return fmt.Errorf("%d nodes: want 1 or more", s.Nodes)
	}
	if s.Name == "" {
		s.Name = s.Protocol.Name
	}
	if s.Out == nil {
		s.Out = os.Stderr
		if s.play != nil && s.play.series != nil {
			s.Out = io.Discard // of many seeds nobody reads it
		}
	}
	if s.Trace == "" {
		if s.Trace, err = traceAsked(s.Name); err != nil {
			return err
		}
	}
	if s.Links, err = linksAsked(s.Links); err != nil {
		return err
	}
	return s.Links.Check()
}

// listed writes the keys of m in order.
func listed[V any](m map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(m)), ", ")
}
