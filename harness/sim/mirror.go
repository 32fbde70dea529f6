package sim

import (
	"fmt"
	"math"
	"reflect"
	"unsafe"

	"peerbed/protocols/p2p"
)

// open returns v free of the rule that unexported fields are not touched: a
// protocol's messages have such fields, and to judge them is this file's
// purpose. v must be addressable.
func open(v reflect.Value) reflect.Value {
	if v.CanSet() {
		return v
	}
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
}

// deepCopy returns a copy of a message, which shares no slice with it.
func deepCopy(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	unshare(c)
	return c
}

// unshare gives every slice within v a backing array of its own.
func unshare(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			unshare(open(v.Field(i)))
		}
	case reflect.Array:
		for i := range v.Len() {
			unshare(v.Index(i))
		}
	case reflect.Slice:
		if v.IsNil() {
			return
		}
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(c, v)
		v.Set(c)
		if !flat(v.Type().Elem()) {
			for i := range v.Len() {
				unshare(v.Index(i))
			}
		}
	}
}

// flat reports whether values of type t lead to no others.
func flat(t reflect.Type) bool {
	return t.Kind() <= reflect.Complex128 || t.Kind() == reflect.String
}

// difference names the first field in which two messages differ, with both
// values; "" if there is none. An empty slice equals nil, as it does on a
// wire, and of a Content only the length counts.
func difference(a, b reflect.Value) string {
	if a.Type() == reflect.TypeFor[p2p.Content]() {
		a, b = a.FieldByName("Len"), b.FieldByName("Len")
	}
	switch a.Kind() {
	case reflect.Struct:
		for i := range a.NumField() {
			if d := difference(a.Field(i), b.Field(i)); d != "" {
				return a.Type().Field(i).Name + " " + d
			}
		}
		return ""
	case reflect.Slice, reflect.Array:
		if a.Len() != b.Len() {
			return unequal(a, b)
		}
		for i := range a.Len() {
			if d := difference(a.Index(i), b.Index(i)); d != "" {
				return fmt.Sprintf("[%d] %s", i, d)
			}
		}
		return ""
	case reflect.Float32, reflect.Float64:
		if math.Float64bits(a.Float()) == math.Float64bits(b.Float()) {
			return ""
		}
		return unequal(a, b)
	}
	if a.Equal(b) {
		return ""
	}
	return unequal(a, b)
}

func unequal(a, b reflect.Value) string { return fmt.Sprintf("%v, %v", a, b) }

// poison overwrites a message, and what its slices hold, with rubbish.
func poison(m p2p.Msg) {
	if v := reflect.ValueOf(m); v.Kind() == reflect.Pointer {
		spoil(v.Elem())
	}
}

const rubbish = 0xA5A5A5A5A5A5A5A5

func spoil(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(rubbish >> 1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		v.SetUint(rubbish)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(math.NaN())
	case reflect.String:
		v.SetString("this message is no longer yours")
	case reflect.Struct:
		for i := range v.NumField() {
			spoil(open(v.Field(i)))
		}
	case reflect.Array:
		for i := range v.Len() {
			spoil(v.Index(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			spoil(v.Index(i))
		}
	default: // pointers, maps, interfaces, functions
		v.SetZero()
	}
}
