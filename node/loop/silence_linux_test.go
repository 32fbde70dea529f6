package loop_test

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"peerbed/protocols/p2p"
)

const ownNetwork = "PEERBED_TEST_OWN_NETWORK"

// "Silence is how long a stream waits for a peer that has gone silent before it
// is Down with ErrSilent ... A world keeps it to a factor of two": here by the
// kernel, not by the gate. The test runs itself again in a network namespace,
// whose loopback it can take away.
func TestSilentPeer(t *testing.T) {
	if os.Getenv(ownNetwork) != "" {
		silentPeer(t)
		return
	}
	if _, err := exec.LookPath("ip"); err != nil || os.Geteuid() != 0 {
		t.Skip("a network namespace of its own needs root and the ip command")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestSilentPeer$")
	cmd.Env = append(os.Environ(), ownNetwork+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func silentPeer(t *testing.T) {
	const silence = 2 * time.Second
	loopback := func(state string) {
		if out, err := exec.Command("ip", "link", "set", "lo", state).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	loopback("up")
	p, q := newPuppet(t, silence), newPuppet(t, silence)
	s, _ := p.dial(q)
	loopback("down")
	began := time.Now()
	p.send(s, "never acknowledged") // q is idle: it must notice by probes alone
	for _, x := range []*puppet{p, q} {
		x.want("down silent")
		if took := time.Since(began); took < silence/2 || took > 2*silence {
			t.Errorf("%v heard of the silence after %v, want %v to a factor of two", x.addr, took, silence)
		}
	}
	p.on(func(env p2p.Env) { env.Dial(q.addr, puppets{}, p) })
	p.want("down silent")
}
