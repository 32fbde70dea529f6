package fault

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A lawForm is how one law is written: its parameters, t for a time and n for a
// number, and how it is made of them.
type lawForm struct {
	params string
	usage  string
	make   func(n float64, t time.Duration) Law
}

var lawForms = map[string]lawForm{
	"exponential": {"t", "exponential(MEAN)", func(_ float64, t time.Duration) Law { return Exponential(t) }},
	"constant":    {"t", "constant(TIME)", func(_ float64, t time.Duration) Law { return Constant(t) }},
	"weibull":     {"nt", "weibull(K, LAMBDA)", func(n float64, t time.Duration) Law { return Weibull{n, t} }},
	"lognormal":   {"tn", "lognormal(MEDIAN, SIGMA)", func(n float64, t time.Duration) Law { return Lognormal{t, n} }},
	"pareto":      {"nt", "pareto(ALPHA, BETA)", func(n float64, t time.Duration) Law { return Pareto{n, t} }},
}

const lawUsage = "exponential(MEAN), constant(TIME), weibull(K, LAMBDA), lognormal(MEDIAN, SIGMA), pareto(ALPHA, BETA) or trace(FILE)"

// ParseLaw reads a law as its String writes it, for flags: "exponential(1h)",
// "Weibull(0.38, 42m24s)", "trace(sessions.csv)". Capital letters and blanks do
// not matter, but in a file's name. The error says what is wrong and what may
// be written.
func ParseLaw(text string) (Law, error) {
	name, rest, ok := strings.Cut(strings.TrimSpace(text), "(")
	args, end := strings.CutSuffix(rest, ")")
	if !ok || !end {
		return nil, fmt.Errorf("law %q: want %s", text, lawUsage)
	}
	name = strings.ToLower(strings.TrimSpace(name))
	if name == "trace" {
		return ReadTrace(strings.TrimSpace(args))
	}
	form, ok := lawForms[name]
	if !ok {
		return nil, fmt.Errorf("law %q: no law %q; there are %s", text, name, lawUsage)
	}
	law, err := form.read(strings.Split(args, ","))
	if err == nil {
		err = law.Check()
	}
	if err != nil {
		return nil, fmt.Errorf("law %q: %w", text, err)
	}
	return law, nil
}

// AbsoluteLaw returns a text by which ParseLaw reads the same law in any folder:
// the file of a trace gets its full path.
func AbsoluteLaw(text string) (string, error) {
	name, rest, _ := strings.Cut(strings.TrimSpace(text), "(")
	file, traced := strings.CutSuffix(rest, ")")
	if !traced || !strings.EqualFold(strings.TrimSpace(name), "trace") {
		return text, nil
	}
	path, err := filepath.Abs(strings.TrimSpace(file))
	return "trace(" + path + ")", err
}

func (f lawForm) read(args []string) (Law, error) {
	if len(args) != len(f.params) {
		return nil, fmt.Errorf("want %s", f.usage)
	}
	var n float64
	var t time.Duration
	for i, a := range args {
		var err error
		a = strings.TrimSpace(a)
		if f.params[i] == 't' {
			t, err = time.ParseDuration(a)
		} else {
			n, err = strconv.ParseFloat(a, 64)
		}
		if err != nil {
			return nil, fmt.Errorf("%q is no %s: want %s, a time being written like 1h30m", a, kinds[f.params[i]], f.usage)
		}
	}
	return f.make(n, t), nil
}

var kinds = map[byte]string{'t': "time", 'n': "number"}

// A LawFlag is a Law on the command line, a flag.Value:
//
//	session := fault.LawFlag{Law: fault.Exponential(time.Hour)} // unless told otherwise
//	flag.Var(&session, "session", "how long nodes stay")
type LawFlag struct{ Law }

// Set implements flag.Value.
func (f *LawFlag) Set(text string) (err error) {
	f.Law, err = ParseLaw(text)
	return err
}

// String writes the law as Set reads it; nothing if there is none.
func (f LawFlag) String() string {
	if f.Law == nil {
		return ""
	}
	return fmt.Sprint(f.Law)
}
