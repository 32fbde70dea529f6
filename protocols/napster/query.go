package napster

import (
	"strconv"
	"strings"
	"unicode"
)

// The words of a search, as they stand on the wire.
const (
	sayContains = "CONTAINS"
	sayFile     = "FILENAME"
	sayMax      = "MAX_RESULTS"
	saySpeed    = "LINESPEED"
	sayKbps     = "BITRATE"
	sayFreq     = "FREQ"
	sayLocal    = "LOCAL_ONLY"
)

var relations = []string{AtLeast: "AT LEAST", AtBest: "AT BEST", EqualTo: "EQUAL TO"}

func (m *Search) append(dst []byte) []byte { return frame(dst, codeSearch, m.data) }

// data writes the conditions in the order of the specification.
func (m *Search) data(b []byte) []byte {
	b = appendQuoted(append(b, sayFile+" "+sayContains+" "...), m.Contains)
	b = appendNumber(append(b, " "+sayMax...), uint64(m.Max))
	if m.And != "" {
		b = appendQuoted(append(b, " "+sayFile+" "+sayContains+" "...), m.And)
	}
	b = m.Speed.append(b, saySpeed, false)
	b = m.Kbps.append(b, sayKbps, true)
	b = m.Freq.append(b, sayFreq, true)
	if m.Local {
		b = append(b, " "+sayLocal...)
	}
	return b
}

func (c Bound) append(b []byte, what string, quoted bool) []byte {
	if c.Rel == AnyValue || int(c.Rel) >= len(relations) {
		return b
	}
	b = appendQuoted(append(append(append(b, ' '), what...), ' '), relations[c.Rel])
	if !quoted {
		return appendNumber(b, uint64(c.N))
	}
	return append(strconv.AppendUint(append(b, ' ', '"'), uint64(c.N), 10), '"')
}

// parse takes the conditions in any order.
func (m *Search) parse(f *fields) {
	*m = Search{}
	for f.more() {
		switch string(f.next("condition")) {
		case sayFile:
			m.also(f)
		case sayMax:
			m.Max = f.uint32("maximum")
		case saySpeed:
			m.Speed.parse(f)
		case sayKbps:
			m.Kbps.parse(f)
		case sayFreq:
			m.Freq.parse(f)
		case sayLocal:
			m.Local = true
		default:
			f.fail("condition")
		}
	}
}

// also reads one more text that the name must contain.
func (m *Search) also(f *fields) {
	if string(f.next("CONTAINS")) != sayContains {
		f.fail("CONTAINS")
		return
	}
	text := f.text("text")
	switch {
	case m.Contains == "":
		m.Contains = text
	case m.And == "":
		m.And = text
	default:
		m.And += " " + text
	}
}

func (c *Bound) parse(f *fields) {
	rel := string(f.next("relation"))
	for r := AtLeast; int(r) < len(relations); r++ {
		if relations[r] == rel {
			*c = Bound{r, f.uint32("bound")}
			return
		}
	}
	f.fail("relation")
}

// holds reports whether n is within the bound.
func (c Bound) holds(n uint32) bool {
	switch c.Rel {
	case AtLeast:
		return n >= c.N
	case AtBest:
		return n <= c.N
	case EqualTo:
		return n == c.N
	}
	return true
}

// words splits a name or a query at all that is neither letter nor digit.
func words(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// base is a file's name without the folders that other clients put before it.
func base(name string) string { return name[strings.LastIndexAny(name, `\/`)+1:] }
