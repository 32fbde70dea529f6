package p2p

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// An Addr is an IPv4 address and a port in the low 48 bits: ip<<16 | port. It
// is what the systems of the era carry in their messages, it compares with ==
// and orders with <, and it costs 8 bytes. The zero Addr is nobody.
type Addr uint64

// MakeAddr joins an IPv4 address (first octet in the high byte) and a port.
func MakeAddr(ip uint32, port uint16) Addr { return Addr(ip)<<16 | Addr(port) }

// IP returns the IPv4 address, first octet in the high byte.
func (a Addr) IP() uint32 { return uint32(a >> 16) }

// Port returns the port.
func (a Addr) Port() uint16 { return uint16(a) }

// Place returns which place of its node a is.
func (a Addr) Place() int { return int(a >> 48) }

// At returns place i, 0 to 65535, of the node at a.
func (a Addr) At(i int) Addr { return a.Node() | Addr(i)<<48 }

// Node returns the address of the node that a is a place of: place 0.
func (a Addr) Node() Addr { return a & (1<<48 - 1) }

// Peer returns the Peer that datagrams to a go to.
func (a Addr) Peer() Peer { return Peer{Addr: a} }

// String writes a as "10.0.0.1:7000", and another place than 0 of that node as
// "10.0.0.1:7000#3".
func (a Addr) String() string {
	ip := a.IP()
	b := make([]byte, 0, len("255.255.255.255:65535#65535"))
	for shift := 24; shift >= 0; shift -= 8 {
		b = strconv.AppendUint(b, uint64(byte(ip>>shift)), 10)
		b = append(b, '.')
	}
	b[len(b)-1] = ':'
	b = strconv.AppendUint(b, uint64(a.Port()), 10)
	if a.Place() != 0 {
		b = strconv.AppendUint(append(b, '#'), uint64(a.Place()), 10)
	}
	return string(b)
}

// MarshalText writes a as String does.
func (a Addr) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (a *Addr) UnmarshalText(b []byte) error {
	node, number, numbered := strings.Cut(string(b), "#")
	v, err := ParseAddr(node)
	if *a = v; err != nil || !numbered {
		return err
	}
	place, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return fmt.Errorf("%q: want a place from 1 to 65535 after #: %w", b, err)
	}
	*a = v.At(int(place))
	return nil
}

var errAddr = errors.New("want an IPv4 address and port such as 127.0.0.1:7000")

// ParseAddr reads "10.0.0.1:7000". It takes IPv4 addresses in four decimal
// parts and a port, and no names or places.
func ParseAddr(s string) (Addr, error) {
	host, port, ok := strings.Cut(s, ":")
	parts := strings.Split(host, ".")
	if !ok || len(parts) != 4 {
		return 0, fmt.Errorf("%q: %w", s, errAddr)
	}
	var ip uint32
	for _, p := range parts {
		v, err := strconv.ParseUint(p, 10, 8)
		if err != nil {
			return 0, fmt.Errorf("%q: %w", s, errAddr)
		}
		ip = ip<<8 | uint32(v)
	}
	v, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%q: %w", s, errAddr)
	}
	return MakeAddr(ip, uint16(v)), nil
}
