package linkmodel

import (
	"fmt"
	"time"

	"peerbed/protocols/p2p"
)

// Regions give the links of nodes that were placed by hand or by measurement:
// a node is in a region, and from each region to each other leads a Way. What
// they say is added to the model's Default; a node in no region has that alone.
// Finding a link takes the same time however many nodes and regions there are.
type Regions struct {
	Of map[uint32]Place // by IP address
	// Ways[from][to] leads from one region to another, or to itself. A row may
	// be shorter, or lacking, where a Part of a model has no use for it.
	Ways [][]Way
}

// A Place is where a node is, and how good its own line is.
type Place struct {
	Region int     // a row of Ways
	Loss   float64 `json:",omitempty"` // share of the datagrams that its line loses, 0 to 1, in each direction
}

// A Way is one direction between two regions: what it adds to a Link.
type Way struct {
	Delay  time.Duration // one way
	Jitter time.Duration `json:",omitempty"`
}

// over adds to a link what lies between two nodes.
func (r *Regions) over(l Link, from, to p2p.Addr) Link {
	a, known := r.Of[from.IP()]
	b, too := r.Of[to.IP()]
	if !known || !too {
		return l
	}
	w := r.way(a.Region, b.Region)
	l.Delay += w.Delay
	l.Jitter += w.Jitter
	for _, loss := range [...]float64{a.Loss, b.Loss} {
		if loss > 0 {
			l = l.Lossy(loss)
		}
	}
	return l
}

// way is nothing where a Part knows of nothing.
func (r *Regions) way(from, to int) Way {
	if from >= len(r.Ways) || to >= len(r.Ways[from]) {
		return Way{}
	}
	return r.Ways[from][to]
}

// part keeps the ways that a node in one region needs: from there and to
// there. Its region and region 0 change numbers, so that what remains is one
// row, and the beginning of each of the others.
func (r *Regions) part(node p2p.Addr) *Regions {
	at, ok := r.Of[node.IP()]
	if !ok || len(r.Ways) == 0 {
		return nil
	}
	home := at.Region
	other := func(region int) int {
		switch region {
		case 0:
			return home
		case home:
			return 0
		}
		return region
	}
	p := &Regions{Of: make(map[uint32]Place, len(r.Of)), Ways: make([][]Way, len(r.Ways))}
	for ip, place := range r.Of {
		place.Region = other(place.Region)
		p.Of[ip] = place
	}
	p.Ways[0] = make([]Way, len(r.Ways))
	for k := range p.Ways {
		p.Ways[0][k] = r.way(home, other(k))
		if k > 0 {
			p.Ways[k] = []Way{r.way(other(k), home)}
		}
	}
	return p
}

func (r *Regions) check() error {
	for _, place := range r.Of {
		if place.Region < 0 || place.Region >= len(r.Ways) {
			return fmt.Errorf("a node in region %d: want 0 to %d", place.Region, len(r.Ways)-1)
		}
		if err := (Link{Loss: place.Loss}).check(); err != nil {
			return fmt.Errorf("a node in region %d: %w", place.Region, err)
		}
	}
	for from, row := range r.Ways {
		for to, w := range row {
			if err := (Link{Delay: w.Delay, Jitter: w.Jitter}).check(); err != nil {
				return fmt.Errorf("region %d to %d: %w", from, to, err)
			}
		}
	}
	return nil
}

// String says how many there are: a matrix of measurements has millions of
// numbers.
func (r *Regions) String() string {
	return fmt.Sprintf("%d nodes in %d regions", len(r.Of), len(r.Ways))
}
