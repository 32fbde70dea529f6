package napster_test

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"peerbed/protocols/napster"
	"peerbed/protocols/p2p"
	"peerbed/protocols/p2p/p2ptest"
)

// frame is a frame with that data, as the specification lays it out: the length
// in two bytes, low byte first, the type, the data.
func frame(code uint16, data string) string {
	b := binary.LittleEndian.AppendUint16(nil, uint16(len(data)))
	return string(binary.LittleEndian.AppendUint16(b, code)) + data
}

// A golden message and its bytes.
type golden struct {
	msg  p2p.Msg
	wire string
}

const (
	sum   = "0123456789abcdef0123456789abcdef"
	other = "100.64.0.2" // as a number 33570916: the first octet in the low byte
)

var song = napster.File{Name: "song.mp3", MD5: sum, Bytes: 4040000, Kbps: 128, Hz: 44100, Secs: 252}

const songText = `"song.mp3" ` + sum + ` 4040000 128 44100 252`

const otherIP = 100<<24 | 64<<16 | 2

// Every frame between a client and a server.
func goldenFrames() []golden {
	hit := napster.Hit{File: song, Nick: "bob", IP: otherIP, Line: 8}
	near := hit
	near.Open, near.Port = true, 6699
	all := []golden{
		{&napster.Login{Nick: "bob", Pass: "secret", Port: 6699, Client: "nap v0.8", Line: 3}, frame(2, `bob secret 6699 "nap v0.8" 3`)},
		{&napster.Login{Nick: "bob", Pass: "secret", Port: 6699, Client: "nap v0.8", Line: 3, Build: 17}, frame(2, `bob secret 6699 "nap v0.8" 3 17`)},
		{&napster.Login{Nick: "bob", Pass: "secret", Client: "nap v0.8", Line: 10, Email: "bob@here", New: true}, frame(6, `bob secret 0 "nap v0.8" 10 bob@here`)},
		{&napster.Share{File: song}, frame(100, songText)},
		{&napster.Share{File: napster.File{Name: `C:\a b.mp3`, MD5: sum + "-4040000", Bytes: 1}}, frame(100, `"C:\a b.mp3" `+sum+`-4040000 1 0 0 0`)},
		{&napster.Unshare{Name: "song.mp3"}, frame(102, `"song.mp3"`)},
		{&napster.Folder{Dir: `C:\my music\`, Files: []napster.File{song, {Name: "b.mp3", MD5: "NOMD5COMPUTED", Bytes: 7, Kbps: 64, Hz: 22050, Secs: 1}}},
			frame(870, `"C:\my music\" `+songText+` "b.mp3" NOMD5COMPUTED 7 64 22050 1`)},
		{&napster.Search{Contains: "penny lane", Max: 100}, frame(200, `FILENAME CONTAINS "penny lane" MAX_RESULTS 100`)},
		{&napster.Search{Contains: "penny", Max: 50, And: "lane", Speed: napster.Bound{Rel: napster.AtLeast, N: 6},
			Kbps: napster.Bound{Rel: napster.AtBest, N: 128}, Freq: napster.Bound{Rel: napster.EqualTo, N: 44100}, Local: true},
			frame(200, `FILENAME CONTAINS "penny" MAX_RESULTS 50 FILENAME CONTAINS "lane" LINESPEED "AT LEAST" 6 BITRATE "AT BEST" "128" FREQ "EQUAL TO" "44100" LOCAL_ONLY`)},
		{&napster.Results{Hits: []napster.Hit{hit, near}, End: true},
			frame(201, songText+` bob 33570916 8`) + frame(201, songText+` bob 33570916 8 1 6699`) + frame(202, "")},
		{&napster.Results{End: true}, frame(202, "")},
		{&napster.Results{Hits: []napster.Hit{hit}, End: true, Resume: true}, frame(216, songText+` bob 33570916 8`) + frame(217, "")},
		{&napster.Results{End: true, Resume: true}, frame(217, "")},
		{&napster.Request{Nick: "bob", Name: "song.mp3"}, frame(203, `bob "song.mp3"`)},
		{&napster.Request{Nick: "bob", Name: "song.mp3", Push: true}, frame(500, `bob "song.mp3"`)},
		{&napster.Offer{Nick: "eve", Name: "song.mp3", Line: 7}, frame(607, `eve "song.mp3" 7`)},
		{&napster.Accepted{Nick: "eve", Name: "song.mp3"}, frame(608, `eve "song.mp3"`)},
		{&napster.Granted{Nick: "bob", IP: otherIP, Port: 6699, Name: "song.mp3", MD5: sum, Line: 8}, frame(204, `bob 33570916 6699 "song.mp3" `+sum+` 8`)},
		{&napster.Granted{Nick: "eve", IP: otherIP, Port: 6699, Name: "song.mp3", MD5: sum, Line: 8, Push: true}, frame(501, `eve 33570916 6699 "song.mp3" `+sum+` 8`)},
		{&napster.Denied{Code: 206, Nick: "bob", Name: "song.mp3"}, frame(206, `bob "song.mp3"`)},
		{&napster.Denied{Code: 609, Nick: "bob", Name: "song.mp3"}, frame(609, `bob "song.mp3"`)},
		{&napster.Queued{Code: 619, Nick: "eve", Name: "song.mp3", Limit: 3}, frame(619, `eve "song.mp3" 3`)},
		{&napster.Queued{Code: 620, Nick: "bob", Name: "song.mp3", Limit: 3}, frame(620, `bob "song.mp3" 3`)},
		{&napster.Shown{Nick: "bob", File: song}, frame(212, `bob `+songText)},
	}
	for _, text := range []napster.Text{{0, "bob is already active"}, {3, "anon@server"}, {7, "bob"}, {8, ""}, {9, ""}, {10, ""}, {110, ""},
		{205, "bob hello there"}, {207, "bob"}, {208, "bob"}, {209, "bob 8"}, {210, "bob"}, {301, "bob"}, {302, "bob"}, {303, "bob"},
		{211, "bob"}, {213, "bob 33570916"}, {214, "5873 740043 2991"}, {215, sum + " 4040000"}, {218, ""}, {219, ""}, {220, ""}, {221, ""},
		{400, "#music"}, {401, "#music"}, {402, "#music hello"}, {403, "#music bob hello"}, {404, "Unknown command code 640"}, {405, "#music"},
		{406, "#music bob 3 8"}, {407, "#music bob 3 8"}, {408, "#music bob 3 8"}, {409, "#music"}, {410, "#music all of it"},
		{600, "bob"}, {601, "bob 8"}, {603, "bob"}, {604, `bob "User" 60 " " "Active" 1 0 0 8 "nap v0.8"`}, {605, "bob"},
		{613, "6700"}, {625, "bob 8"}, {700, "8"}, {703, "6700"}, {621, "VERSION x"}, {626, "bob"}, {640, "bob"}, {641, "bob 33570916 6699"},
		{642, "bob"}, {750, ""}, {751, "bob"}, {752, "bob"}, {821, "100.64.0.3 8888"}, {822, "100.64.0.3 8875"}} {
		all = append(all, golden{&text, frame(text.Code, text.Text)})
	}
	return all
}

// What servers say to one another, in a language of our own.
func goldenBetween() []golden {
	at := p2p.MakeAddr(otherIP, 8888)
	hit := napster.Hit{File: song, Nick: "bob", IP: otherIP, Line: 8, Open: true, Port: 6699}
	return []golden{
		{&napster.Hello{Addr: at}, frame(10010, " 33570916 8888")},
		{&napster.Member{Nick: "bob", Addr: at, Build: 7000, Line: 3, Client: "nap v0.8", Gone: true}, frame(10018, `bob 33570916 8888 7000 3 "nap v0.8" 1`)},
		{&napster.Ask{ID: 5, Search: napster.Search{Contains: "penny", Max: 9}}, frame(10020, ` 5 FILENAME CONTAINS "penny" MAX_RESULTS 9`)},
		{&napster.Answer{ID: 5, Results: napster.Results{Hits: []napster.Hit{hit, hit}, End: true}},
			frame(10021, " 5 1 0\n"+songText+" bob 33570916 8 1 6699\n"+songText+" bob 33570916 8 1 6699")},
		{&napster.Relay{From: "eve", To: "bob", Code: 203, Data: `bob "song.mp3"`}, frame(10022, `eve bob 203 bob "song.mp3"`)},
	}
}

// Every message is written in exactly these bytes, and read from them.
func TestGoldenFrames(t *testing.T) {
	for _, g := range append(goldenFrames(), goldenBetween()...) {
		if got := string(p2ptest.Encode(t, napster.NewFrames(), g.msg)); got != g.wire {
			t.Errorf("%T%+v is written\n%q, want\n%q", g.msg, g.msg, got, g.wire)
		}
		p2ptest.RoundTrip(t, napster.NewFrames, g.msg)
		p2ptest.RoundTrip(t, called(t), g.msg)
	}
}

// called makes the codec of a stream that somebody else dials.
func called(t testing.TB) func() p2p.Codec {
	return func() p2p.Codec {
		c, err := napster.Accept(nil)
		if err != nil || c == nil {
			t.Fatalf("Accept of nothing: %v, error %v; a client speaks first", c, err)
		}
		return c
	}
}

// next reads one message, which must take all bytes.
func next(t *testing.T, c p2p.Codec, bytes string) p2p.Msg {
	t.Helper()
	m, n, err := c.Next([]byte(bytes), false)
	if err != nil || n != len(bytes) {
		t.Fatalf("%q: %d bytes taken, error %v", bytes, n, err)
	}
	return m
}

// What real clients write otherwise than we do.
func TestForeignFrames(t *testing.T) {
	hit := napster.Hit{File: song, Nick: "bob", IP: otherIP, Line: 8}
	for _, c := range []struct {
		wire string
		want p2p.Msg
	}{
		{frame(2, `bob secret 6699 "TekNap 1.4" 8 0 5201 0`), &napster.Login{Nick: "bob", Pass: "secret", Port: 6699, Client: "TekNap 1.4", Line: 8}},
		{frame(200, `MAX_RESULTS 7 LOCAL_ONLY FILENAME CONTAINS "a" BITRATE "AT LEAST" "128" FILENAME CONTAINS "b" FILENAME CONTAINS "c"`),
			&napster.Search{Contains: "a", And: "b c", Max: 7, Local: true, Kbps: napster.Bound{Rel: napster.AtLeast, N: 128}}},
		{frame(201, songText+` bob 33570916 8 3`) + frame(202, ""), &napster.Results{Hits: []napster.Hit{hit}, End: true}}, // a weight
		{frame(607, `eve "song.mp3"`), &napster.Offer{Nick: "eve", Name: "song.mp3"}},
	} {
		if got := next(t, napster.NewFrames(), c.wire); !p2ptest.Same(got, c.want) {
			t.Errorf("%q is read as\n%+v, want\n%+v", c.wire, got, c.want)
		}
	}
}

// Another server may let frames of other types stand between results.
func TestResultsInPieces(t *testing.T) {
	c := napster.NewFrames()
	line := frame(201, songText+` bob 33570916 8`)
	if m, n, err := c.Next([]byte(line+line), false); m != nil || n != 0 || err != nil {
		t.Errorf("of a row that has not ended: %v, %d bytes, error %v", m, n, err)
	}
	m, n, err := c.Next([]byte(line+line+frame(214, "1 2 3")), false)
	if r, ok := m.(*napster.Results); !ok || len(r.Hits) != 2 || r.End || n != 2*len(line) || err != nil {
		t.Errorf("of a row with another frame behind it: %v, %d bytes, error %v", m, n, err)
	}
	long := strings.Repeat(line, 2000)
	if m, n, err := c.Next([]byte(long), false); m == nil || n == 0 || n > 64<<10 || err != nil {
		t.Errorf("of a long row: %d bytes taken, error %v; want a part of it", n, err)
	}
}

// What is not as the tables say costs its sender the stream.
func TestMalformedFrames(t *testing.T) {
	for _, wire := range []string{
		frame(2, `bob secret port "nap" 3`), frame(2, "bob"), frame(6, `bob secret 0 "nap" 1`), frame(100, `"song`), frame(100, `"song" x -1 0 0 0`),
		frame(100, `"song" x 99999999999999999999 0 0 0`), frame(200, `FILENAME LIKE "x"`), frame(200, `BITRATE "MORE" "1"`), frame(200, `SIZE 5`),
		frame(201, `"song" x 1 2 3`) + frame(202, ""), frame(203, "bob"), frame(204, `bob x 1 "song" x 1`), frame(607, `bob "song`),
		frame(870, `"d" "f" x 1`), frame(10021, "1 2 0"), frame(10010, "1 65536"), "\xff\xff\xc8\x00",
	} {
		if m, _, err := napster.NewFrames().Next([]byte(wire), true); !errors.Is(err, p2p.ErrMalformed) {
			t.Errorf("%q is read as %+v, error %v", wire, m, err)
		}
	}
}

// The language between clients: GET and SEND, numbers that end where what has
// come ends, and a file that begins with digits.
func TestGoldenTransfers(t *testing.T) {
	const bytes = 1234
	get := func() p2p.Codec { return napster.NewGetting(bytes) }
	for _, c := range []struct {
		name  string
		codec func() p2p.Codec
		say   []golden // by one side, read by
		by    func() p2p.Codec
	}{
		{"the acceptor of a get", called(t), []golden{{&napster.One{}, "1"}, {&napster.Length{Bytes: bytes}, "1234"}, {&napster.Data{Data: p2p.Content{Len: 9}}, ""}}, get},
		{"a refusal", called(t), []golden{{&napster.One{}, "1"}, {&napster.Refusal{Text: "INVALID REQUEST"}, "INVALID REQUEST"}}, get},
		{"a changed length", called(t), []golden{{&napster.One{}, "1"}, {&napster.Length{Bytes: 12399}, "12399"}}, get},
		{"the dialler of a get", get, []golden{{&napster.Get{Nick: "eve", Name: "a b.mp3", Offset: 1000}, `GETeve "a b.mp3" 1000`}}, called(t)},
		{"the acceptor of a give", called(t), []golden{{&napster.One{}, "1"}, {&napster.Start{Offset: 77}, "77"}}, napster.NewGiving},
		{"the dialler of a give", napster.NewGiving, []golden{{&napster.Give{Nick: "bob", Name: "a b.mp3", Bytes: 5}, `SENDbob "a b.mp3" 5`}}, called(t)},
	} {
		from, to := c.codec(), c.by()
		for _, g := range c.say {
			b := string(p2ptest.Encode(t, from, g.msg))
			if g.wire != "" && b != g.wire {
				t.Errorf("%s: %+v is written %q, want %q", c.name, g.msg, b, g.wire)
			}
			if got := next(t, to, b); !p2ptest.Same(got, g.msg) {
				t.Errorf("%s: written %+v, read %T%+v", c.name, g.msg, got, got)
			}
		}
	}
}

// "The digits are ambiguous if the file itself starts with a digit: use the size
// known".
func TestFileThatBeginsWithDigits(t *testing.T) {
	c := napster.NewGetting(12)
	next(t, c, "1")
	m, n, err := c.Next([]byte("1299 bottles"), false)
	if l, ok := m.(*napster.Length); !ok || l.Bytes != 12 || n != 2 || err != nil {
		t.Fatalf("%T%+v of %d bytes, error %v; want the length 12", m, m, n, err)
	}
	if d, ok := next(t, c, "99 bottles").(*napster.Data); !ok || d.Data.Len != 10 {
		t.Error("the file is not what follows")
	}
}

// "GET and the rest may be two segments".
func TestRequestInPieces(t *testing.T) {
	c := called(t)()
	for _, part := range []string{"G", "GET", "GETeve", `GETeve "a b`, `GETeve "a b"`, `GETeve "a b" `} {
		if m, n, err := c.Next([]byte(part), false); m != nil || n != 0 || err != nil {
			t.Fatalf("%q: %v, %d bytes, error %v", part, m, n, err)
		}
	}
	if g, ok := next(t, c, `GETLarry "a b" 5`).(*napster.Get); !ok || g.Nick != "Larry" || g.Offset != 5 {
		t.Errorf("read as %+v", g)
	}
}

func TestMalformedTransfers(t *testing.T) {
	for _, c := range []struct {
		codec p2p.Codec
		wire  string
	}{
		{called(t)(), "HELLO"}, {called(t)(), `GET "a" 5x`}, {called(t)(), `GETa b "c" 5`}, {called(t)(), `GETa "c"5`}, {called(t)(), "GET" + strings.Repeat("x", 2000)},
		{called(t)(), `SENDa "c" 9999999999999999999999`}, {napster.NewGetting(5), "2"}, {napster.NewGiving(), "GET"},
	} {
		if m, _, err := c.codec.Next([]byte(c.wire), false); !errors.Is(err, p2p.ErrMalformed) {
			t.Errorf("%q is read as %+v, error %v", c.wire, m, err)
		}
	}
}

// All frames in a row, and requests, to whoever is dialled.
func FuzzCalled(f *testing.F) {
	var seeds [][]byte
	all := ""
	for _, g := range append(goldenFrames(), goldenBetween()...) {
		seeds = append(seeds, []byte(g.wire))
		all += g.wire
	}
	seeds = append(seeds, []byte(all), []byte(`GETeve "a b.mp3" 1000`), []byte(`SENDbob "a b.mp3" 5`),
		[]byte(frame(870, `""`+strings.Repeat(` "" 1 1 1 1 1`, 200))), []byte(strings.Repeat(frame(201, `"" 1 1 1 1 1 1 1 1`), 900)))
	p2ptest.FuzzCodec(f, called(f), seeds...)
}

func FuzzGetting(f *testing.F) {
	p2ptest.FuzzCodec(f, func() p2p.Codec { return napster.NewGetting(1234) }, []byte("11234data"), []byte("1FILE NOT FOUND"), []byte("199999999999"))
}

func FuzzGiving(f *testing.F) {
	p2ptest.FuzzCodec(f, napster.NewGiving, []byte("10"), []byte("1INVALID REQUEST"), []byte("1777777777777777777777"))
}
