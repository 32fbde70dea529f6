package p2p

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// A Setting is one field of a Config. The field's tag says all of it in one
// line:
//
//	Stabilize time.Duration `flag:"stabilize" default:"1s" range:"100ms:30s" doc:"how often a node asks its successor"`
//
// flag is its name on the command line, default and doc what -h prints, range
// the bounds (low:high, for numbers and durations) that Check enforces and
// random tests draw from. Fields are bool, string, integers, float64,
// time.Duration, or types with MarshalText and UnmarshalText (a variant).
// Embedded structs are walked; fields without flag are not Settings.
type Setting struct {
	Name, Default, Range, Doc string
	field                     reflect.Value
}

// Settings lists the settings of a Config, given by pointer, in their order.
// Setting one writes to *cfg.
func Settings(cfg any) []Setting {
	v := reflect.ValueOf(cfg)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("p2p: Settings wants a pointer to a struct, not %T", cfg))
	}
	return settings(nil, v.Elem())
}

func settings(s []Setting, v reflect.Value) []Setting {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, ok := f.Tag.Lookup("flag")
		switch {
		case ok:
			s = append(s, Setting{name, f.Tag.Get("default"), f.Tag.Get("range"), f.Tag.Get("doc"), v.Field(i)})
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			s = settings(s, v.Field(i))
		}
	}
	return s
}

// Default returns a T with every setting at its default.
func Default[T any]() T {
	var cfg T
	for _, s := range Settings(&cfg) {
		if s.Default == "" {
			continue
		}
		if err := s.Set(s.Default); err != nil {
			panic(fmt.Sprintf("p2p: default of %T: %v", cfg, err))
		}
	}
	return cfg
}

// Pointer returns a pointer to a copy of the Config cfg, which is a struct
// value behind any; see Value.
func Pointer(cfg any) any {
	p := reflect.New(reflect.TypeOf(cfg))
	p.Elem().Set(reflect.ValueOf(cfg))
	return p.Interface()
}

// Value returns the struct that the pointer p, made by Pointer, points to.
func Value(p any) any { return reflect.ValueOf(p).Elem().Interface() }

// With returns cfg, a struct value, with settings changed: name=value each.
func With(cfg any, changes ...string) (any, error) {
	p := Pointer(cfg)
	all := Settings(p)
	for _, c := range changes {
		name, value, _ := strings.Cut(c, "=")
		if err := set(all, name, value); err != nil {
			return nil, err
		}
	}
	return Value(p), nil
}

func set(all []Setting, name, value string) error {
	known := make([]string, len(all))
	for i, s := range all {
		if s.Name == name {
			return s.Set(value)
		}
		known[i] = s.Name
	}
	return fmt.Errorf("no setting %q; there are %s", name, strings.Join(known, ", "))
}

// Changes lists what differs from the defaults, as With takes it and as flags
// (each after a "-") give it to a node.
func Changes(cfg any) []string {
	var out []string
	for _, s := range Settings(Pointer(cfg)) {
		was := Setting{Name: s.Name, field: reflect.New(s.field.Type()).Elem()}
		if s.Default != "" {
			if err := was.Set(s.Default); err != nil {
				panic(fmt.Sprintf("p2p: default of %T: %v", cfg, err))
			}
		}
		if s.String() != was.String() {
			out = append(out, s.Name+"="+s.String())
		}
	}
	return out
}

// Check reports the first setting of cfg, a struct value, that is outside its
// range.
func Check(cfg any) error {
	for _, s := range Settings(Pointer(cfg)) {
		if err := s.Set(s.String()); err != nil {
			return err
		}
	}
	return nil
}

// IsBool reports whether the setting is a switch, so that a flag needs no
// value.
func (s Setting) IsBool() bool { return s.field.Kind() == reflect.Bool }

// String returns the setting's value as Set takes it.
func (s Setting) String() string {
	if m, ok := s.field.Interface().(encoding.TextMarshaler); ok {
		b, err := m.MarshalText()
		if err != nil {
			panic(fmt.Sprintf("p2p: setting %s: %v", s.Name, err))
		}
		return string(b)
	}
	return fmt.Sprint(s.field.Interface())
}

// Set reads a value from its text, within the setting's range.
func (s Setting) Set(text string) error {
	v := reflect.New(s.field.Type()).Elem()
	if err := parse(v, text); err != nil {
		return fmt.Errorf("-%s %q: want %s", s.Name, text, wanted(v, err))
	}
	if low, high, ok := strings.Cut(s.Range, ":"); ok {
		if outside(v, low, -1) || outside(v, high, +1) {
			return fmt.Errorf("-%s %q: want %s to %s", s.Name, text, low, high)
		}
	}
	s.field.Set(v)
	return nil
}

var durations = reflect.TypeFor[time.Duration]()

func parse(v reflect.Value, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch {
	case v.Type() == durations:
		d, err := time.ParseDuration(text)
		v.SetInt(int64(d))
		return err
	case v.Kind() == reflect.String:
		v.SetString(text)
		return nil
	case v.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(text)
		v.SetBool(b)
		return err
	case v.CanInt():
		n, err := strconv.ParseInt(text, 0, v.Type().Bits())
		v.SetInt(n)
		return err
	case v.CanUint():
		n, err := strconv.ParseUint(text, 0, v.Type().Bits())
		v.SetUint(n)
		return err
	case v.CanFloat():
		f, err := strconv.ParseFloat(text, 64)
		v.SetFloat(f)
		return err
	}
	panic(fmt.Sprintf("p2p: a Config field cannot be a %v", v.Type()))
}

// wanted says what a value of v's type looks like.
func wanted(v reflect.Value, err error) string {
	_, text := v.Addr().Interface().(encoding.TextUnmarshaler)
	switch {
	case text:
		return err.Error()
	case v.Type() == durations:
		return "a duration such as 500ms or 2s"
	case v.Kind() == reflect.Bool:
		return "true or false"
	case v.CanInt() || v.CanUint():
		return "a whole number"
	case v.CanFloat():
		return "a number"
	}
	return err.Error()
}

// outside reports whether v lies beyond the bound on the given side.
func outside(v reflect.Value, bound string, side int) bool {
	b := reflect.New(v.Type()).Elem()
	if err := parse(b, bound); err != nil {
		panic(fmt.Sprintf("p2p: bound %q of a range: %v", bound, err))
	}
	switch {
	case v.CanInt():
		return side < 0 && v.Int() < b.Int() || side > 0 && v.Int() > b.Int()
	case v.CanUint():
		return side < 0 && v.Uint() < b.Uint() || side > 0 && v.Uint() > b.Uint()
	case v.CanFloat():
		return side < 0 && !(v.Float() >= b.Float()) || side > 0 && !(v.Float() <= b.Float()) // NaN is outside
	}
	panic(fmt.Sprintf("p2p: a range on a %v", v.Type()))
}
