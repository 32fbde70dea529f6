package gnutella

// What the tests see of the inside.
var (
	NewOverlay  = newOverlay // the codec of a link that this side dials
	NewTransfer = newTransfer
	Accept      = accept
	FormatURN   = formatURN
	ParseURN    = parseURN
)
