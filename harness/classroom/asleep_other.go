//go:build !linux

package classroom

// asleep is not known here: who does not answer in time is taken to sleep.
func asleep(int) bool { return true }
