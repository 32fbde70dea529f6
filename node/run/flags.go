package run

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"peerbed/node/control"
	"peerbed/protocols/introducer"
	"peerbed/protocols/p2p"
)

// A config is what the flags said.
type config struct {
	protocol  *p2p.Protocol
	settings  any // pointer to a Config of protocol
	listen    p2p.Addr
	share     string
	seed      uint64
	hosts     map[string]uint32
	state     *p2p.State
	stateFile string
	api       string // -control
	tokenFile string
	wait      bool
	pyroscope string
	publish   string // names, with commas between several
	fetch     string
	streams   uint
}

// A usage error is the caller's fault.
type usage struct{ error }

func wrong(format string, args ...any) error { return usage{fmt.Errorf(format, args...)} }

// errHelped says that the help has been printed.
var errHelped = errors.New("helped")

const defaultListen = "127.0.0.1:7000"

// parse reads the flags. The protocol comes first, wherever it stands: the
// other flags depend on it.
func parse(args []string, out io.Writer, protocols []*p2p.Protocol) (*config, error) {
	c := &config{}
	c.listen, _ = p2p.ParseAddr(defaultListen)
	name, given := findProtocol(args)
	if len(protocols) == 1 && !given {
		name = protocols[0].Name
	}
	if !slices.Contains(names(protocols), introducer.Protocol.Name) { // any network needs one
		protocols = append(slices.Clip(protocols), introducer.Protocol)
	}
	i := slices.IndexFunc(protocols, func(p *p2p.Protocol) bool { return p.Name == name })
	if name != "" && i < 0 {
		return nil, wrong("no protocol %q; there are %s", name, strings.Join(names(protocols), ", "))
	}
	if i >= 0 {
		c.protocol = protocols[i]
		c.settings = p2p.Pointer(c.protocol.Config)
	}
	f := c.flags()
	switch err := f.parse(args); {
	case errors.Is(err, flag.ErrHelp):
		c.help(out, given, protocols)
		return nil, errHelped
	case err != nil:
		return nil, err
	case c.protocol == nil:
		return nil, wrong("which protocol? give -protocol %s; node -h tells more", strings.Join(names(protocols), ", "))
	}
	return c, c.readState()
}

func names(protocols []*p2p.Protocol) []string {
	var list []string
	for _, p := range protocols {
		list = append(list, p.Name)
	}
	slices.Sort(list)
	return list
}

// findProtocol looks for -protocol before the flags are known.
func findProtocol(args []string) (name string, given bool) {
	for i, a := range args {
		if a == "--" {
			break
		}
		flag, value, joined := strings.Cut(a, "=")
		if flag != "-protocol" && flag != "--protocol" {
			continue
		}
		if !joined && i+1 < len(args) {
			value = args[i+1]
		}
		name, given = value, true
	}
	return name, given
}

// flags are the node's flags and its protocol's. The flag package would put a
// frame around an error that is a sentence already: wrong keeps it.
type flags struct {
	*flag.FlagSet
	wrong error
}

func (f *flags) parse(args []string) error {
	err := f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return err
	case f.wrong != nil:
		return usage{f.wrong}
	case err != nil:
		return wrong("%v; node -h tells what there is", err)
	case f.NArg() > 0:
		return wrong("%q is no flag; node -h tells what there is", f.Arg(0))
	}
	return nil
}

// A value is a flag whose setter makes whole sentences.
type value struct {
	f       *flags
	set     func(string) error
	text    string
	boolean bool
}

func (v *value) String() string   { return v.text }
func (v *value) IsBoolFlag() bool { return v.boolean }

func (v *value) Set(s string) error {
	err := v.set(s)
	if v.f.wrong == nil {
		v.f.wrong = err
	}
	return err
}

func (c *config) flags() *flags {
	f := &flags{FlagSet: flag.NewFlagSet("node", flag.ContinueOnError)}
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	f.String("protocol", "", "")
	add := func(name string, set func(string) error) { f.Var(&value{f: f, set: set}, name, "") }
	add("listen", c.setListen)
	add("hosts", c.setHosts)
	add("control", c.setControl)
	f.StringVar(&c.share, "share", "", "")
	f.Uint64Var(&c.seed, "seed", 0, "")
	f.StringVar(&c.stateFile, "state", "", "")
	f.StringVar(&c.tokenFile, "token-file", "", "")
	f.BoolVar(&c.wait, "wait", false, "")
	f.StringVar(&c.publish, "publish", "", "")
	f.StringVar(&c.fetch, "fetch", "", "")
	f.StringVar(&c.pyroscope, "pyroscope", "", "")
	f.UintVar(&c.streams, "streams", 0, "")
	if c.settings != nil {
		for _, s := range p2p.Settings(c.settings) {
			f.Var(&value{f: f, set: s.Set, text: s.String(), boolean: s.IsBool()}, s.Name, "")
		}
	}
	return f
}

func (c *config) setListen(text string) error {
	a, err := p2p.ParseAddr(text)
	switch {
	case err != nil:
		return fmt.Errorf("-listen %q: want an IPv4 address and a port such as %s (port 0: any)", text, defaultListen)
	case a.IP() == 0:
		return fmt.Errorf("-listen %q: want the one address that other nodes reach this node at", text)
	}
	c.listen = a
	return nil
}

func (c *config) setHosts(text string) error {
	c.hosts = map[string]uint32{}
	for _, pair := range strings.Split(text, ",") {
		name, ip, _ := strings.Cut(pair, "=")
		a, err := p2p.ParseAddr(ip + ":0")
		if err != nil || name == "" {
			return fmt.Errorf("-hosts %q: want name=address, such as introducer=127.0.0.2, with commas between several", pair)
		}
		c.hosts[name] = a.IP()
	}
	return nil
}

// readState reads the file that -state names.
func (c *config) readState() error {
	if c.stateFile == "" {
		return nil
	}
	b, err := os.ReadFile(c.stateFile)
	if err != nil {
		return fmt.Errorf("cannot read the state to take up: %w", err)
	}
	s, err := control.ReadState(b, c.protocol.Detail)
	if err != nil {
		return fmt.Errorf("%s is not the state of a %s node: %w", c.stateFile, c.protocol.Name, err)
	}
	c.state = &s
	return nil
}
