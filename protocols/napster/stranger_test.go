package napster_test

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
)

// Sessions with programs of others. What they say follows the tables of the
// specification and is written here by hand, not by our codec.

const (
	atBob = "100.64.0.2:40000" // 33570916 as a number
	atEve = "100.64.0.3:40000" // 50348132
	ipBob = "33570916"
	ipEve = "50348132"
)

// welcomed is what a server says to who logs in, with so many users and files.
func welcomed(mail string, users, files int) string {
	return frame(3, mail) + frame(621, "VERSION peerbed/1") + frame(621, "SERVER "+selfText) + frame(621, "Welcome.") + frame(214, fmt.Sprintf("%d %d 0", users, files))
}

// logged is a stranger that has logged in.
func (d *desk) logged(from, nick, port string) *stream {
	d.T.Helper()
	s := d.Call(from, frame(2, nick+` pw `+port+` "TekNap 1.4" 8 0 5201 0`))
	if got := s.Said(); !strings.HasPrefix(got, frame(3, "anon@server")) {
		d.T.Fatalf("the server says %q, want a welcome", got)
	}
	return s
}

// A foreign client registers, logs in, shares, searches, and stays.
func TestForeignLoginShareSearch(t *testing.T) {
	d := newServer(t)
	new := d.Call(atBob)
	new.Hears("") // a server waits to be greeted
	new.Say(frame(7, "bob"))
	new.Hears(frame(8, ""))
	new.Say(frame(6, `bob pw 6699 "nap v0.8" 7 bob@here`))
	new.Hears(welcomed("bob@here", 1, 0))
	new.Say(frame(100, `"C:\music\Penny Lane.mp3" `+sum+` 4040000 128 44100 252`), frame(870, `"D:\live\" "help.mp3" NOMD5COMPUTED 7 64 22050 1 "Lane.mp3" x 5 320 48000 9`))
	new.Hears("")

	eve := d.Call(atEve, frame(2, `eve pw 0 "TekNap 1.4" 3 0 5201 0`))
	eve.Hears(welcomed("anon@server", 2, 3))
	eve.Say(frame(200, `FILENAME CONTAINS "lane" MAX_RESULTS 100`))
	eve.Hears(frame(201, `"C:\music\Penny Lane.mp3" `+sum+` 4040000 128 44100 252 bob `+ipBob+` 7`),
		frame(201, `"D:\live\Lane.mp3" x 5 320 48000 9 bob `+ipBob+` 7`), frame(202, ""))
	for text, hits := range map[string]int{
		`FILENAME CONTAINS "LANE penny" MAX_RESULTS 100`:                            1,
		`FILENAME CONTAINS "lane" MAX_RESULTS 100 FILENAME CONTAINS "penny"`:        1,
		`FILENAME CONTAINS "penn" MAX_RESULTS 100`:                                  0, // whole words only
		`FILENAME CONTAINS "music" MAX_RESULTS 100`:                                 0, // a folder is no name
		`FILENAME CONTAINS "mp3" MAX_RESULTS 2`:                                     2,
		`FILENAME CONTAINS "mp3" MAX_RESULTS 100 BITRATE "AT LEAST" "128"`:          2,
		`FILENAME CONTAINS "mp3" MAX_RESULTS 100 BITRATE "AT BEST" "127"`:           1,
		`FILENAME CONTAINS "mp3" MAX_RESULTS 100 FREQ "EQUAL TO" "48000"`:           1,
		`FILENAME CONTAINS "mp3" LINESPEED "AT LEAST" 8 MAX_RESULTS 100`:            0,
		`MAX_RESULTS 100 LINESPEED "EQUAL TO" 7 LOCAL_ONLY FILENAME CONTAINS "mp3"`: 3,
	} {
		eve.Say(frame(200, text))
		got := eve.Said()
		if n := strings.Count(got, " bob "+ipBob); n != hits || !strings.HasSuffix(got, frame(202, "")) {
			t.Errorf("%s: %d results, want %d; the server says %q", text, n, hits, got)
		}
	}
	eve.Say(frame(211, "bob"))
	eve.Hears(frame(212, `bob "C:\music\Penny Lane.mp3" `+sum+` 4040000 128 44100 252`), frame(212, `bob "D:\live\help.mp3" NOMD5COMPUTED 7 64 22050 1`),
		frame(212, `bob "D:\live\Lane.mp3" x 5 320 48000 9`), frame(213, "bob "+ipBob))
	eve.Say(frame(215, sum+" 4040000"))
	eve.Hears(frame(216, `"C:\music\Penny Lane.mp3" `+sum+` 4040000 128 44100 252 bob `+ipBob+` 7`), frame(217, ""))

	new.Say(frame(102, `"D:\live\Lane.mp3"`))
	eve.Say(frame(214, ""))
	eve.Hears(frame(214, "2 2 0"))
	new.Breaks() // N1: "entries vanish when the TCP session ends"
	eve.Say(frame(200, `FILENAME CONTAINS "mp3" MAX_RESULTS 100`), frame(214, ""))
	eve.Hears(frame(202, ""), frame(214, "1 0 0"))
	for range 10 {
		d.Pass(time.Minute)
	}
	if eve.Over {
		t.Error("a client that says nothing has lost its session")
	}
}

// What else a client says to log in and stay is answered or passed on.
func TestForeignChat(t *testing.T) {
	d := newServer(t)
	bob, eve := d.logged(atBob, "bob", "6699"), d.logged(atEve, "eve", "0")
	for _, c := range []struct{ says, eve, bob string }{
		{frame(205, "bob hi there"), "", frame(205, "eve hi there")},
		{frame(205, "joe hi"), frame(404, "joe is not logged in"), ""},
		{frame(751, "bob"), "", frame(751, "eve")},
		{frame(752, "bob"), "", frame(752, "eve")},
		{frame(626, "bob"), "", frame(626, "eve")},
		{frame(750, ""), frame(750, ""), ""},
		{frame(600, "bob"), frame(601, "bob 8"), ""},
		{frame(603, "bob"), frame(604, `bob "User" 0 " " "Active" 0 0 0 8 "TekNap 1.4"`), ""},
		{frame(603, "joe"), frame(605, "joe"), ""},
		{frame(207, "bob"), frame(209, "bob 8"), ""},
		{frame(208, "joe"), frame(301, "joe"), ""},
		{frame(303, "joe"), "", ""},
		{frame(700, "3") + frame(600, "eve"), frame(601, "eve 3"), ""},
		{frame(218, "") + frame(219, "") + frame(220, "") + frame(221, ""), "", ""},
		{frame(110, ""), "", ""},
		{frame(400, "#music"), frame(404, "Unknown command code 400"), ""},
		{frame(640, "bob"), frame(404, "Unknown command code 640"), ""},
	} {
		eve.Say(c.says)
		if got := eve.Said(); got != c.eve {
			t.Errorf("%q: the server answers %q, want %q", c.says, got, c.eve)
		}
		if got := bob.Said(); got != c.bob {
			t.Errorf("%q: the server says to the other %q, want %q", c.says, got, c.bob)
		}
	}
}

// No user can make the server say to another what is longer than others' programs read.
func TestNothingTooLongIsPassedOn(t *testing.T) {
	d := newServer(t)
	bob, eve := d.logged(atBob, "bob", "6699"), d.logged(atEve, "eve", "0")
	long := strings.Repeat("x", 4000)
	eve.Say(frame(205, "bob "+long), frame(100, `"`+long+`" y 1 1 1 1`), frame(100, `"song" `+long+` 1 1 1 1`), frame(205, long))
	if eve.Over {
		t.Fatal("the server has ended the session")
	}
	if n := len(bob.Said()); n > 2048 {
		t.Errorf("a private message becomes %d bytes", n)
	}
	bob.Say(frame(200, `FILENAME CONTAINS "song" MAX_RESULTS 100`))
	bob.Hears(frame(202, ""))
}

// Who cannot be taken is told why, and others do not suffer.
func TestRefusedLogins(t *testing.T) {
	d := newServer(t)
	bob := d.Call(atBob, frame(6, `bob pw 6699 "nap" 7 b@b`))
	bob.Said()
	for says, want := range map[string]string{
		frame(2, `Bob pw 1 "x" 1`):                        frame(0, "bob is already active"),
		frame(2, `bob wrong 1 "x" 1`):                     frame(0, "Invalid Password"),
		frame(2, "b\x01b pw 1 \"x\" 1"):                   frame(0, "Invalid Nickname"),
		frame(7, "BOB"):                                   frame(9, ""),
		frame(7, "two words"):                             frame(10, ""),
		frame(200, `FILENAME CONTAINS "x" MAX_RESULTS 1`): "",
		`GETeve "x" 0`:                                    "",
		"nonsense":                                        "",
	} {
		s := d.Call(atEve, says)
		s.Hears(want)
		if asks := says[2:4] == "\x07\x00"; s.Over == asks {
			t.Errorf("%q: the stream has ended: %v", says, s.Over)
		}
	}
	if bob.Over || bob.Said() != "" {
		t.Error("a session has suffered")
	}
	again := d.Call(atBob, frame(2, `bob pw 6699 "nap" 7`)) // the same host: its stream is dead and nobody knows
	if !bob.Over || !strings.HasPrefix(again.Said(), frame(3, "anon@server")) {
		t.Error("a host cannot log in again while its dead session lasts")
	}
}

// The server brings two foreign clients together; the second cannot be dialled.
func TestForeignTransfersAreArranged(t *testing.T) {
	d := newServer(t)
	bob, eve := d.logged(atBob, "bob", "6699"), d.logged(atEve, "eve", "0")
	bob.Say(frame(100, `"b.mp3" `+sum+` 5 128 44100 252`))
	eve.Say(frame(100, `"e.mp3" `+sum+` 5 128 44100 252`))

	eve.Say(frame(203, `bob "b.mp3"`))
	eve.Hears("")
	bob.Hears(frame(607, `eve "b.mp3" 8`))
	bob.Say(frame(608, `eve "b.mp3"`))
	eve.Hears(frame(204, `bob `+ipBob+` 6699 "b.mp3" `+sum+` 8`))

	bob.Say(frame(203, `eve "e.mp3"`)) // "if the owner's port is 0 it answers 204 with port 0 at once"
	bob.Hears(frame(204, `eve `+ipEve+` 0 "e.mp3" `+sum+` 8`))
	eve.Hears("")
	bob.Say(frame(500, `eve "e.mp3"`))
	eve.Hears(frame(607, `bob "e.mp3" 8`))
	eve.Say(frame(608, `bob "e.mp3"`))
	eve.Hears(frame(501, `bob `+ipBob+` 6699 "e.mp3" `+sum+` 8`)) // "of the requester"
	bob.Hears("")

	eve.Say(frame(500, `bob "b.mp3"`))
	eve.Hears(frame(404, "bob is not firewalled"))
	eve.Say(frame(203, `bob "none.mp3"`), frame(203, `joe "b.mp3"`))
	eve.Hears(frame(206, `bob "none.mp3"`), frame(206, `joe "b.mp3"`))
	eve.Say(frame(203, `bob "b.mp3"`))
	bob.Say(frame(619, `eve "b.mp3" 3`))
	eve.Hears(frame(620, `bob "b.mp3" 3`))
	bob.Said()
	bob.Say(frame(608, `eve "b.mp3"`)) // an answer to what was answered
	eve.Hears("")
}

// digest is the MD5 of a file, in hex.
func digest(content string) string {
	s := md5.Sum([]byte(content))
	return hex.EncodeToString(s[:])
}

// session logs the desk's client in at a foreign server.
func session(t *testing.T, changes ...string) (*desk, *stream) {
	t.Helper()
	d, s := newClient(t, changes...)
	port := "7000"
	for _, c := range changes {
		if c == "firewalled=true" {
			port = "0"
		}
	}
	s.Hears(frame(2, `eve - `+port+` "peerbed/1" 0 7000`))
	s.Say(frame(3, "anon@server"), frame(621, "VERSION opennap 0.36"), frame(621, "SERVER x"), frame(214, "1 0 0"), frame(999, "what is this"))
	s.Hears("")
	return d, s
}

// Our client registers with a foreign server, or logs in where its nick is taken.
func TestRegister(t *testing.T) {
	for answer, want := range map[string]string{
		frame(8, ""): frame(6, `eve pw 7000 "peerbed/1" 4 anon@eve`),
		frame(9, ""): frame(2, `eve pw 7000 "peerbed/1" 4 7000`),
	} {
		_, s := newClient(t, "register=true", "password=pw", "line=4")
		s.Hears(frame(7, "eve"))
		s.Say(answer)
		s.Hears(want)
	}
}

// Our client shares with a foreign server, and a foreign client fetches from it.
func TestForeignDownloadFromUs(t *testing.T) {
	d, s := session(t)
	d.Publish("a b.mp3", "0123456789")
	s.Hears(frame(100, `"a b.mp3" `+digest("0123456789")+` 10 128 44100 0`))
	s.Say(frame(607, `bob "a b.mp3" 8`))
	s.Hears(frame(608, `bob "a b.mp3"`))
	f := d.Call(atBob)
	f.Hears("1") // "acceptor writes 1"
	f.Say("GET")
	f.Say(`bob "a b.mp3" 4`)
	f.Hears("10" + "456789") // "no terminator, directly followed by data"
	if !f.Over {
		t.Error("the stream stands after the file")
	}
	s.Hears(frame(220, ""), frame(221, ""))

	s.Say(frame(607, `bob "a b.mp3" 8`))
	s.Said()
	eager := d.Call(atBob, `GETbob "a b.mp3" 0`) // TekNap does not wait for the 1
	eager.Hears("1" + "10" + "0123456789")
	s.Said()
	for says, want := range map[string]string{
		`GETbob "a b.mp3" 0`: "1INVALID REQUEST", // "must have been announced by 607"
		`GETjoe "x" 0`:       "1INVALID REQUEST",
		`SENDjoe "x" 5`:      "1INVALID REQUEST",
		"HELLO":              "1",
	} {
		bad := d.Call(atBob, says)
		if got := bad.Said(); got != want || !bad.Over {
			t.Errorf("%q: the client says %q and has closed: %v; want %q", says, got, bad.Over, want)
		}
	}
	s.Say(frame(607, `bob "none.mp3" 8`))
	s.Hears(frame(609, `bob "none.mp3"`))
}

// found has our client search at a foreign server, which has one owner.
func found(t *testing.T, d *desk, s *stream, name, content string) *p2ptest.Wish {
	t.Helper()
	o := d.Do(p2p.Fetch{Name: name})
	s.Hears(frame(200, `FILENAME CONTAINS "a b mp3" MAX_RESULTS 100`))
	s.Say(frame(201, fmt.Sprintf(`"C:\m\%s" %s %d 128 44100 1 bob %s 8`, name, digest(content), len(content), ipBob)), frame(202, ""))
	s.Hears(frame(203, `bob "C:\m\a b.mp3"`))
	return o
}

// Our client fetches from a foreign one, which breaks off; it resumes.
func TestForeignUploadToUs(t *testing.T) {
	const content = "99 bottles of beer"
	d, s := session(t)
	o := found(t, d, s, "a b.mp3", content)
	granted := frame(204, `bob `+ipBob+` 6699 "C:\m\a b.mp3" `+digest(content)+` 8`)
	s.Say(granted)
	f := d.Last()
	if f.Peer.Addr != addr(t, "100.64.0.2:6699") {
		t.Fatalf("the client has dialled %v", f.Peer.Addr)
	}
	f.Stands()
	f.Hears("")
	f.Say("1")
	f.Hears(`GETeve "C:\m\a b.mp3" 0`)
	f.Say("18" + content[:7])
	s.Hears(frame(218, ""))
	f.Breaks()
	d.Pass(time.Second)
	s.Hears(frame(203, `bob "C:\m\a b.mp3"`))
	s.Say(granted)
	f = d.Last()
	f.Say("1")
	f.Hears(`GETeve "C:\m\a b.mp3" 7`)
	f.Say("1", "8", content[7:])
	if !o.Done || o.Err != nil || string(d.Files["a b.mp3"]) != content || o.Blob.Len != 18 {
		t.Fatalf("outcome %+v, the disk has %q", o, d.Files["a b.mp3"])
	}
	s.Hears(frame(218, ""), frame(219, ""))
}

// What does not match its MD5 is thrown away.
func TestForeignUploadIsWrong(t *testing.T) {
	d, s := session(t)
	o := found(t, d, s, "a b.mp3", "right")
	s.Say(frame(204, `bob `+ipBob+` 6699 "C:\m\a b.mp3" `+digest("right")+` 8`))
	d.Last().Say("1")
	d.Last().Say("5wrong")
	d.Pass(time.Minute)
	if !o.Done || !errors.Is(o.Err, p2p.ErrCorrupt) || d.Files["a b.mp3"] != nil {
		t.Errorf("outcome %+v, the disk has %q", o, d.Files["a b.mp3"])
	}
}

// A foreign owner behind a firewall dials us: 204 with port 0, 500, SEND.
func TestForeignFirewalledUpload(t *testing.T) {
	const content = "hello"
	d, s := session(t)
	o := found(t, d, s, "a b.mp3", content)
	s.Say(frame(204, `bob `+ipBob+` 0 "C:\m\a b.mp3" `+digest(content)+` 8`))
	s.Hears(frame(500, `bob "C:\m\a b.mp3"`))
	f := d.Call(atBob)
	f.Hears("1")
	f.Say("SEND", `bob "C:\m\a b.mp3" 5`)
	f.Hears("0")
	f.Say(content)
	if !o.Done || o.Err != nil || string(d.Files["a b.mp3"]) != content {
		t.Fatalf("outcome %+v, the disk has %q", o, d.Files["a b.mp3"])
	}
}

// We are behind a firewall: a foreign client asks by 500, and we dial it.
func TestForeignDownloadFromFirewalledUs(t *testing.T) {
	d, s := session(t, "firewalled=true")
	d.Publish("a b.mp3", "hello")
	s.Said()
	s.Say(frame(607, `bob "a b.mp3" 8`))
	s.Hears(frame(608, `bob "a b.mp3"`))
	s.Say(frame(501, `bob `+ipBob+` 6699 "a b.mp3" `+digest("hello")+` 8`))
	f := d.Last()
	if f.Peer.Addr != addr(t, "100.64.0.2:6699") {
		t.Fatalf("the client has dialled %v", f.Peer.Addr)
	}
	f.Say("1")
	f.Hears(`SENDeve "a b.mp3" 5`)
	f.Say("2")
	f.Hears("llo")
	s.Say(frame(501, `bob `+ipBob+` 6699 "a b.mp3" `+digest("hello")+` 8`))
	if d.Last() != f {
		t.Error("it dials for what nobody has asked for")
	}
}

// Two behind firewalls cannot meet: the client gives up.
func TestBothFirewalled(t *testing.T) {
	d, s := session(t, "firewalled=true")
	o := found(t, d, s, "a b.mp3", "hello")
	s.Say(frame(204, `bob `+ipBob+` 0 "C:\m\a b.mp3" `+digest("hello")+` 8`))
	d.Pass(time.Minute)
	if !o.Done || !errors.Is(o.Err, p2p.ErrRefused) || !strings.Contains(o.Err.Error(), "firewalls") {
		t.Errorf("outcome %+v", o)
	}
}

// N10: "No security, plaintext passwords": whoever listens can read it.
func TestN10PasswordIsReadable(t *testing.T) {
	_, s := newClient(t, "password=hunter2")
	if got := s.Said(); !strings.Contains(got, " hunter2 ") {
		t.Errorf("the client says %q, without its password", got)
	}
}
