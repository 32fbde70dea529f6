package agent

import "fmt"

// String writes l as its label holds it: "128/512/1024".
func (l Limits) String() string { return fmt.Sprintf("%d/%d/%d", l[0], l[1], l[2]) }

// ParseLimits reads what String wrote; anything else is the zero Limits.
func ParseLimits(s string) (l Limits) {
	if n, err := fmt.Sscanf(s, "%d/%d/%d", &l[0], &l[1], &l[2]); n != 3 || err != nil {
		return Limits{}
	}
	return l
}
