package gnutella

// What the tests see of the inside.
var (
	NewOverlay  = newOverlay // the codec of a link that this side dials
	NewTransfer = newTransfer
	Accept      = accept
	FormatURN   = formatURN
	ParseURN    = parseURN
	RouteHash   = routeHash
)

// A RouteTable is what an ultrapeer keeps of a leaf.
type RouteTable = routeTable

func (t *routeTable) Reset(m *RouteReset) error    { return t.reset(m) }
func (t *routeTable) Patch(m *RoutePatch) error    { return t.patch(m) }
func (t *routeTable) Matches(words ...string) bool { return t.matches(words) }
