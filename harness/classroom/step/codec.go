package step

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"peerbed/protocols/p2p"
)

// JSON returns a Protocol.Datagrams that writes each message as {"its kind": its
// fields}. It is slower and longer than a format of one's own, and ready.
func JSON(kinds []p2p.KindInfo) func() p2p.Codec {
	c := &codec{names: map[p2p.Kind]string{}, types: map[string]reflect.Type{}}
	for _, k := range kinds {
		c.names[k.Blank.Kind()] = k.Name
		c.types[k.Name] = reflect.TypeOf(k.Blank).Elem()
	}
	return func() p2p.Codec { return c }
}

// Size is what JSON takes for the message called kind: for a message's Size.
func Size(kind string, m p2p.Msg) int {
	b, err := json.Marshal(m)
	if err != nil {
		return 0
	}
	return len(`{"":}`) + len(kind) + len(b)
}

// A codec is the same for all nodes: it keeps no state.
type codec struct {
	names map[p2p.Kind]string
	types map[string]reflect.Type
}

func (c *codec) Append(dst []byte, m p2p.Msg) ([]byte, p2p.Content, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return dst, p2p.Content{}, fmt.Errorf("step: %s: %w", c.names[m.Kind()], err)
	}
	dst = fmt.Appendf(dst, "{%q:", c.names[m.Kind()])
	return append(append(dst, b...), '}'), p2p.Content{}, nil
}

func (c *codec) Next(src []byte, _ bool) (p2p.Msg, int, error) {
	name, fields, err := split(src)
	if err != nil {
		return nil, 0, fmt.Errorf("step: %w: %w", p2p.ErrMalformed, err)
	}
	t := c.types[name]
	if t == nil {
		return nil, 0, fmt.Errorf("step: kind %q: %w", name, p2p.ErrMalformed)
	}
	m := reflect.New(t).Interface()
	if err := json.Unmarshal(fields, m); err != nil {
		return nil, 0, fmt.Errorf("step: %s: %w: %w", name, p2p.ErrMalformed, err)
	}
	return m.(p2p.Msg), len(src), nil
}

// split takes an object of one field apart.
func split(src []byte) (name string, value json.RawMessage, err error) {
	d := json.NewDecoder(bytes.NewReader(src))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return "", nil, fmt.Errorf("want an object of one field")
	}
	t, err := d.Token()
	name, ok := t.(string)
	if err != nil || !ok {
		return "", nil, fmt.Errorf("want an object of one field")
	}
	if err := d.Decode(&value); err != nil {
		return "", nil, err
	}
	if t, err := d.Token(); err != nil || t != json.Delim('}') || d.More() {
		return "", nil, fmt.Errorf("want an object of one field")
	}
	return name, value, nil
}
