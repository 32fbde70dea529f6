package main

import (
	"fmt"
	"strconv"
)

// A point is a place on the circle of 65536 ids, for nodes and keys.
type point uint16

func parse(text string) (point, error) {
	v, err := strconv.ParseUint(text, 16, 16)
	if err != nil {
		return 0, fmt.Errorf("%q is no id: want four hex digits", text)
	}
	return point(v), nil
}

func (p point) String() string { return fmt.Sprintf("%04x", uint16(p)) }

// away counts the ids from a to b in the direction of the ring.
func away(a, b point) point {
	if asked.direction == "counterclockwise" {
		return a - b
	}
	return b - a
}

// between reports whether x lies after a and before b; all but a if a is b.
func between(x, a, b point) bool {
	return x != a && x != b && (a == b || away(a, x) < away(a, b))
}

// upTo reports whether x lies after a and not after b; all if a is b.
func upTo(x, a, b point) bool { return x == b || a == b || between(x, a, b) }

// along is the point that lies d after a.
func along(a point, d point) point {
	if asked.direction == "counterclockwise" {
		return a - d
	}
	return a + d
}
