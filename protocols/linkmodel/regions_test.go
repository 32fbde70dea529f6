package linkmodel_test

import (
	"encoding/json"
	"testing"
	"time"

	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// spread places so many nodes into regions, all ways between which differ.
func spread(nodes, regions int) linkmodel.Model {
	r := &linkmodel.Regions{Of: map[uint32]linkmodel.Place{}}
	for i := range nodes {
		r.Of[uint32(i+1)] = linkmodel.Place{Region: i % regions}
	}
	for from := range regions {
		row := make([]linkmodel.Way, regions)
		for to := range row {
			row[to] = linkmodel.Way{Delay: time.Duration(from*regions+to+1) * time.Millisecond}
		}
		r.Ways = append(r.Ways, row)
	}
	return linkmodel.Model{Regions: r}
}

func TestRegions(t *testing.T) {
	m := spread(4, 2)
	m.Default = linkmodel.Link{Delay: time.Second, Jitter: time.Millisecond}
	m.Regions.Ways[0][1].Jitter = 2 * time.Millisecond
	m.Regions.Of[4] = linkmodel.Place{Region: 1, Loss: 0.5}
	m.Regions.Of[2] = linkmodel.Place{Region: 1, Loss: 0.5}
	at := func(ip uint32) p2p.Addr { return p2p.MakeAddr(ip, 7) }
	for _, test := range []struct {
		from, to uint32
		want     linkmodel.Link
	}{
		{1, 3, linkmodel.Link{Delay: 1001 * time.Millisecond, Jitter: time.Millisecond}},
		{1, 2, linkmodel.Link{Delay: 1002 * time.Millisecond, Jitter: 3 * time.Millisecond, Loss: 0.5}},
		{2, 1, linkmodel.Link{Delay: 1003 * time.Millisecond, Jitter: time.Millisecond, Loss: 0.5}},
		{2, 4, linkmodel.Link{Delay: 1004 * time.Millisecond, Jitter: time.Millisecond, Loss: 0.75}},
		{1, 9, m.Default}, // nobody placed it
	} {
		if got := m.Link(at(test.from), at(test.to)); got != test.want {
			t.Errorf("from %d to %d: %+v, want %+v", test.from, test.to, got, test.want)
		}
	}
	if m.Perfect() || m.Bare() || m.Uniform() {
		t.Error("a model of regions passes for one without")
	}
}

// What a node is told of a model is enough for what it sends and gets, and no
// more than a row and a column of the matrix.
func TestPartOfRegions(t *testing.T) {
	m := spread(30, 10)
	for self := uint32(1); self <= 30; self++ {
		text, err := json.Marshal(m.Part(p2p.MakeAddr(self, 1)))
		if err != nil {
			t.Fatal(err)
		}
		var part linkmodel.Model
		if err := json.Unmarshal(text, &part); err != nil {
			t.Fatal(err)
		}
		if err := part.Check(); err != nil {
			t.Fatalf("the part of %d: %v", self, err)
		}
		ways := 0
		for _, row := range part.Regions.Ways {
			ways += len(row)
		}
		if ways != 2*10-1 {
			t.Errorf("the part of %d has %d ways, want a row and a column of 10", self, ways)
		}
		for other := uint32(1); other <= 30; other++ {
			a, b := p2p.MakeAddr(self, 1), p2p.MakeAddr(other, 1)
			if part.Link(a, b) != m.Link(a, b) || part.Link(b, a) != m.Link(b, a) {
				t.Errorf("%d to %d and back: %v, %v of %v, %v", self, other, part.Link(a, b), part.Link(b, a), m.Link(a, b), m.Link(b, a))
			}
		}
	}
	if part := m.Part(p2p.MakeAddr(99, 1)); part.Regions != nil {
		t.Errorf("a node in no region is told of %v", part.Regions)
	}
}

func TestCheckOfRegions(t *testing.T) {
	for _, spoil := range []func(r *linkmodel.Regions){
		func(r *linkmodel.Regions) { r.Of[1] = linkmodel.Place{Region: 2} },
		func(r *linkmodel.Regions) { r.Of[1] = linkmodel.Place{Region: -1} },
		func(r *linkmodel.Regions) { r.Of[1] = linkmodel.Place{Loss: 1.5} },
		func(r *linkmodel.Regions) { r.Ways[1][0].Delay = -1 },
		func(r *linkmodel.Regions) { r.Ways[1][0].Jitter = -1 },
	} {
		m := spread(2, 2)
		if err := m.Check(); err != nil {
			t.Fatal(err)
		}
		spoil(m.Regions)
		if m.Check() == nil {
			t.Errorf("%+v passed", *m.Regions)
		}
	}
}

// The link of a pair costs the same in a large matrix as in a small one.
func BenchmarkLinkOfRegions(b *testing.B) {
	m := spread(1740, 1740)
	i := uint32(0)
	for b.Loop() {
		i++
		m.Link(p2p.MakeAddr(i%1740+1, 1), p2p.MakeAddr(i*7%1740+1, 1))
	}
}
