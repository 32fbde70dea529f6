package napster

import (
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"peerbed/protocols/p2p"
)

// rounds is how often a download goes through its owners without a byte before
// it gives up; between is the time between two attempts.
const (
	rounds  = 3
	between = 500 * time.Millisecond
)

// A download fetches one file: it finds it, asks the server for the best owner,
// goes on at the next where one breaks, and verifies what came.
type download struct {
	c      *client
	name   string
	done   []func(p2p.Result)
	result p2p.Result // of the search

	sources []Hit    // the one in use first
	tries   int      // since the last byte that was new
	peer    p2p.Peer // of this attempt; zero: none, or not yet
	asked   bool     // the server has been asked for the owner
	pushed  bool     // the owner has been asked to dial
	begun   bool     // what comes is the file
	moved   bool     // bytes have come since the last look
	timer   p2p.Timer

	file    File   // what lies on the Disk up to at
	at      int64  // next byte to come
	best    int64  // the farthest that at ever was
	from    string // whom that came from
	mixed   bool   // it came from several
	whole   bool   // it must come from one
	ours    bool   // what lies there is this download's
	pending int    // writes under way
	sums    []int64
	broken  error
}

// retry begins the next attempt; stalled looks whether bytes still come.
type (
	retry struct {
		p2p.Alarm
		d *download
	}
	stalled struct {
		p2p.Alarm
		d *download
	}
)

func (a *retry) ring()   { a.d.retry() }
func (a *stalled) ring() { a.d.stall() }

// fetch brings name to the Disk. Who asks for what is already under way waits
// for the same download.
func (c *client) fetch(name string, done func(p2p.Result)) {
	if f := c.library.find(name); f != nil && !c.node.gone {
		done(p2p.Result{Found: []p2p.Addr{c.env.Self()}, Blob: p2p.Blob{Name: f.name, Len: f.size}})
		return
	}
	for _, d := range c.downloads {
		if d.name == name {
			d.done = append(d.done, done)
			return
		}
	}
	d := &download{c: c, name: name, done: []func(p2p.Result){done}}
	c.downloads = append(c.downloads, d)
	c.search(name, d.found)
}

// found takes those who have exactly the file.
func (d *download) found(q *search, r p2p.Result) {
	d.result = r
	for _, h := range q.hits {
		if base(h.Name) == d.name {
			d.sources = append(d.sources, h)
		}
	}
	if r.Err == nil && len(d.sources) == 0 {
		r.Err = fmt.Errorf("napster: nobody has exactly the name %q: %w", d.name, p2p.ErrNotFound)
	}
	if r.Err != nil {
		d.end(r)
		return
	}
	d.result.Found = nil
	for i := range d.sources {
		if a := d.sources[i].addr(); !slices.Contains(d.result.Found, a) {
			d.result.Found = append(d.result.Found, a)
		}
	}
	d.start()
}

// start asks the server for the first owner.
func (d *download) start() {
	env, f := d.c.env, &d.sources[0]
	if f.MD5 != d.file.MD5 || f.Bytes != d.file.Bytes || d.at == 0 || d.whole { // other bytes than those that lie there
		env.Disk().Remove(d.name)
		d.file, d.at, d.ours = f.File, 0, true
		d.from, d.mixed = "", false
	}
	d.pushed, d.begun, d.moved = false, false, false
	if !d.c.in {
		d.next(p2p.ErrNotJoined)
		return
	}
	d.asked = true
	d.timer = env.After(d.c.cfg.Stall, &stalled{d: d})
	p2p.Send(env, d.c.server, Request{Nick: f.Nick, Name: f.Name})
}

// waiting finds the download that has asked for nick's file and is not joined to
// it yet.
func (c *client) waiting(nick, name string) *download {
	for _, d := range c.downloads {
		if d.asked && len(d.sources) > 0 && d.peer.Link == 0 && strings.EqualFold(d.sources[0].Nick, nick) && d.sources[0].Name == name {
			return d
		}
	}
	return nil
}

// granted tells where the owner is; or, to an owner, where the asker is.
func (c *client) granted(m *Granted) {
	if m.Push {
		c.push(m)
		return
	}
	d := c.waiting(m.Nick, m.Name)
	switch {
	case d == nil || d.pushed:
	case m.Port != 0:
		d.peer = c.env.Dial(p2p.MakeAddr(m.IP, m.Port), &getting{bytes: d.file.Bytes}, d)
	case c.firewalled():
		d.sources = d.sources[1:]
		d.again(fmt.Errorf("napster: %q from %s: both sides are behind firewalls: %w", d.name, m.Nick, p2p.ErrRefused))
	default:
		d.pushed = true
		p2p.Send(c.env, c.server, Request{m.Nick, m.Name, true})
	}
}

func (c *client) denied(nick, name string, why error) {
	if d := c.waiting(nick, name); d != nil {
		d.next(why)
	}
}

// given goes on where the owner has dialled.
func (c *client) given(from p2p.Peer, m *Give) {
	d := c.waiting(m.Nick, m.Name)
	if d == nil || !d.pushed || m.Bytes != d.file.Bytes {
		c.refuse(from, invalid)
		return
	}
	d.peer = from
	c.env.Hand(from, d)
	p2p.Send(c.env, from, Start{d.at})
	d.begin()
}

// Handle hears of the stream, and of the Disk.
func (d *download) Handle(from p2p.Peer, m p2p.Msg) {
	switch m := m.(type) {
	case *p2p.Written:
		d.written(m)
		return
	case *p2p.Summed:
		d.summed(m)
		return
	}
	if from != d.peer || len(d.sources) == 0 {
		return
	}
	switch m := m.(type) {
	case *p2p.Up, *p2p.Room:
	case *One:
		f := &d.sources[0]
		p2p.Send(d.c.env, from, Get{d.c.nick, f.Name, d.at})
	case *Length:
		if m.Bytes != d.file.Bytes {
			d.next(fmt.Errorf("it has %d bytes now: %w", m.Bytes, p2p.ErrNotFound))
			return
		}
		d.begin()
	case *Data:
		d.store(m)
	case *Refusal:
		d.next(fmt.Errorf("it answers %q: %w", m.Text, p2p.ErrRefused))
	case *p2p.Down:
		d.next(cmp.Or(m.Err, p2p.ErrReset))
	default:
		d.next(p2p.ErrMalformed)
	}
}

// begin notes whom the next bytes come from.
func (d *download) begin() {
	d.begun = true
	d.c.tell(codeGetting)
	nick := d.sources[0].Nick
	d.mixed = d.mixed || d.from != "" && d.from != nick
	if d.from = nick; d.at == d.file.Bytes {
		d.write(p2p.View(nil))
	}
}

// store takes a piece of the file.
func (d *download) store(m *Data) {
	if !d.begun || d.at+int64(m.Data.Len) > d.file.Bytes {
		d.next(fmt.Errorf("%w: more bytes than announced", p2p.ErrMalformed))
		return
	}
	d.moved = true
	d.write(m.Data)
}

// write puts a piece behind the last one. With the last one the stream has done
// its work.
func (d *download) write(c p2p.Content) {
	d.c.env.Disk().Write(d.name, d.at, c, d)
	d.at += int64(c.Len)
	d.pending++
	if d.at > d.best {
		d.best, d.tries = d.at, 0
	}
	if d.at == d.file.Bytes {
		d.hangUp()
		d.c.tell(codeGot)
	}
}

func (d *download) written(m *p2p.Written) {
	d.pending--
	if m.Err != nil {
		d.broken = fmt.Errorf("napster: %q: %w: %w", d.name, p2p.ErrDisk, m.Err)
	}
	switch {
	case d.pending > 0 || len(d.sources) == 0:
	case d.broken != nil:
		d.end(p2p.Result{Err: d.broken})
	case d.begun && d.at == d.file.Bytes:
		d.verify()
	}
}

// verify compares the MD5 of the beginning, in each of the lengths that clients
// take it of. Who does not say one is believed.
func (d *download) verify() {
	d.sums = nil
	if sum, _ := hex.DecodeString(stated(d.file.MD5)); len(sum) == md5.Size && sum[0]|sum[15] != 0 {
		d.sums = []int64{min(hashed, d.at), min(windows, d.at)}
	}
	d.sum()
}

// stated is an MD5 without the length that may follow it.
func stated(sum string) string {
	sum, _, _ = strings.Cut(sum, "-")
	return strings.ToLower(sum)
}

func (d *download) sum() {
	if len(d.sums) == 0 {
		d.finish()
		return
	}
	d.c.env.Disk().Sum(d.name, 0, d.sums[0], md5.New, d)
	d.sums = d.sums[1:]
}

// summed ends the download, or throws away what came. If it came from one owner,
// that one lies and is left. If it came from several, each is asked for the whole
// from now on, so that it will be known who lies.
func (d *download) summed(m *p2p.Summed) {
	if len(d.sources) == 0 {
		return // given up meanwhile
	}
	f := d.sources[0]
	switch {
	case m.Err != nil:
		d.end(p2p.Result{Err: fmt.Errorf("napster: hash of %q: %w: %w", d.name, p2p.ErrDisk, m.Err)})
	case hex.EncodeToString(m.Sum) == stated(d.file.MD5):
		d.finish()
	case len(d.sums) > 0:
		d.sum()
	default:
		d.at = 0
		if d.sources = d.sources[1:]; d.mixed { // nobody knows whose part is wrong
			d.whole, d.tries = true, 0
			d.sources = append(d.sources, f)
		}
		d.again(fmt.Errorf("napster: %q from %s: %w", d.name, f.Nick, p2p.ErrCorrupt))
	}
}

// finish is a success: who gave the file stands first.
func (d *download) finish() {
	a := d.sources[0].addr()
	d.result.Found = slices.DeleteFunc(d.result.Found, func(b p2p.Addr) bool { return a == b })
	d.result.Found = slices.Insert(d.result.Found, 0, a)
	d.result.Blob = p2p.Blob{Name: d.name, Len: d.at}
	if d.c.cfg.Reshare {
		d.c.share(shared{name: d.name, size: d.at, md5: d.file.MD5})
	}
	d.end(d.result)
}

func (d *download) stall() {
	if !d.moved {
		d.next(p2p.ErrTimeout)
		return
	}
	d.moved = false
	d.timer = d.c.env.After(d.c.cfg.Stall, &stalled{d: d})
}

// next leaves this owner, who may be tried again after all others.
func (d *download) next(err error) {
	f := d.sources[0]
	d.sources = append(d.sources[1:], f)
	d.tries++
	d.again(fmt.Errorf("napster: %q from %s: %w", d.name, f.Nick, err))
}

// again waits a little and goes on, or gives up with the error of the last
// attempt.
func (d *download) again(err error) {
	d.hangUp()
	if d.tries >= rounds*len(d.sources) {
		d.end(p2p.Result{Err: err})
		return
	}
	d.timer = d.c.env.After(between, &retry{d: d})
}

func (d *download) retry() {
	if d.pending > 0 { // the old bytes first
		d.timer = d.c.env.After(between, &retry{d: d})
		return
	}
	d.start()
}

func (d *download) hangUp() {
	env := d.c.env
	env.Stop(d.timer)
	d.asked = false
	if d.peer.Link != 0 {
		env.Close(d.peer)
		d.peer = p2p.Peer{}
	}
}

// end tells all who wait. A file that is not whole does not stay.
func (d *download) end(r p2p.Result) {
	c := d.c
	d.hangUp()
	d.sources = nil
	c.downloads = slices.DeleteFunc(c.downloads, func(k *download) bool { return k == d })
	if r.Err != nil && d.ours {
		c.env.Disk().Remove(d.name)
	}
	r.Path = d.result.Path
	for _, done := range d.done {
		done(r)
	}
}
