package all_test

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The rules of the house, as tests: who may import whom, what a protocol may
// not touch, what every package must say. Each failure names the place and the
// reason.

const (
	module = "peerbed"
	root   = "../.."
)

// A pkg is one folder of Go files, parsed.
type pkg struct {
	path  string // below the module: "protocols/chord"
	files []*ast.File
	tests []*ast.File
	fset  *token.FileSet
}

func house(t *testing.T) []pkg {
	t.Helper()
	byDir := map[string]*pkg{}
	var order []string
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, name)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (rel == "out" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && rel != "."):
			return fs.SkipDir
		case d.IsDir() || filepath.Ext(name) != ".go":
			return nil
		}
		f, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(rel))
		if byDir[dir] == nil {
			byDir[dir] = &pkg{path: dir, fset: fset}
			order = append(order, dir)
		}
		p := byDir[dir]
		if strings.HasSuffix(name, "_test.go") {
			p.tests = append(p.tests, f)
		} else {
			p.files = append(p.files, f)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var all []pkg
	for _, dir := range order {
		all = append(all, *byDir[dir])
	}
	if len(all) < 8 {
		t.Fatalf("only %d packages under %s: the walk is broken", len(all), root)
	}
	return all
}

// isProtocol reports whether the folder is one of the peer-to-peer systems, or
// the introducer.
func isProtocol(dir string) bool {
	ground := []string{"protocols/p2p", "protocols/p2p/p2ptest", "protocols/wire", "protocols/ring", "protocols/linkmodel", "protocols/vocabulary", "protocols/all"}
	return strings.HasPrefix(dir, "protocols/") && !slices.Contains(ground, dir)
}

func imports(f *ast.File) []string {
	var list []string
	for _, i := range f.Imports {
		list = append(list, strings.Trim(i.Path.Value, `"`))
	}
	return list
}

func under(p, dir string) bool { return p == dir || strings.HasPrefix(p, dir+"/") }

// forbidden says why a file of the package at dir may not import p, or "".
func forbidden(dir, p string) string {
	in, ours := strings.CutPrefix(p, module+"/")
	std := !strings.Contains(strings.SplitN(p, "/", 2)[0], ".")
	docker := strings.Contains(p, "testcontainers") || strings.Contains(p, "docker/docker")
	seesDocker := under(dir, "harness/docker") || under(dir, "harness/agent")
	switch {
	case docker && !seesDocker:
		return "only harness/docker and harness/agent see Docker"
	case strings.HasPrefix(p, "github.com/prometheus/prometheus") && !under(dir, "harness/record/store"):
		return "only harness/record/store carries Prometheus' server"
	case ours && under(in, "harness/record/store") && !under(dir, "harness/record/store"):
		return "nobody compiles Prometheus' server by the way: the store is a program of its own"
	case dir == "protocols/vocabulary" && (ours || !std):
		return "the vocabulary stands on the standard library alone"
	case ours && under(in, "experiments") && !under(dir, "experiments"):
		return "nobody imports experiments"
	case dir == "protocols/p2p" && (ours || !std):
		return "p2p stands on the standard library alone"
	case under(dir, "node") && ours && under(in, "harness"):
		return "node never imports harness"
	case under(dir, "harness") && ours && under(in, "node") && in != "node/control":
		return "harness sees of node only node/control"
	case dir == "harness/sim" && ours && (in == "protocols/all" || isProtocol(in)):
		return "the simulator takes Protocol values and knows none by name"
	case dir == "harness/check" && ours && isProtocol(in):
		return "what is special to one protocol's invariants lies beside that protocol"
	case dir == "harness" && ours && slices.Contains([]string{"harness/sim", "harness/proc", "harness/docker", "harness/worlds"}, in):
		return "harness knows its worlds by name only; harness/worlds registers them"
	case isProtocol(dir) || slices.Contains([]string{"protocols/wire", "protocols/ring", "protocols/linkmodel"}, dir):
		return forbiddenToProtocol(dir, in, p, ours, std)
	}
	return ""
}

func forbiddenToProtocol(dir, in, p string, ours, std bool) string {
	switch {
	case ours && isProtocol(in) && in != "protocols/introducer":
		return "protocols never import one another"
	case ours && !under(in, "protocols"):
		return "a protocol knows no world"
	case in == "protocols/vocabulary":
		return "protocols hold no metric"
	case !ours && !std:
		return "a protocol stands on the standard library"
	case slices.Contains([]string{"net", "os", "sync", "log", "context", "sync/atomic", "math/rand", "log/slog"}, p):
		return "a protocol asks its Env: no sockets, files, locks, clocks or global random source"
	}
	return ""
}

func TestWhoMayImportWhom(t *testing.T) {
	for _, p := range house(t) {
		for _, f := range p.files {
			for _, i := range imports(f) {
				if why := forbidden(p.path, i); why != "" {
					t.Errorf("%s imports %s: %s", p.fset.Position(f.Package), i, why)
				}
			}
		}
	}
}

// The rules above can fail: each refuses what it names.
func TestForbiddenCanFail(t *testing.T) {
	for _, c := range [][2]string{
		{"protocols/chord", "net"}, {"protocols/chord", module + "/protocols/gnutella"}, {"protocols/chord", "math/rand"},
		{"protocols/p2p", module + "/protocols/wire"}, {"node/loop", module + "/harness/fault"}, {"harness/proc", module + "/node/loop"},
		{"harness/sim", module + "/protocols/chord"}, {"harness", module + "/harness/docker"}, {"harness/proc", "github.com/docker/docker/client"},
		{"harness/check", module + "/protocols/chord"}, {"node", module + "/experiments"},
		{"harness/record/journal", "github.com/prometheus/prometheus/tsdb"}, {"harness/peerbed", module + "/harness/record/store"},
		{"protocols/vocabulary", "github.com/prometheus/client_golang/prometheus"}, {"protocols/vocabulary", module + "/protocols/p2p"},
		{"protocols/chord", module + "/protocols/vocabulary"},
	} {
		if forbidden(c[0], c[1]) == "" {
			t.Errorf("%s may import %s", c[0], c[1])
		}
	}
	if why := forbidden("protocols/chord", module+"/protocols/introducer"); why != "" {
		t.Errorf("a protocol may not import the introducer: %s", why)
	}
}

func TestProgramsStaySmall(t *testing.T) {
	for program, bad := range map[string][]string{
		"node":            {"testcontainers", "docker/docker", "github.com/prometheus/prometheus"}, // it runs a thousand times on one machine
		"harness/peerbed": {"github.com/prometheus/prometheus"},                                    // who tries the demo waits for it to be compiled
	} {
		out, err := exec.Command("go", "list", "-deps", module+"/"+program).Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		for p := range strings.Lines(string(out)) {
			for _, bad := range bad {
				if strings.Contains(p, bad) {
					t.Errorf("the program %s contains %s", program, strings.TrimSpace(p))
				}
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range house(t) {
		var docs, named int
		for _, f := range p.files {
			if f.Doc != nil {
				docs++
			}
			if path.Base(p.fset.Position(f.Package).Filename) == "doc.go" {
				named++
			}
		}
		if len(p.files) > 0 && docs != 1 {
			t.Errorf("%s has %d package comments, want 1", p.path, docs)
		}
		if isProtocol(p.path) && named != 1 {
			t.Errorf("%s is a protocol without a doc.go", p.path)
		}
	}
}

// Event style: no goroutine, channel, select or clock in a protocol; Post and
// Spare are for p2p's verbs only.
func TestProtocolsAreEventStyle(t *testing.T) {
	for _, p := range house(t) {
		if !isProtocol(p.path) {
			continue
		}
		for _, f := range p.files {
			ast.Inspect(f, func(n ast.Node) bool {
				if what := impure(n); what != "" {
					t.Errorf("%s: %s in a protocol", p.fset.Position(n.Pos()), what)
				}
				return true
			})
		}
	}
}

func impure(n ast.Node) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "a goroutine"
	case *ast.ChanType:
		return "a channel"
	case *ast.SelectStmt:
		return "a select"
	case *ast.SelectorExpr:
		x, _ := n.X.(*ast.Ident)
		switch {
		case x != nil && x.Name == "time" && slices.Contains([]string{"Now", "Sleep", "After", "AfterFunc", "Since", "Tick", "NewTimer"}, n.Sel.Name):
			return "time." + n.Sel.Name
		case x != nil && x.Name == "rand" && slices.Contains([]string{"Int", "IntN", "Uint64", "Float64", "Perm", "Shuffle", "N"}, n.Sel.Name):
			return "the global rand." + n.Sel.Name
		case n.Sel.Name == "Post" || n.Sel.Name == "Spare":
			return "a call of Env." + n.Sel.Name + ", which only p2p makes,"
		}
	}
	return ""
}

// The order of a map is the one nondeterminism that Go slips in by itself.
// Where a protocol, the simulator or what plans an experiment ranges over one,
// a comment on the line or the line above says "any order" and why it may be.
func TestMapRangesSayWhy(t *testing.T) {
	for _, p := range house(t) {
		if !isProtocol(p.path) && p.path != "harness/sim" && p.path != "harness/workload" && p.path != "harness/fault" {
			continue
		}
		info := check(t, p)
		for _, f := range p.files {
			said := saidLines(p.fset, f)
			ast.Inspect(f, func(n ast.Node) bool {
				r, ok := n.(*ast.RangeStmt)
				if !ok || info.TypeOf(r.X) == nil {
					return true
				}
				line := p.fset.Position(r.Pos()).Line
				if _, ok := info.TypeOf(r.X).Underlying().(*types.Map); ok && !said[line] && !said[line-1] {
					t.Errorf("%s: range over a map; if its order cannot reach a send, a timer or a draw, say so in a comment with the words \"any order\"", p.fset.Position(r.Pos()))
				}
				return true
			})
		}
	}
}

// saidLines returns the lines that end a comment with the words "any order".
func saidLines(fset *token.FileSet, f *ast.File) map[int]bool {
	said := map[int]bool{}
	for _, g := range f.Comments {
		if strings.Contains(strings.ToLower(g.Text()), "any order") {
			said[fset.Position(g.End()).Line] = true
		}
	}
	return said
}

// sources type-checks imports from source, each once for all packages.
var sources = importer.ForCompiler(token.NewFileSet(), "source", nil)

func check(t *testing.T, p pkg) *types.Info {
	t.Helper()
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}
	conf := types.Config{Importer: sources}
	if _, err := conf.Check(module+"/"+p.path, p.fset, p.files, info); err != nil {
		t.Errorf("%s: %v", p.path, err)
	}
	return info
}

// Files are read in one sitting, functions at a glance.
func TestSizes(t *testing.T) {
	const file, function = 600, 80
	for _, p := range house(t) {
		for _, f := range p.files {
			if n := p.fset.Position(f.End()).Line; n > file {
				t.Errorf("%s has %d lines, want at most %d", p.fset.Position(f.Package).Filename, n, file)
			}
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok || fn.Body == nil {
					continue
				}
				if n := p.fset.Position(fn.End()).Line - p.fset.Position(fn.Pos()).Line + 1; n > function {
					t.Errorf("%s: %s has %d lines, want at most %d", p.fset.Position(fn.Pos()), fn.Name.Name, n, function)
				}
			}
		}
	}
}
