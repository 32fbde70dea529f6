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

// A run's subnet has room for all of its nodes, and for a thousand at least. The
// largest is such that the machine's neighbour limits, which grow as the square of
// the nodes, are numbers of 31 bits.
const (
	subnetBits  = 22
	largestBits = 17
	reserved    = 24 // addresses of a subnet that no node gets, the first two and the last among them
	maxNodes    = 1<<(32-largestBits) - reserved
)

// bitsFor is the length of the prefix of a subnet for n nodes.
func bitsFor(n int) int {
	bits := subnetBits
	for n > room(bits) && bits > largestBits {
		bits--
	}
	return bits
}

// room is how many nodes a subnet takes.
func room(bits int) int { return 1<<(32-bits) - reserved }

// firstSubnet to lastSubnet are tried in this order, so that a run that is
// alone always has the same addresses, and so the same ids.
var (
	firstSubnet = netip.MustParseAddr("10.90.0.0")
	lastSubnet  = netip.MustParseAddr("10.127.255.248")
)

var errNoSubnet = errors.New("no free subnet in 10.90.0.0 to 10.127.255.255: all overlap with networks of Docker (docker network ls) or routes of this machine (ip route)")

// freeSubnet returns the first candidate of this size, /8 to /29, that overlaps
// with nothing taken.
func freeSubnet(bits int, taken []netip.Prefix) (netip.Prefix, error) {
	for ip := number(firstSubnet); ip <= number(lastSubnet); ip += 1 << (32 - bits) {
		p := netip.PrefixFrom(address(ip), bits)
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
