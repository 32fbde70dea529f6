package harness

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"peerbed/protocols/p2p"
	"peerbed/protocols/vocabulary"
)

// figures are the numbers that lie in States. What a protocol keeps is read from
// its Detail by the names of its fields, so that no protocol has to tell: a slice
// or map is a table with entries, a number is a figure, of yes and no the times
// of yes, and a Role is what the node plays. Fields of a table's entries are
// called after it too: torrents_peers, torrents_have.
type figures struct {
	entries, sums map[string]float64
	roles         map[string]float64
}

func newFigures() *figures {
	return &figures{map[string]float64{}, map[string]float64{}, map[string]float64{}}
}

// deepest is how many tables lie in one another.
const deepest = 3

func (f *figures) detail(d any) {
	v := reflect.ValueOf(d)
	if v.Kind() != reflect.Struct {
		return
	}
	if role := v.FieldByName("Role"); role.IsValid() && role.Kind() == reflect.String && role.String() != "" {
		f.roles[role.String()]++
	}
	f.fields("", v, 1)
}

func (f *figures) fields(prefix string, v reflect.Value, depth int) {
	for i := range v.NumField() {
		if field := v.Type().Field(i); field.IsExported() {
			f.field(prefix+underscored(field.Name), v.Field(i), depth)
		}
	}
}

func (f *figures) field(name string, v reflect.Value, depth int) {
	switch v.Type() {
	case reflect.TypeFor[p2p.Addr](), reflect.TypeFor[p2p.Link]():
		return // a name, not a number
	case reflect.TypeFor[time.Duration]():
		f.sums[name+"_seconds"] += time.Duration(v.Int()).Seconds()
		return
	}
	switch v.Kind() {
	case reflect.Slice:
		f.table(name, v, depth)
	case reflect.Map:
		f.entries[name] += float64(v.Len())
	case reflect.Bool:
		f.sums[name] += 0
		if v.Bool() {
			f.sums[name]++
		}
	case reflect.Int, reflect.Int32, reflect.Int64:
		f.sums[name] += float64(v.Int())
	case reflect.Uint, reflect.Uint32, reflect.Uint64:
		f.sums[name] += float64(v.Uint())
	case reflect.Float64:
		f.sums[name] += v.Float()
	}
}

func (f *figures) table(name string, v reflect.Value, depth int) {
	elem := v.Type().Elem()
	if elem.Kind() == reflect.Uint8 {
		return // bytes
	}
	f.entries[name] += float64(v.Len())
	if elem.Kind() != reflect.Struct || depth == deepest {
		return
	}
	for i := range v.Len() {
		f.fields(name+"_", v.Index(i), depth+1)
	}
}

// underscored writes a field's name as Prometheus does: "RoundTrip" is "round_trip".
func underscored(name string) string {
	var b strings.Builder
	letters := []rune(name)
	for i, r := range letters {
		if unicode.IsUpper(r) && i > 0 && (unicode.IsLower(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// states is what the nodes keep.
func (s *values) states(all []counted, found []inspected, p *pulse) {
	sum, neighbours, stored, size := newFigures(), 0, 0, 0
	for _, x := range found {
		neighbours += len(x.Neighbours)
		stored += len(x.Stored)
		b, _ := json.Marshal(x.State)
		size += len(b)
		sum.detail(x.Detail)
		if s.full {
			s.nodeState(all[x.node].Spec.Name, x, p)
		}
	}
	s.add(vocabulary.Neighbours, float64(neighbours))
	s.add(vocabulary.StoredKeys, float64(stored))
	s.add(vocabulary.StateBytes, float64(size))
	s.tally(vocabulary.StateEntries, p.known("entries"), sum.entries)
	s.tally(vocabulary.StateFigure, p.known("figures"), sum.sums)
	s.tally(vocabulary.StateRoles, p.known("roles"), sum.roles)
	if s.full {
		s.graph(all, found, p)
	}
}

// tally adds one value for each name, and 0 for names that there were before: what
// a sample leaves out would be taken to be as it was.
func (s *values) tally(m *vocabulary.Metric, known map[string]bool, now map[string]float64, labels ...string) {
	for name := range now {
		known[name] = true
	}
	for _, name := range sortedKeys(known) {
		s.add(m, now[name], append(slices.Clip(labels), name)...)
	}
}

func (s *values) nodeState(name string, x inspected, p *pulse) {
	s.add(vocabulary.NodeNeighbours, float64(len(x.Neighbours)), name)
	s.add(vocabulary.NodeStoredKeys, float64(len(x.Stored)), name)
	own := newFigures()
	own.detail(x.Detail)
	s.tally(vocabulary.NodeStateEntries, p.known("node "+name), own.entries, name)
}

// graph is the overlay as nodes and edges: 1 while they are there.
func (s *values) graph(all []counted, found []inspected, p *pulse) {
	infos, edges := map[string][]string{}, map[string][]string{}
	names := map[uint32]string{} // one address has one node, whatever the port
	for _, n := range all {
		names[n.Spec.Addr.IP()] = n.Spec.Name
	}
	for _, x := range found {
		spec := all[x.node].Spec
		infos[spec.Name] = []string{spec.Name, spec.Name, spec.Name, spec.Role}
		for _, a := range x.Neighbours {
			if to := names[a.IP()]; to != "" && to != spec.Name {
				id := spec.Name + ">" + to
				edges[id] = []string{id, spec.Name, to}
			}
		}
	}
	s.present(vocabulary.NodeInfo, infos, p.infos)
	s.present(vocabulary.EdgeInfo, edges, p.edges)
}

// maxEdges is how many different edges of one cluster have ever a series.
const maxEdges = 10_000

// present gives 1 to what is there and 0 to what was.
func (s *values) present(m *vocabulary.Metric, now, known map[string][]string) {
	for id, labels := range now {
		if len(known) < maxEdges {
			known[id] = labels
		}
	}
	for _, id := range sortedKeys(known) {
		v := 0.0
		if now[id] != nil {
			v = 1
		}
		s.add(m, v, known[id]...)
	}
}
