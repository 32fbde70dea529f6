package sequence

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"peerbed/protocols/p2p"
)

// A packet is a UDP datagram, or a TCP segment.
type packet struct {
	at       time.Duration
	udp      bool
	from, to p2p.Addr
	seq, ack uint32
	flags    string // of TCP, by their names
	data     []byte
	comment  string
}

// packets writes a capture file. The first error is kept for flush.
type packets struct {
	w   *pcapgo.NgWriter
	n   int
	err error
}

func newPackets(w io.Writer) (*packets, error) {
	nic := pcapgo.NgInterface{Name: "sim", Description: "a simulated network, in virtual time", LinkType: layers.LinkTypeRaw}
	ng, err := pcapgo.NewNgWriterInterface(w, nic, pcapgo.NgWriterOptions{SectionInfo: pcapgo.NgSectionInfo{Application: "peerbed"}})
	return &packets{w: ng}, err
}

func (p *packets) flush() error {
	if p.err != nil {
		return p.err
	}
	return p.w.Flush()
}

// maxUDP is what a datagram over IPv4 carries. More was dropped by its sender.
const maxUDP = 1<<16 - 1 - 20 - 8

func (p *packets) write(a *packet) {
	if p.err != nil || a.udp && len(a.data) > maxUDP {
		return
	}
	data, err := a.encode(uint16(p.n))
	if err == nil {
		var opts pcapgo.NgPacketOptions
		if a.comment != "" {
			opts.Comments = []string{a.comment}
		}
		about := gopacket.CaptureInfo{Timestamp: time.Unix(0, int64(a.at)), CaptureLength: len(data), Length: len(data)}
		err = p.w.WritePacketWithOptions(about, data, opts)
	}
	p.n++
	p.err = err
}

// encode makes the bytes, checksums included.
func (a *packet) encode(id uint16) ([]byte, error) {
	ip := &layers.IPv4{Version: 4, TTL: 64, Id: id, SrcIP: ipOf(a.from), DstIP: ipOf(a.to), Protocol: layers.IPProtocolTCP}
	var transport gopacket.SerializableLayer
	if a.udp {
		ip.Protocol = layers.IPProtocolUDP
		udp := &layers.UDP{SrcPort: layers.UDPPort(a.from.Port()), DstPort: layers.UDPPort(a.to.Port())}
		udp.SetNetworkLayerForChecksum(ip) // fails for other networks than IP
		transport = udp
	} else {
		has := func(flag string) bool { return strings.Contains(a.flags, flag) }
		tcp := &layers.TCP{SrcPort: layers.TCPPort(a.from.Port()), DstPort: layers.TCPPort(a.to.Port()), Seq: a.seq, Ack: a.ack,
			SYN: has("SYN"), ACK: has("ACK"), PSH: has("PSH"), FIN: has("FIN"), RST: has("RST"), Window: 65535}
		tcp.SetNetworkLayerForChecksum(ip)
		transport = tcp
	}
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ip, transport, gopacket.Payload(a.data))
	return b.Bytes(), err
}

func ipOf(a p2p.Addr) net.IP { return binary.BigEndian.AppendUint32(nil, a.IP()) }
