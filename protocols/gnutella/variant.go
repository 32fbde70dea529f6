package gnutella

import (
	"fmt"
	"slices"
	"strings"
)

// choose reads the name of one of several variants.
func choose(v *uint8, names []string, b []byte) error {
	i := slices.Index(names, string(b))
	if i < 0 {
		return fmt.Errorf("one of %s", strings.Join(names, ", "))
	}
	*v = uint8(i)
	return nil
}
