package control

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"peerbed/protocols/p2p"
)

// Request returns op as POST /do takes it.
func Request(op p2p.Op) DoRequest {
	switch op := op.(type) {
	case p2p.Publish:
		return DoRequest{"publish", op.Name, op.Size, op.Seed}
	case p2p.Find:
		return DoRequest{Op: "find", Name: op.Name}
	case p2p.Fetch:
		return DoRequest{Op: "fetch", Name: op.Name}
	case p2p.Remove:
		return DoRequest{Op: "remove", Name: op.Name}
	case p2p.Leave:
		return DoRequest{Op: "leave"}
	}
	panic(fmt.Sprintf("control: no request for %T", op))
}

// Wish returns the Op that r asks for.
func (r DoRequest) Wish() (p2p.Op, error) {
	switch r.Op {
	case "publish":
		return p2p.Publish{Name: r.Name, Size: r.Size, Seed: r.Seed}, nil
	case "find":
		return p2p.Find{Name: r.Name}, nil
	case "fetch":
		return p2p.Fetch{Name: r.Name}, nil
	case "remove":
		return p2p.Remove{Name: r.Name}, nil
	case "leave":
		return p2p.Leave{}, nil
	}
	return nil, fmt.Errorf("no wish %q; there are publish, find, fetch, remove and leave", r.Op)
}

// Reply returns a Result as POST /do answers it.
func Reply(r p2p.Result, took time.Duration) DoReply {
	reply := DoReply{Found: r.Found, Blob: r.Blob, Hops: r.Hops, Path: r.Path, ID: r.ID, Took: took}
	if r.Err != nil {
		reply.Error = r.Err.Error()
		if s := p2p.Sentinel(r.Err); s != nil {
			reply.Sentinel = s.Error()
		}
	}
	return reply
}

// Result returns the Result that Reply was made from; of the error, its text
// and its sentinel.
func (r DoReply) Result() p2p.Result {
	out := p2p.Result{Found: r.Found, Blob: r.Blob, Hops: r.Hops, Path: r.Path, ID: r.ID}
	if r.Error != "" {
		out.Err = p2p.RemoteError(r.Error, r.Sentinel)
	}
	return out
}

// ReadState reads a p2p.State from JSON. blank is Protocol.Detail: the type
// that Detail is given, or nil.
func ReadState(b []byte, blank any) (p2p.State, error) {
	var r StateReply
	if err := json.Unmarshal(b, &r); err != nil {
		return p2p.State{}, err
	}
	s := p2p.State{Self: r.Self, ID: r.ID, Neighbours: r.Neighbours, Stored: r.Stored}
	if blank == nil || len(r.Detail) == 0 || string(r.Detail) == "null" {
		return s, nil
	}
	p := reflect.New(reflect.TypeOf(blank))
	if err := json.Unmarshal(r.Detail, p.Interface()); err != nil {
		return p2p.State{}, fmt.Errorf("detail: %w", err)
	}
	s.Detail = p.Elem().Interface()
	return s, nil
}
