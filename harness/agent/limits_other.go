//go:build !linux

package agent

import "errors"

// HostLimits reads the neighbour limits of this machine.
func HostLimits() (Limits, error) {
	return Limits{}, errors.New("neighbour limits: the daemon's machine is not this one")
}
