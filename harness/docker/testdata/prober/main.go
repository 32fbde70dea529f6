// Command prober stands in for a node that wants out. It tries to reach each
// target and prints for each a line "TARGET yes" or "TARGET no": "tcp:IP:PORT"
// and "udp:IP:PORT" by the routes there are, "direct:IP:PORT" and
// "directtcp:IP:PORT" straight onto eth0, "ping:IP" by an echo request, and
// "name:NAME" by asking the daemon's server for a name, "hypervisor:" by a
// socket that leads there. With "serve PORT" it answers by TCP and UDP. What
// else it tries is in greedy.go.
package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

func main() {
	if os.Args[1] == "serve" {
		serve(os.Args[2])
	}
	answers := make([]chan bool, len(os.Args))
	for i, target := range os.Args[1:] {
		kind, addr, _ := strings.Cut(target, ":")
		try := map[string]func(string) bool{"tcp": byRoute, "direct": byDevice, "udp": byDatagram, "directtcp": byDeviceTCP,
			"ping": ping, "name": byName, "hypervisor": hypervisor,
			"raw": rawSocket, "memory": eat, "processes": fork, "spin": spin, "nap": nap}[kind]
		answers[i] = make(chan bool)
		go func() { answers[i] <- try(addr) }()
	}
	for i, target := range os.Args[1:] {
		fmt.Println(target, map[bool]string{true: "yes", false: "no"}[<-answers[i]])
	}
}

func serve(port string) {
	l, err := net.Listen("tcp4", ":"+port)
	if err != nil {
		panic(err)
	}
	u, err := net.ListenPacket("udp4", ":"+port)
	if err != nil {
		panic(err)
	}
	go func() {
		for buf := make([]byte, 100); ; {
			if n, from, err := u.ReadFrom(buf); err == nil {
				u.WriteTo(buf[:n], from)
			}
		}
	}()
	for {
		if c, err := l.Accept(); err == nil {
			c.Close()
		}
	}
}

func byRoute(addr string) bool {
	c, err := net.DialTimeout("tcp4", addr, 2*time.Second)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// past makes sockets that send past the routing table, as any user may.
func past(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_DONTROUTE, 1)
		syscall.BindToDevice(int(fd), "eth0")
	})
}

func byDevice(addr string) bool { return ask(net.Dialer{Control: past}, addr) }

func byDatagram(addr string) bool { return ask(net.Dialer{}, addr) }

func byDeviceTCP(addr string) bool {
	d := net.Dialer{Control: past, Timeout: 2 * time.Second}
	c, err := d.Dial("tcp4", addr)
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// ask sends a datagram and reports whether an answer came.
func ask(d net.Dialer, addr string) bool {
	c, err := d.Dial("udp", addr)
	if err != nil {
		return false
	}
	defer c.Close()
	c.Write([]byte("hello"))
	c.SetReadDeadline(time.Now().Add(time.Second))
	_, err = c.Read(make([]byte, 8))
	return err == nil
}

// ping sends an echo request by a socket that any user may have, and reports
// whether an answer came.
func ping(ip string) bool {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, syscall.IPPROTO_ICMP)
	if err != nil {
		return false
	}
	defer syscall.Close(fd)
	syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Sec: 1})
	to := &syscall.SockaddrInet4{Addr: [4]byte(net.ParseIP(ip).To4())}
	const echo = 8 // the kernel adds identifier and checksum
	if err := syscall.Sendto(fd, []byte{echo, 0, 0, 0, 0, 0, 0, 1}, 0, to); err != nil {
		return false
	}
	_, _, err = syscall.Recvfrom(fd, make([]byte, 64), 0)
	return err == nil
}

// byName asks for a name where the daemon answers for containers' names.
func byName(name string) bool {
	r := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, "127.0.0.11:53")
	}}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_, err := r.LookupHost(ctx, name)
	return err == nil
}

// hypervisor asks for a socket past all networks.
func hypervisor(string) bool {
	const vsock = 40
	fd, err := syscall.Socket(vsock, syscall.SOCK_STREAM, 0)
	if err != nil {
		return false
	}
	syscall.Close(fd)
	return true
}
