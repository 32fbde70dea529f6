package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"peerbed/harness"
	overlay "peerbed/harness/check"
	"peerbed/harness/links"
	"peerbed/harness/peerbed/internal/resident"
	"peerbed/protocols/all"
	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

// mostNodes bounds what a simulator is asked for; the other worlds have limits
// of their own.
const mostNodes = 1_000_000

// upFlags are those of up, and of the resident that it starts.
func upFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "protocol", Value: "chord", Usage: "what the nodes speak: `NAME` is one of " + protocolNames()},
		&cli.IntFlag{Name: "nodes", Value: 8, Usage: "how many"},
		&cli.StringFlag{Name: "name", Usage: "what the cluster is called (default: as its protocol)"},
		&cli.StringFlag{Name: "backend", Usage: "the `world`: docker, proc or sim (default: docker if a daemon answers, else proc)"},
		&cli.Uint64Flag{Name: "seed", Value: 1, Usage: "seeds all randomness"},
		&cli.StringFlag{Name: "links", Usage: "links as in this `TABLE`: " + links.Usage + " (default: PEERBED_LINKS, else perfect)"},
		&cli.DurationFlag{Name: "lease", Value: 2 * time.Hour, Usage: "how long it stays if no command comes"},
		&cli.StringSliceFlag{Name: "set", Usage: "a setting of the protocol, `KEY=VALUE`; may be repeated (go run ./node -protocol NAME -h lists them)"},
	}
}

func protocolNames() string {
	text := ""
	for _, p := range all.All {
		if p != introducer.Protocol {
			text += p.Name + ", "
		}
	}
	return text[:max(0, len(text)-2)]
}

// An upping is what the flags of up ask for.
type upping struct {
	name     string
	lease    time.Duration
	settings harness.Settings
}

// asked reads the flags, so that what makes no sense is said before anything
// begins.
func asked(c *cli.Command) (u upping, err error) {
	if _, err := arguments(c, 0, 0); err != nil {
		return u, err
	}
	p, err := all.Find(c.String("protocol"))
	if err != nil || p == introducer.Protocol {
		return u, misused("no protocol %q to bring up; there are %s", c.String("protocol"), protocolNames())
	}
	u = upping{cmp.Or(c.String("name"), p.Name), c.Duration("lease"), harness.Settings{Protocol: p, World: c.String("backend"), Why: "-backend",
		Nodes: c.Int("nodes"), Seed: c.Uint64("seed"), Config: c.StringSlice("set")}}
	u.settings.Name = "up-" + u.name
	_, err = p2p.With(p.Config, u.settings.Config...)
	switch n := u.settings.Nodes; {
	case err != nil:
		return u, misused("-set: %v", err)
	case n < 1 || n > mostNodes:
		return u, misused("-nodes %d: want 1 to %d", n, mostNodes)
	case u.lease < time.Second:
		return u, misused("-lease %v: want a second or more", u.lease)
	case !slices.Contains([]string{"", "docker", "proc", "sim"}, u.settings.World):
		return u, misused("-backend %s: want docker, proc or sim", u.settings.World)
	}
	if err := resident.CheckName(u.name); err != nil {
		return u, misuse(err.Error())
	}
	return u, linked(c.String("links"))
}

// linked has the cluster begin with the links of a table, which its resident
// finds where all runs do.
func linked(table string) error {
	if table == "" {
		return nil
	}
	table, err := links.Absolute(table)
	if err == nil {
		_, err = links.Read(table)
	}
	if err != nil {
		return misuse(err.Error())
	}
	return os.Setenv("PEERBED_LINKS", table)
}

// args are the flags of a resident that say the same again.
func (u upping) args() []string {
	s := u.settings
	args := []string{"resident", "-name", u.name, "-protocol", s.Protocol.Name, "-nodes", fmt.Sprint(s.Nodes),
		"-seed", fmt.Sprint(s.Seed), "-lease", u.lease.String(), "-backend", s.World}
	for _, change := range s.Config {
		args = append(args, "-set", change)
	}
	return args
}

func (s *shell) up() *cli.Command {
	return &cli.Command{Name: "up", Usage: "bring a cluster up that stays when the command ends",
		Description: `It lives until peerbed down, or until no command has come for the time of its
lease. Several live side by side under different names.

    peerbed up -protocol chord -nodes 32
    peerbed up -name flood -protocol gnutella -nodes 12 -backend proc
    peerbed up -nodes 20 -links world
    peerbed up -name big -nodes 1000 -backend sim -set copies=2`,
		Flags: append(upFlags(), form()),
		Action: func(ctx context.Context, c *cli.Command) error {
			u, err := asked(c)
			if err != nil {
				return err
			}
			if _, err := wantsJSON(c); err != nil {
				return err
			}
			if err := resident.Start(ctx, u.args(), func(line string) { fmt.Fprintln(s.errs, line) }); err != nil {
				return err
			}
			if err := c.Set("name", u.name); err != nil {
				return err
			}
			ctx = context.WithoutCancel(ctx) // it is up: an interrupt comes too late
			_, err = ask(ctx, s, c, "GET", "/about", nil, func(w io.Writer, a resident.About) error {
				_, err := fmt.Fprintf(w, "%s is up: %d nodes of %s in %s (%s). It stays until peerbed down -name %s, or until no command has come for %v.\n",
					a.Name, a.Nodes, a.Protocol, a.World, a.Detail, a.Name, u.lease)
				return err
			})
			return err
		}}
}

// resident is what up starts; it is not for people.
func (s *shell) resident() *cli.Command {
	return &cli.Command{Name: "resident", Hidden: true, Usage: "keep a cluster; peerbed up starts it", Flags: upFlags(),
		Action: func(ctx context.Context, c *cli.Command) error {
			u, err := asked(c)
			if err != nil {
				return err
			}
			return resident.Be(ctx, u.name, u.lease, func(ctx context.Context, out io.Writer) (*harness.Cluster, error) {
				u.settings.Out = out
				return open(ctx, u.settings)
			})
		}}
}

// How long up waits for the overlay, by the cluster's clock: virtual time is
// cheap, and in it a thousand nodes join in ten seconds.
const settling, virtualSettling = time.Minute, 20 * time.Minute

// open brings a cluster up and gives its nodes time to find one another. An
// overlay that is not whole by then is no failure: it may be what is to be
// seen.
func open(ctx context.Context, s harness.Settings) (*harness.Cluster, error) {
	c, err := harness.Open(ctx, s)
	if err != nil {
		return nil, err
	}
	limit := settling
	if c.About().Virtual {
		limit = virtualSettling
	}
	lacks, err := settle(ctx, c, limit)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if lacks != nil {
		first, _, _ := strings.Cut(lacks.Error(), "\n")
		fmt.Fprintf(s.Out, "peerbed: the overlay is not whole after %v: %s; peerbed wait gives it more time\n", limit, first)
	}
	return c, nil
}

// settle waits until the overlay is whole, and says what it lacks at last.
func settle(ctx context.Context, c *harness.Cluster, limit time.Duration) (lacks, err error) {
	whole := overlay.Whole(c.Protocol())
	began := c.Now()
	for step := 100 * time.Millisecond; ; step = min(2*step, 2*time.Second) {
		states := c.States()
		if err := c.Err(); err != nil {
			return nil, err
		}
		if lacks = whole(states); lacks == nil || c.Now()-began >= limit {
			return lacks, nil
		}
		if err := c.Sleep(ctx, step); err != nil {
			return nil, err
		}
	}
}

func (s *shell) down() *cli.Command {
	return &cli.Command{Name: "down", Usage: "end a cluster; nothing of it is left",
		Description: "    peerbed down\n    peerbed down -name flood\n    peerbed down -all",
		Flags:       []cli.Flag{nameFlag(), &cli.BoolFlag{Name: "all", Usage: "end all clusters of this user"}},
		Action: func(ctx context.Context, c *cli.Command) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			s.interrupted = "the cluster goes down all the same"
			if c.Bool("all") {
				return s.downAll(ctx)
			}
			name, err := resident.Choose(c.String("name"))
			if err != nil {
				return err
			}
			return s.takeDown(ctx, name)
		}}
}

func (s *shell) takeDown(ctx context.Context, name string) error {
	text, err := resident.Down(ctx, name)
	if err == nil {
		fmt.Fprintln(s.out, text)
	}
	return err
}

// downAll ends one after the other, and goes on if one cannot be ended.
func (s *shell) downAll(ctx context.Context) error {
	list, err := resident.List()
	if err != nil {
		return err
	}
	if len(list) == 0 {
		fmt.Fprintln(s.out, "no cluster is up")
	}
	for _, e := range list {
		if why := s.takeDown(ctx, e.Name); why != nil && err == nil {
			err = why
		}
	}
	return err
}
