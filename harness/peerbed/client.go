package main

import (
	"context"
	"encoding/json"
	"io"

	"github.com/urfave/cli/v3"

	"peerbed/harness/peerbed/internal/resident"
)

// What the commands that ask a resident have in common.

func nameFlag() cli.Flag {
	return &cli.StringFlag{Name: "name", Usage: "which cluster (default: the only one)"}
}

func form() cli.Flag {
	return &cli.StringFlag{Name: "o", Value: "table", Usage: "the `form` of the answer: table or json"}
}

// wantsJSON reads -o.
func wantsJSON(c *cli.Command) (bool, error) {
	switch f := c.String("o"); f {
	case "table":
		return false, nil
	case "json":
		return true, nil
	default:
		return false, misused("-o %s: want table or json", f)
	}
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// dial finds the resident that -name means.
func (s *shell) dial(c *cli.Command) (*resident.Client, error) {
	s.interrupted = "the cluster lives on"
	name, err := resident.Choose(c.String("name"))
	if err != nil {
		return nil, err
	}
	return resident.Dial(name)
}

// ask makes a request of the resident and prints what it answers, as -o says.
func ask[A any](ctx context.Context, s *shell, c *cli.Command, method, path string, body any, print func(io.Writer, A) error) (a A, err error) {
	json, err := wantsJSON(c)
	if err != nil {
		return a, err
	}
	r, err := s.dial(c)
	if err == nil {
		err = r.Call(ctx, method, path, body, &a)
	}
	if err != nil {
		return a, err
	}
	if json {
		return a, writeJSON(s.out, a)
	}
	return a, print(s.out, a)
}
