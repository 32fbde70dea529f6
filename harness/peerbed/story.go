package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"peerbed/harness"
	"peerbed/harness/record"
	"peerbed/protocols/chord"
	"peerbed/protocols/p2p"
)

// A story is a demo under way: what it prints, and its page.
type story struct {
	ctx   context.Context
	out   io.Writer
	seed  uint64
	world string // that was asked for; "": the best there is
	page  record.Page
	began time.Time
}

// part begins a half of the story, and of the page.
func (d *story) part(title, text string) {
	fmt.Fprintf(d.out, "\n== %s ==\n", title)
	d.say("%s", text)
	d.page.Parts = append(d.page.Parts, record.Part{Title: title, Text: []string{text},
		Overlay: record.Overlay{Angle: chord.Protocol.Angle, Label: label, Links: drawn}})
}

func (d *story) heading(title string) { fmt.Fprintf(d.out, "\n%s\n", title) }

// say prints a paragraph.
func (d *story) say(format string, args ...any) {
	const width = 78
	line := " "
	for _, word := range strings.Fields(fmt.Sprintf(format, args...)) {
		if len(line)+1+len(word) > width {
			fmt.Fprintln(d.out, line)
			line = " "
		}
		line += " " + word
	}
	fmt.Fprintln(d.out, line)
}

// lines prints what is aligned already.
func (d *story) lines(lines ...string) {
	for _, l := range lines {
		fmt.Fprintln(d.out, "      "+l)
	}
}

// shoot adds the ring as it is, and a lookup in it, to the page.
func (d *story) shoot(r *lectureRing, caption, text string, out harness.Outcome) {
	states := r.States()
	p := record.Picture{Caption: caption, Text: text, Nodes: states, Gone: r.gone(states),
		Keys: []record.Key{{Label: "K42", Angle: 42.0 / 128}}, Route: out.Path, Outcome: verdict(out)}
	if r.cut {
		for _, side := range r.sides() {
			var addrs []p2p.Addr
			for _, i := range side {
				addrs = append(addrs, r.Addr(i))
			}
			p.Sides = append(p.Sides, addrs)
		}
	}
	for _, s := range states {
		if slices.Contains(s.Stored, k42) {
			p.Holders = append(p.Holders, s.Self)
		}
	}
	o := &d.page.Parts[len(d.page.Parts)-1].Overlay
	o.Pictures = append(o.Pictures, p)
}
