package p2ptest

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"unsafe"

	"peerbed/harness/sim"
	"peerbed/protocols/p2p"
)

// strangers lets half of the nodes send, besides what they should, messages
// that are legal as such but out of place: older ones of their own again, to
// whoever it may be, and datagrams with arbitrary fields. The others may fail
// to find anything then, but they answer every wish, once, and do not panic.
func strangers(t *testing.T, p *p2p.Protocol) {
	q := *p
	made := 0
	q.New = func(cfg any, state *p2p.State) p2p.Node {
		made++
		if made%2 == 1 {
			return p.New(cfg, state)
		}
		return &stranger{Node: p.New(cfg, state), p: p, r: rand.New(rand.NewPCG(uint64(made), 0))}
	}
	b := lay(t, &q, crowd, sim.Config{Seed: 1, NoRecycle: true}) // they keep what they sent
	b.do(b.nodes[0], p2p.Publish{Name: song, Size: size, Seed: 42})
	for range 5 {
		for i := 0; i < crowd; i += 2 {
			b.do(b.nodes[i], p2p.Find{Name: song})
			b.do(b.nodes[i], p2p.Fetch{Name: song})
		}
		b.Run(calming)
	}
}

// A stranger is a Node that sends too much.
type stranger struct {
	p2p.Node
	p2p.Env
	p     *p2p.Protocol
	r     *rand.Rand
	codec p2p.Codec
	sent  [2][]p2p.Msg // datagrams, and on streams
}

func (s *stranger) Start(env p2p.Env) {
	s.Env = env
	if s.p.Datagrams != nil {
		s.codec = s.p.Datagrams()
	}
	s.Node.Start(s)
}

// Post sends m, and now and then another message behind it.
func (s *stranger) Post(to p2p.Peer, m p2p.Msg) {
	kind := 0
	if to.Link != 0 {
		kind = 1
	}
	s.keep(kind, m)
	s.Env.Post(to, m)
	if s.r.IntN(3) > 0 {
		return
	}
	old := s.sent[kind][s.r.IntN(len(s.sent[kind]))]
	s.Env.Post(to, duplicate(old))
	if to.Link == 0 && s.codec != nil {
		if m := s.invent(); m != nil {
			s.Env.Post(to, m)
		}
	}
}

// keep remembers some of the messages that were sent.
func (s *stranger) keep(kind int, m p2p.Msg) {
	const most = 64
	if len(s.sent[kind]) < most {
		s.sent[kind] = append(s.sent[kind], duplicate(m))
	} else {
		s.sent[kind][s.r.IntN(most)] = duplicate(m)
	}
}

func duplicate(m p2p.Msg) p2p.Msg {
	c := reflect.New(reflect.TypeOf(m).Elem())
	c.Elem().Set(reflect.ValueOf(m).Elem())
	return c.Interface().(p2p.Msg)
}

// invent makes a datagram with arbitrary fields, such as the codec would read
// from a wire; nil: it would read none.
func (s *stranger) invent() (m p2p.Msg) {
	defer func() {
		if recover() != nil {
			m = nil // the codec need not write what no Node would send
		}
	}()
	blank := s.p.Kinds[s.r.IntN(len(s.p.Kinds))].Blank
	v := reflect.New(reflect.TypeOf(blank).Elem())
	s.fill(v.Elem())
	b, c, err := s.codec.Append(nil, v.Interface().(p2p.Msg))
	if err != nil {
		return nil
	}
	got, n, err := s.codec.Next(append(b, make([]byte, c.Len)...), true)
	if err != nil || got == nil || n != len(b)+c.Len {
		return nil
	}
	return duplicate(got)
}

// fill gives v an arbitrary value.
func (s *stranger) fill(v reflect.Value) {
	if !v.CanSet() {
		v = reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
	}
	switch {
	case v.Type() == reflect.TypeFor[p2p.Content]():
		return
	case v.Type() == reflect.TypeFor[p2p.Addr]():
		v.SetUint(uint64(sim.Addr(s.r.IntN(2 * crowd))))
	case v.Kind() == reflect.Bool:
		v.SetBool(s.r.IntN(2) == 0)
	case v.CanInt():
		v.SetInt(s.number())
	case v.CanUint():
		v.SetUint(uint64(s.number()))
	case v.Kind() == reflect.String:
		v.SetString([]string{"", song, "a", "../etc/passwd", "\x00\xff"}[s.r.IntN(5)])
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			s.fill(v.Field(i))
		}
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), s.r.IntN(5), 5))
		fallthrough
	case v.Kind() == reflect.Array:
		for i := range v.Len() {
			s.fill(v.Index(i))
		}
	}
}

// number prefers the edges.
func (s *stranger) number() int64 {
	switch s.r.IntN(4) {
	case 0:
		return 0
	case 1:
		return -1
	case 2:
		return int64(s.r.IntN(256))
	}
	return s.r.Int64()
}
