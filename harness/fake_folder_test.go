package harness

import (
	"context"
	"io"

	"peerbed/protocols/p2p"
)

// The fake's nodes have no disk and print nothing.

func (f *fake) Put(context.Context, p2p.Addr, string, io.Reader) error { return p2p.ErrDisk }

func (f *fake) Get(context.Context, p2p.Addr, string, io.Writer) error { return p2p.ErrDisk }

func (f *fake) Log(context.Context, p2p.Addr) ([]byte, error) { return nil, nil }
