package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"peerbed/harness/peerbed/internal/resident"
	"peerbed/harness/plan"
)

// What nodes are asked for. A wish that fails is printed all the same, and the
// exit status is 1.

func nodeFlag(name, usage string) cli.Flag {
	return &cli.StringFlag{Name: name, Usage: "the `NODE` that " + usage}
}

func (s *shell) publish() *cli.Command {
	return &cli.Command{Name: "publish", ArgsUsage: "NAME", Usage: "have a node publish a file",
		Description: `Its bytes follow from its name, or are those of a file of yours.

    peerbed publish PennyLane.mp3
    peerbed publish big -size 5MB -on chord-3
    peerbed publish notes -from ~/notes.txt`,
		Flags: []cli.Flag{nameFlag(), form(), nodeFlag("on", "publishes (default: the first that is up)"),
			&cli.StringFlag{Name: "size", Value: "1000", Usage: "how many bytes to make: 1000, 64kB, 5MB, 1GB"},
			&cli.StringFlag{Name: "from", Usage: "publish the bytes of this `FILE`"}},
		Action: func(ctx context.Context, c *cli.Command) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			w := resident.Wish{Do: plan.Publish, Name: args[0], Node: c.String("on")}
			if file := c.String("from"); file != "" {
				w.Node, err = s.bring(ctx, c, w, file)
			} else {
				w.Size, err = parseSize("size", c.String("size"))
			}
			if err != nil {
				return err
			}
			return s.wish(ctx, c, w)
		}}
}

// bring takes a file to the disk of a node, and returns which.
func (s *shell) bring(ctx context.Context, c *cli.Command, w resident.Wish, file string) (node string, err error) {
	if c.IsSet("size") {
		return "", misused("-size and -from: want one of them, for a file has its own size")
	}
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", misused("-from %s: want a plain file", file)
	}
	r, err := s.dial(c)
	if err != nil {
		return "", err
	}
	return r.Put(ctx, w.Node, w.Name, f)
}

// units are the suffixes of sizes.
var units = []struct {
	suffix string
	bytes  int64
}{{"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9}, {"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}, {"b", 1}, {"", 1}}

// parseSize reads "5MB".
func parseSize(flag, text string) (int64, error) {
	low := strings.ToLower(strings.TrimSpace(text))
	for _, u := range units {
		digits, ok := strings.CutSuffix(low, u.suffix)
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if ok && err == nil && n >= 1 && n <= math.MaxInt64/u.bytes {
			return n * u.bytes, nil
		}
	}
	return 0, misused("-%s %q: want a number of bytes above 0, such as 1000, 64kB, 5MB or 1GB", flag, text)
}

func (s *shell) find() *cli.Command {
	return &cli.Command{Name: "find", ArgsUsage: "NAME", Usage: "have a node look for a file; shows the path",
		Description: `-explain draws the path, says which entry of each node's table chose the next,
and whether that table, as the node shows it now, says so too.

    peerbed find PennyLane.mp3
    peerbed find PennyLane.mp3 -from 3 -explain`,
		Flags: []cli.Flag{nameFlag(), form(), nodeFlag("from", "looks (default: the last that is up)"),
			&cli.BoolFlag{Name: "explain", Usage: "draw the path, and what chose each hop"}},
		Action: func(ctx context.Context, c *cli.Command) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			return s.wish(ctx, c, resident.Wish{Do: plan.Find, Name: args[0], Node: c.String("from"), Explain: c.Bool("explain")})
		}}
}

func (s *shell) fetch() *cli.Command {
	return &cli.Command{Name: "fetch", ArgsUsage: "NAME", Usage: "have a node bring a file to its disk, verified",
		Description: "    peerbed fetch PennyLane.mp3 -on 5\n    peerbed fetch notes -to /tmp/notes.txt",
		Flags: []cli.Flag{nameFlag(), form(), nodeFlag("on", "fetches (default: the last that is up)"),
			&cli.StringFlag{Name: "to", Usage: "copy it from the node's disk to this `FILE`"}},
		Action: func(ctx context.Context, c *cli.Command) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			w := resident.Wish{Do: plan.Fetch, Name: args[0], Node: c.String("on")}
			a, err := s.asked(ctx, c, w)
			if to := c.String("to"); err == nil && to != "" {
				err = s.save(ctx, c, a, to)
			}
			return err
		}}
}

// save copies what was fetched to a file, which is there whole or not at all.
func (s *shell) save(ctx context.Context, c *cli.Command, a resident.Answer, to string) error {
	r, err := s.dial(c)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(to), ".peerbed-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it has its name
	err = errors.Join(r.Get(ctx, a.Node, a.Name, f), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), to)
	}
	if err == nil {
		fmt.Fprintf(s.errs, "%d bytes are in %s\n", a.Bytes, to)
	}
	return err
}

func (s *shell) remove() *cli.Command {
	return &cli.Command{Name: "remove", ArgsUsage: "NAME", Usage: "have a node take back what it has published",
		Description: "    peerbed remove PennyLane.mp3 -on 0",
		Flags:       []cli.Flag{nameFlag(), form(), nodeFlag("on", "published it (default: the first that is up)")},
		Action: func(ctx context.Context, c *cli.Command) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			return s.wish(ctx, c, resident.Wish{Do: resident.Remove, Name: args[0], Node: c.String("on")})
		}}
}

func (s *shell) wish(ctx context.Context, c *cli.Command, w resident.Wish) error {
	_, err := s.asked(ctx, c, w)
	return err
}

// asked makes a wish and prints what came of it; the error says that it failed.
func (s *shell) asked(ctx context.Context, c *cli.Command, w resident.Wish) (resident.Answer, error) {
	clear := func() {}
	if w.Do == plan.Fetch {
		clear = s.progress(ctx, c, w)
	}
	a, err := ask(ctx, s, c, "POST", "/wish", w, func(out io.Writer, a resident.Answer) error {
		clear()
		return printAnswer(out, w, a)
	})
	clear()
	if err == nil && a.Error != "" {
		err = fmt.Errorf("%s could not %s %s: %s", a.Node, w.Do, a.Name, a.Error)
	}
	return a, err
}

// printAnswer tells a wish that came true; of one that failed the path alone.
func printAnswer(out io.Writer, w resident.Wish, a resident.Answer) error {
	took := time.Duration(a.Seconds * float64(time.Second)).Round(10 * time.Microsecond)
	if a.Error == "" {
		fmt.Fprintln(out, told(w, a)+fmt.Sprintf(", in %v", took))
	}
	if w.Do != plan.Find || len(a.Path) == 0 {
		return nil
	}
	if w.Explain {
		return draw(out, a.Path)
	}
	var names []string
	for _, h := range a.Path {
		names = append(names, h.Node)
	}
	_, err := fmt.Fprintln(out, "path:", strings.Join(names, " > "))
	return err
}

func told(w resident.Wish, a resident.Answer) string {
	at := strings.Join(a.Found, ", ")
	switch w.Do {
	case plan.Publish:
		if at == "" {
			return fmt.Sprintf("%s has published %s", a.Node, a.Name)
		}
		return fmt.Sprintf("%s has published %s, which is kept by %s", a.Node, a.Name, at)
	case plan.Find:
		return fmt.Sprintf("%s found %s at %s, in %s", a.Node, a.Name, at, count(a.Hops, "hop", "hops"))
	case plan.Fetch:
		return fmt.Sprintf("%s has fetched %s, %d bytes", a.Node, a.Name, a.Bytes)
	}
	return fmt.Sprintf("%s has taken back %s", a.Node, a.Name)
}

// draw draws a path from top to bottom.
func draw(out io.Writer, path []resident.Hop) error {
	width := 0
	for _, h := range path {
		width = max(width, len(h.Node))
	}
	for i, h := range path {
		if i > 0 {
			says := "as " + path[i-1].Node + " shows it now"
			if !h.Agrees {
				says = h.Inspect
			}
			fmt.Fprintf(out, "    |  %s  (%s)\n    v\n", h.By, says)
		}
		id := ""
		if h.ID != "" {
			id = "  id " + h.ID
		}
		if _, err := fmt.Fprintf(out, "  %-*s  %s%s\n", width, h.Node, h.Address, id); err != nil {
			return err
		}
	}
	return nil
}
