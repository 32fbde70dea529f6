package fasttrack

import (
	"fmt"

	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

// The first bytes of datagrams. The last is our own.
const (
	datagramProbe    = 0x27
	datagramIs       = 0x28
	datagramIsNot    = 0x29
	datagramPushOn   = 0x8D
	probeMark        = 0x80
	probedBlankBytes = 3 // nobody knows what they are
)

// datagrams is the codec of a node's datagrams.
type datagrams struct {
	// The last message read.
	probe  Probe
	probed Probed
	pushOn PushOn
}

func newDatagrams() p2p.Codec { return &datagrams{} }

func (c *datagrams) Append(dst []byte, m p2p.Msg) ([]byte, p2p.Content, error) {
	switch m := m.(type) {
	case *Probe:
		dst = append(be.AppendUint32(append(dst, datagramProbe), m.Cipher), probeMark)
		dst = append(append(dst, m.Network...), 0)
	case *Probed:
		dst = append(dst, datagramIsNot)
		if m.Supernode {
			dst[len(dst)-1] = datagramIs
		}
		dst = append(be.AppendUint32(dst, m.Cipher), 0)
		dst = append(append(dst, make([]byte, probedBlankBytes)...), m.Load, 0)
		dst = append(append(dst, m.Network...), 0)
	case *PushOn:
		dst = m.PushWanted.append(append(dst, datagramPushOn))
	default:
		return dst, p2p.Content{}, fmt.Errorf("fasttrack: no bytes for a %T in a datagram", m)
	}
	return dst, p2p.Content{}, nil
}

func (c *datagrams) Next(src []byte, _ bool) (p2p.Msg, int, error) {
	if len(src) == 0 {
		return nil, 0, nil
	}
	var m p2p.Msg
	r := wire.NewReader(src)
	switch first := r.Uint8(); first {
	case datagramProbe:
		c.probe.Cipher = r.Uint32(be)
		r.Uint8()
		c.probe.Network, m = r.CString(), &c.probe
	case datagramIs, datagramIsNot:
		c.probed.Supernode, c.probed.Cipher = first == datagramIs, r.Uint32(be)
		r.Take(1 + probedBlankBytes)
		c.probed.Load = r.Uint8()
		r.Uint8()
		c.probed.Network, m = r.CString(), &c.probed
	case datagramPushOn:
		c.pushOn.parse(r)
		m = &c.pushOn
	default:
		r.Fail("a datagram that begins with %02x", first)
	}
	return m, len(src), r.End()
}
