package sim

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"peerbed/protocols/p2p"
)

// A language is what the world works out about a Protocol once.
type language struct {
	p       *p2p.Protocol
	index   *p2p.Index
	places  [256]uint8     // where Protocol.Kinds describes a kind, from 1; 0: nowhere
	reach   uintptr        // bytes of a Node that are read ahead
	scouts  bool           // its Nodes are Scouts
	first   int            // of the places of all languages where its own begin
	classes []uint8        // of Protocol.Kinds
	content [256]uintptr   // where the Content lies in a message, from 1; 0: it has none
	empty   [256]bool      // the struct has no fields: all such pointers may be equal
	spare   [256][]p2p.Msg // messages that have been delivered
}

func (w *World) language(p *p2p.Protocol) *language {
	l := w.languages[p]
	if l != nil {
		return l
	}
	l = &language{p: p, index: p.Index(), first: w.kinds}
	w.kinds += len(p.Kinds)
	for i, k := range p.Kinds {
		kind := k.Blank.Kind()
		t := reflect.TypeOf(k.Blank)
		if t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
			panic(fmt.Sprintf("sim: %s: Blank of %s is a %v, not a pointer to a struct", p.Name, k.Name, t))
		}
		class := slices.Index(classes, k.Class)
		if class < 0 {
			panic(fmt.Sprintf("sim: %s: message %s is of class %q; want one of %v", p.Name, k.Name, k.Class, classes))
		}
		l.classes = append(l.classes, uint8(class))
		l.places[kind] = uint8(i + 1)
		l.empty[kind] = t.Elem().Size() == 0
		if at, ok := findContent(t.Elem()); ok {
			l.content[kind] = at + 1
		}
	}
	w.languages[p] = l
	return l
}

// findContent returns the offset of the Content in a message of type t.
func findContent(t reflect.Type) (at uintptr, ok bool) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Type == reflect.TypeFor[p2p.Content]() {
			return f.Offset, true
		}
		if f.Type.Kind() == reflect.Struct {
			if inner, ok := findContent(f.Type); ok {
				return f.Offset + inner, true
			}
		}
	}
	return 0, false
}

// contentOf returns the Content that lies in m, or nil.
func (l *language) contentOf(m p2p.Msg) *p2p.Content {
	at := l.content[m.Kind()]
	if at == 0 {
		return nil
	}
	return (*p2p.Content)(unsafe.Add(reflect.ValueOf(m).UnsafePointer(), at-1))
}

// place returns where m's kind is counted. A message that Protocol.Kinds does
// not describe is a broken invariant.
func (l *language) place(k p2p.Kind, m p2p.Msg) int {
	i := l.places[k]
	if i == 0 {
		panic(fmt.Sprintf("sim: %s sends a %T, kind %d, which its Kinds do not describe", l.p.Name, m, k))
	}
	return int(i) - 1
}

// sized notes how large a Node is.
func (l *language) sized(n p2p.Node) {
	if t := reflect.TypeOf(n); l.reach == 0 && t.Kind() == reflect.Pointer {
		l.reach = min(t.Elem().Size(), reach)
		_, l.scouts = n.(p2p.Scout)
	}
}

// knows reports whether m is of a type that the protocol's Kinds describe.
func (l *language) knows(m p2p.Msg) bool {
	b := l.index[m.Kind()].Blank
	return b != nil && reflect.TypeOf(b) == reflect.TypeOf(m)
}

// name returns what a message is called in a trace: a timer by its Tick.
func (l *language) name(k p2p.Kind, m p2p.Msg) string {
	if t, ok := m.(p2p.Tick); ok && int(t) < len(l.p.Ticks) {
		return l.p.Ticks[t]
	}
	return l.index[k].Name
}

// recycle keeps a message that has been delivered for the next New.
func (l *language) recycle(c *Config, k p2p.Kind, m p2p.Msg) {
	if c.Poison {
		poison(m)
	}
	if !c.NoRecycle && !l.empty[k] {
		l.spare[k] = append(l.spare[k], m)
	}
}

// resolve finds "name:port" among the hosts that a Spec lists, by the whole of
// it or by the name; or it is an address already.
func resolve(hosts map[string]p2p.Addr, name string) (p2p.Addr, error) {
	if a, ok := hosts[name]; ok {
		return a, nil
	}
	host, port, _ := strings.Cut(name, ":")
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("resolve %q: want name:port", name)
	}
	if a, ok := hosts[host]; ok {
		return p2p.MakeAddr(a.IP(), uint16(n)), nil
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return p2p.ParseAddr(name)
	}
	return 0, fmt.Errorf("resolve %q: no such host", name)
}
