//go:build race

package loop_test

// raceEnabled: the race detector multiplies memory.
const raceEnabled = true
