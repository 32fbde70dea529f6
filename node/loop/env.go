package loop

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"time"

	"peerbed/protocols/p2p"
)

// An env is a Loop as its Node sees it. Its methods are called on the loop.
type env struct{ *Loop }

var _ p2p.Env = env{}

func (e env) Self() p2p.Addr     { return e.self }
func (e env) Now() time.Duration { return e.now() }
func (e env) Rand() *rand.Rand   { return e.rand }
func (e env) Disk() p2p.Disk     { return e.disk }
func (e env) Stop(t p2p.Timer)   { e.timers.stop(t) }

func (e env) After(d time.Duration, m p2p.Msg) p2p.Timer {
	return e.timers.add(e.now()+max(d, 0), m)
}

// maxSpare is how many messages of a kind are kept to be used again.
const maxSpare = 32

// Spare returns a message that has been sent.
func (e env) Spare(k p2p.Kind) p2p.Msg {
	list := e.free[k]
	if len(list) == 0 {
		return nil
	}
	m := list[len(list)-1]
	e.free[k] = list[:len(list)-1]
	return m
}

// Post encodes m at once; so m can be used again at once.
func (e env) Post(to p2p.Peer, m p2p.Msg) {
	if to.Link == 0 {
		e.postDatagram(to.Addr, m)
	} else if s := e.live(to); s != nil {
		s.post(m)
	}
	if k := m.Kind(); len(e.free[k]) < maxSpare {
		e.free[k] = append(e.free[k], m)
	}
}

// Resolve looks up name in the hosts that the node was started with, as an
// address, and in the DNS.
func (e env) Resolve(name string, h p2p.Handler) {
	tell := func(addrs []p2p.Addr, err error) {
		e.mail.post(func() { e.tell(h, p2p.Peer{}, &p2p.Resolved{Name: name, Addrs: addrs, Err: err}) })
	}
	host, port, err := splitName(name)
	if err != nil {
		tell(nil, err)
		return
	}
	if ip, ok := e.cfg.Hosts[host]; ok {
		tell([]p2p.Addr{p2p.MakeAddr(ip, port)}, nil)
		return
	}
	if a, err := p2p.ParseAddr(name); err == nil {
		tell([]p2p.Addr{a}, nil)
		return
	}
	go func() { tell(lookUp(host, port, e.silence)) }()
}

func splitName(name string) (host string, port uint16, err error) {
	host, text, err := net.SplitHostPort(name)
	if err != nil {
		return "", 0, fmt.Errorf("%q: want name:port", name)
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || host == "" {
		return "", 0, fmt.Errorf("%q: want name:port", name)
	}
	return host, uint16(n), nil
}

func lookUp(host string, port uint16, patience time.Duration) ([]p2p.Addr, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ips, err := net.DefaultResolver.LookupIP(ctx, "ip4", host)
	if err != nil {
		return nil, fmt.Errorf("cannot look up %q: %w", host, err)
	}
	var addrs []p2p.Addr
	for _, ip := range ips {
		if b := ip.To4(); b != nil {
			addrs = append(addrs, p2p.MakeAddr(uint32(b[0])<<24|uint32(b[1])<<16|uint32(b[2])<<8|uint32(b[3]), port))
		}
	}
	if len(addrs) == 0 {
		return nil, errors.New(host + " has no IPv4 address")
	}
	return addrs, nil
}
