package main

import (
	"os"
	"strconv"
	"syscall"
	"time"
)

// rawSocket asks for a socket that sends packets as they are: "inet" with a
// header of one's own, "packet" straight onto the cable.
func rawSocket(kind string) bool {
	family := map[string]int{"inet": syscall.AF_INET, "packet": syscall.AF_PACKET}[kind]
	fd, err := syscall.Socket(family, syscall.SOCK_RAW, syscall.IPPROTO_ICMP)
	if err != nil {
		return false
	}
	syscall.Close(fd)
	return true
}

// eat takes and uses this many MiB.
func eat(amount string) bool {
	n, _ := strconv.Atoi(amount)
	b := make([]byte, n<<20)
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
	return b[len(b)/2] <= 1
}

// fork reports whether this many processes can be had.
func fork(amount string) bool {
	n, _ := strconv.Atoi(amount)
	for range n {
		if _, err := os.StartProcess("/node", []string{"node", "nap:20s"}, &os.ProcAttr{}); err != nil {
			return false
		}
	}
	return true
}

// spin keeps two processors busy for so long.
func spin(long string) bool {
	d, _ := time.ParseDuration(long)
	end := time.Now().Add(d)
	busy := func() {
		for time.Now().Before(end) {
		}
	}
	go busy()
	busy()
	return true
}

// nap does nothing for so long.
func nap(long string) bool {
	d, _ := time.ParseDuration(long)
	time.Sleep(d)
	return true
}
