package sequence_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"peerbed/harness"
	"peerbed/harness/fault"
	"peerbed/harness/record/sequence"
	_ "peerbed/harness/worlds"
	"peerbed/protocols/bittorrent"
	"peerbed/protocols/chord"
	"peerbed/protocols/gnutella"
	"peerbed/protocols/p2p"
)

// traced plays a few operations and a crash, and returns the trace.
func traced(t *testing.T, p *p2p.Protocol) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "trace.jsonl")
	c := harness.New(t, p, 6, harness.World("sim"), harness.Nodes(6), harness.Seed(1), harness.Quiet(), harness.Trace(file))
	c.Advance(5 * time.Second)
	c.Share(4, 40_000)
	c.Advance(2 * time.Second)
	c.Fetch(2, c.Files()[0])
	c.Crash(4)
	c.Find(1, c.Files()[1])
	c.Run(4*time.Second, fault.Partition{At: time.Second, For: time.Second})
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func read(t *testing.T, trace []byte, c sequence.Choice) *sequence.Trace {
	t.Helper()
	got, err := sequence.Read(bytes.NewReader(trace), c)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// fetched is the number of the fetch among the operations.
func fetched(t *testing.T, trace *sequence.Trace) uint32 {
	t.Helper()
	for _, w := range trace.Wishes {
		if strings.HasPrefix(w.What, "fetch") {
			if w.Outcome != "ok" || w.Took <= 0 {
				t.Errorf("the fetch is told as %+v", w)
			}
			return w.Number
		}
	}
	t.Fatalf("no fetch among %+v", trace.Wishes)
	return 0
}

func TestSpaceTimeOfAnOperation(t *testing.T) {
	trace := traced(t, chord.Protocol)
	n := fetched(t, read(t, trace, sequence.Choice{}))
	one := read(t, trace, sequence.Choice{Operation: n})
	d, err := one.SpaceTime("the fetch")
	if err != nil {
		t.Fatal(err)
	}
	sent, met := 0, 0
	for i, s := range d.Steps {
		if i > 0 && s.At < d.Steps[i-1].At {
			t.Errorf("step %d goes back in time", i)
		}
		if s.Text == "next" || s.Heard > 0 {
			sent++
		}
		if s.Heard > 0 && (d.Steps[s.Heard].At <= s.At || d.Steps[s.Heard].Lane == s.Lane) {
			t.Errorf("message %+v is heard as %+v", s, d.Steps[s.Heard])
		} else if s.Heard > 0 {
			met++
		}
	}
	if met < 4 || met != sent {
		t.Errorf("%d of %d messages are heard: want all, of a lookup and a transfer", met, sent)
	}
	var svg bytes.Buffer
	if err := d.WriteSVG(&svg); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(svg.String(), `class="arrow"`); n != met {
		t.Errorf("%d arrows for %d messages", n, met)
	}
	for x := xml.NewDecoder(&svg); ; {
		if _, err := x.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the drawing is no XML: %v", err)
		}
	}
}

func TestChoice(t *testing.T) {
	trace := traced(t, chord.Protocol)
	all := read(t, trace, sequence.Choice{})
	if len(all.Events) == 0 || len(all.Nodes) != 7 {
		t.Fatalf("%d events of %d nodes", len(all.Events), len(all.Nodes))
	}
	for _, e := range read(t, trace, sequence.Choice{From: time.Second, To: 2 * time.Second, Nodes: []string{"chord-3"}}).Events {
		if e.At < time.Second || e.At > 2*time.Second || all.Nodes[e.Node].Name != "chord-3" {
			t.Fatalf("chosen: %+v", e)
		}
	}
	last := read(t, trace, sequence.Choice{To: 6 * time.Second, Last: 10})
	sent := 0
	for _, e := range last.Events {
		if e.What == "send" {
			sent++
		}
	}
	if sent != 10 {
		t.Errorf("the last 10 messages are %d", sent)
	}
	if _, err := all.SpaceTime(""); !errors.Is(err, sequence.ErrTooMany) {
		t.Errorf("a drawing of all: %v", err)
	}
}

// Each clock is one ahead of its host's last, knows of no event that is not
// there, and of those whose messages have come.
func TestShiViz(t *testing.T) {
	var log bytes.Buffer
	trace := traced(t, gnutella.Protocol)
	if err := read(t, trace, sequence.Choice{To: 3 * time.Second}).WriteShiViz(&log); err != nil {
		t.Fatal(err)
	}
	form := regexp.MustCompile(`(?m)^(.*)\n(\S*) (\{.*\})$`)
	last, told := map[string]uint64{}, 0
	for _, m := range form.FindAllStringSubmatch(log.String(), -1) {
		clock := map[string]uint64{}
		if err := json.Unmarshal([]byte(m[3]), &clock); err != nil {
			t.Fatal(err)
		}
		last[m[2]]++
		for host, n := range clock {
			if n > last[host] || host == m[2] && n != last[host] {
				t.Fatalf("%q of %s: its clock is %v, and %s is at %d", m[1], m[2], clock, host, last[host])
			}
			if host != m[2] {
				told++
			}
		}
	}
	if told == 0 || 2*len(form.FindAllString(log.String(), -1)) != strings.Count(log.String(), "\n") {
		t.Errorf("the log is not of the form, or nobody heard of another:\n%.300s", log.String())
	}
}

func capture(t *testing.T, p *p2p.Protocol) []byte {
	t.Helper()
	var file bytes.Buffer
	n, err := sequence.Capture(&file, bytes.NewReader(traced(t, p)), sequence.Choice{})
	if err != nil || n == 0 {
		t.Fatalf("%d packets, %v", n, err)
	}
	return file.Bytes()
}

// Numbers on a stream go on where the packet before ended, from SYN to FIN or
// RST, and no packet acknowledges what was not sent.
func TestCaptureIsTCP(t *testing.T) {
	for _, p := range []*p2p.Protocol{chord.Protocol, gnutella.Protocol, bittorrent.Protocol} {
		r, err := pcapgo.NewNgReader(bytes.NewReader(capture(t, p)), pcapgo.DefaultNgReaderOptions)
		if err != nil {
			t.Fatal(err)
		}
		next := map[string]uint32{}
		var syn, end, data, udp int
		for {
			b, _, err := r.ReadPacketData()
			if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			pkt := gopacket.NewPacket(b, layers.LayerTypeIPv4, gopacket.Default)
			if pkt.ErrorLayer() != nil {
				t.Fatal(pkt.ErrorLayer().Error())
			}
			ip := pkt.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
			tcp, ok := pkt.Layer(layers.LayerTypeTCP).(*layers.TCP)
			if !ok {
				udp++
				continue
			}
			here, there := fmt.Sprint(ip.SrcIP, tcp.SrcPort, ip.DstIP, tcp.DstPort), fmt.Sprint(ip.DstIP, tcp.DstPort, ip.SrcIP, tcp.SrcPort)
			if tcp.SYN {
				syn++
				next[here] = 0
			}
			if tcp.Seq != next[here] {
				t.Fatalf("%s: %s: number %d, want %d", p.Name, here, tcp.Seq, next[here])
			}
			if tcp.ACK && tcp.Ack > next[there] {
				t.Fatalf("%s: %s acknowledges %d of %d", p.Name, here, tcp.Ack, next[there])
			}
			next[here] += uint32(len(tcp.Payload))
			data += len(tcp.Payload)
			if tcp.SYN || tcp.FIN {
				next[here]++
			}
			if tcp.FIN || tcp.RST {
				end++
			}
		}
		if syn == 0 || end == 0 || data < 40_000 || (p == chord.Protocol && udp == 0) {
			t.Errorf("%s: %d SYN, %d ends, %d bytes, %d datagrams", p.Name, syn, end, data, udp)
		}
	}
}

// Wireshark's own dissectors read what the simulated nodes said.
func TestTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("no tshark here: apt-get install tshark")
	}
	for _, c := range []struct {
		p    *p2p.Protocol
		want []string
	}{
		{gnutella.Protocol, []string{"Gnutella", "Ping", "Pong", "Query"}},
		{bittorrent.Protocol, []string{"Protocol Name: BitTorrent protocol", "Message Type: Unchoke", "Message Type: Request", "Message Type: Piece"}},
	} {
		t.Run(c.p.Name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "run.pcapng")
			if err := os.WriteFile(file, capture(t, c.p), 0o666); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(tshark, "-r", file, "-d", "tcp.port==7000,"+c.p.Name, "-O", c.p.Name+",tcp,_ws.malformed",
				"-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE").Output()
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.want {
				if !bytes.Contains(out, []byte(want)) {
					t.Errorf("tshark reads no %q", want)
				}
			}
			if bad := regexp.MustCompile(`.*(Malformed|not captured|unseen segment|Retransmission|Out-Of-Order|incorrect).*`).Find(out); bad != nil {
				t.Errorf("tshark finds wrong: %s", bad)
			}
		})
	}
}

func TestDamagedTraces(t *testing.T) {
	whole := traced(t, chord.Protocol)
	half := whole[:len(whole)-20]
	got, err := sequence.Read(bytes.NewReader(half), sequence.Choice{})
	if err == nil || !strings.Contains(err.Error(), "line ") || len(got.Events) == 0 {
		t.Errorf("half a line: %v, %d events; want those before and the line", err, len(got.Events))
	}
	for what, trace := range map[string]string{
		"no numbers":    `{"at":0,"what":"start","node":0}` + "\n" + `{"at":1,"what":"send","node":0,"kind":"x","size":4}`,
		"no such node":  `{"at":0,"what":"timer","node":5}`,
		"no such start": `{"at":0,"what":"start","node":5}`,
	} {
		if _, err := sequence.Read(strings.NewReader(trace), sequence.Choice{}); err == nil {
			t.Errorf("%s: no error from Read", what)
		}
		if _, err := sequence.Capture(io.Discard, strings.NewReader(trace), sequence.Choice{}); err == nil && what != "no such start" {
			t.Errorf("%s: no error from Capture", what)
		}
	}
}

// A trace that somebody has meddled with ends in words.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"at":0,"what":"start","node":0,"own":"10.0.0.1:7000"}
{"at":1,"what":"dial","node":0,"peer":"10.0.0.2:7000","link":1,"own":"10.0.0.1:49152"}
{"at":2,"what":"send","node":0,"peer":"10.0.0.2:7000","link":1,"kind":"x","size":4,"n":1,"bytes":"AAAA","content":1}
{"at":3,"what":"hear","node":0,"peer":"10.0.0.2:7000","link":1,"kind":"up"}
{"at":4,"what":"hear","node":0,"peer":"10.0.0.2:7000","link":1,"kind":"down","why":"reset"}
{"at":5,"what":"close","node":0,"link":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		sequence.Capture(io.Discard, bytes.NewReader(b), sequence.Choice{})
		if got, _ := sequence.Read(bytes.NewReader(b), sequence.Choice{Last: 3}); got != nil {
			if d, err := got.SpaceTime("x"); err == nil {
				d.WriteSVG(io.Discard)
			}
			got.WriteShiViz(io.Discard)
		}
	})
}
