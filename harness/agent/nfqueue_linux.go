package agent

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// What the kernel's nfnetlink_queue speaks (linux/netfilter/nfnetlink_queue.h):
// messages, their attributes, and what stands in them.
const (
	queuePacket  = unix.NFNL_SUBSYS_QUEUE << 8
	queueVerdict = queuePacket + 1
	queueConfig  = queuePacket + 2

	attrConfigCommand = 1 // command, a byte of padding, and a family that no longer counts
	attrConfigParams  = 2 // how much of a packet to copy (32 bits), and copyPacket
	attrConfigLength  = 3 // of the queue, in packets
	attrPacketHeader  = 1 // the packet's number (32 bits) and what does not matter here
	attrPacketPayload = 10
	attrVerdict       = 2 // verdict and number, 32 bits each

	commandBind = 1
	copyPacket  = 2
	verdictDrop = 0
	verdictPass = 1

	// copied is how much of a packet is looked at: the header of IPv4.
	copied = 20
	// queueLength is how many packets the kernel holds; more are lost.
	queueLength = 65535
	// queueBuffer is for the news of packets, and queueTries the queues that are
	// tried until one is free.
	queueBuffer = 16 << 20
	queueTries  = 64
)

// A queue is one of the kernel's: packets that a rule sends there wait until
// they are let go, in any order.
type queue struct {
	conn   *netlink.Conn
	number uint16
}

// A packet is one that waits.
type packet struct {
	id     uint32
	header [copied]byte // of IPv4
}

// openQueue takes the first free queue from the number first on: queues belong to
// the whole machine, and other runs have some.
func openQueue(first uint16) (*queue, error) {
	c, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot reach netfilter: %w", err)
	}
	q := &queue{conn: c, number: first}
	err = errors.Join(c.SetReadBuffer(queueBuffer), c.SetOption(netlink.NoENOBUFS, true))
	if err == nil {
		err = q.bind()
	}
	params := append(binary.BigEndian.AppendUint32(nil, copied), copyPacket)
	if err == nil {
		err = errors.Join(q.configure(attrConfigParams, params), q.configure(attrConfigLength, binary.BigEndian.AppendUint32(nil, queueLength)))
	}
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("cannot queue packets, which takes a kernel with nfnetlink_queue: %w", err)
	}
	return q, nil
}

// bind takes the first queue that is nobody's.
func (q *queue) bind() (err error) {
	for range queueTries {
		err = q.configure(attrConfigCommand, []byte{commandBind, 0, 0, 0})
		if !errors.Is(err, unix.EBUSY) && !errors.Is(err, unix.EPERM) { // EPERM: it is another's
			return err
		}
		q.number++
	}
	return err
}

// message is one to the queue: netfilter's header, then one attribute.
func (q *queue) message(kind netlink.HeaderType, flags netlink.HeaderFlags, attr uint16, value []byte) netlink.Message {
	data := binary.BigEndian.AppendUint16([]byte{unix.AF_UNSPEC, unix.NFNETLINK_V0}, q.number)
	data = binary.NativeEndian.AppendUint16(data, uint16(4+len(value)))
	data = binary.NativeEndian.AppendUint16(data, attr)
	data = append(data, value...)
	data = append(data, make([]byte, -len(value)&3)...)
	return netlink.Message{Header: netlink.Header{Type: kind, Flags: netlink.Request | flags}, Data: data}
}

func (q *queue) configure(attr uint16, value []byte) error {
	_, err := q.conn.Execute(q.message(queueConfig, netlink.Acknowledge, attr, value))
	return err
}

// let lets a packet go on, or drops it.
func (q *queue) let(id uint32, pass bool) {
	verdict := binary.BigEndian.AppendUint32(nil, verdictDrop)
	if pass {
		verdict = binary.BigEndian.AppendUint32(nil, verdictPass)
	}
	verdict = binary.BigEndian.AppendUint32(verdict, id)
	// It fails only if the queue is closed, and the packet gone with it.
	_, _ = q.conn.Send(q.message(queueVerdict, 0, attrVerdict, verdict))
}

// each calls f for every packet that comes, until the queue is closed.
func (q *queue) each(f func(packet)) error {
	for {
		all, err := q.conn.Receive()
		if errors.Is(err, os.ErrClosed) || errors.Is(err, syscall.EBADF) {
			return err
		}
		for _, m := range all { // an error is about a packet that went with its interface
			if p, ok := readPacket(m); ok {
				f(p)
			}
		}
	}
}

// readPacket reads the news of a packet. One without the header of IPv4 is let
// go by nobody; the rule sends none.
func readPacket(m netlink.Message) (p packet, ok bool) {
	if m.Header.Type != queuePacket || len(m.Data) < 4 {
		return p, false
	}
	attrs, err := netlink.NewAttributeDecoder(m.Data[4:])
	if err != nil {
		return p, false
	}
	numbered := false
	for attrs.Next() {
		switch b := attrs.Bytes(); attrs.Type() {
		case attrPacketHeader:
			if len(b) >= 4 {
				p.id, numbered = binary.BigEndian.Uint32(b), true
			}
		case attrPacketPayload:
			ok = copy(p.header[:], b) == copied
		}
	}
	return p, ok && numbered && attrs.Err() == nil
}

func (q *queue) close() { q.conn.Close() }
