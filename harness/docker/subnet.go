package docker

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
)

// A run's subnet has room for Max nodes; a Linux bridge has room for 1023.
const (
	subnetBits = 22
	maxNodes   = 1000
)

// firstSubnet to lastSubnet are tried in this order, so that a run that is
// alone always has the same addresses, and so the same ids.
var (
	firstSubnet = netip.MustParseAddr("10.90.0.0")
	lastSubnet  = netip.MustParseAddr("10.127.252.0")
)

var errNoSubnet = errors.New("no free subnet in 10.90.0.0 to 10.127.255.255: all overlap with networks of Docker (docker network ls) or routes of this machine (ip route)")

// freeSubnet returns the first candidate that overlaps with nothing taken.
func freeSubnet(taken []netip.Prefix) (netip.Prefix, error) {
	for ip := number(firstSubnet); ip <= number(lastSubnet); ip += 1 << (32 - subnetBits) {
		p := netip.PrefixFrom(address(ip), subnetBits)
		if !overlaps(p, taken) {
			return p, nil
		}
	}
	return netip.Prefix{}, errNoSubnet
}

func overlaps(p netip.Prefix, taken []netip.Prefix) bool {
	for _, t := range taken {
		if t.Bits() > 0 && p.Overlaps(t) {
			return true
		}
	}
	return false
}

func number(a netip.Addr) uint32 { b := a.As4(); return binary.BigEndian.Uint32(b[:]) }

func address(ip uint32) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, ip)))
}

// hostNetworks lists what this machine has addresses in and routes to, as far
// as it can be read.
func hostNetworks() []netip.Prefix {
	var list []netip.Prefix
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			list = append(list, p.Masked())
		}
	}
	if f, err := os.Open("/proc/net/route"); err == nil {
		defer f.Close()
		list = append(list, routes(f)...)
	}
	return list
}

// routes reads the kernel's table: the second column is the destination, the
// eighth the mask, both in hexadecimal with the last octet first.
func routes(r io.Reader) []netip.Prefix {
	var list []netip.Prefix
	for lines := bufio.NewScanner(r); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) < 8 {
			continue
		}
		to, err1 := hex.DecodeString(f[1])
		mask, err2 := hex.DecodeString(f[7])
		if err1 != nil || err2 != nil || len(to) != 4 || len(mask) != 4 {
			continue
		}
		bits, _ := net.IPv4Mask(mask[3], mask[2], mask[1], mask[0]).Size()
		list = append(list, netip.PrefixFrom(address(binary.LittleEndian.Uint32(to)), bits))
	}
	return list
}
