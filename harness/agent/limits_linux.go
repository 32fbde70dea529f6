package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// limitsDir is where the thresholds lie on the machine itself, in a folder that
// only its first network namespace has.
const limitsDir = "/proc/sys/net/ipv4/neigh"

// HostLimits reads the neighbour limits of this machine.
func HostLimits() (Limits, error) { return readLimits(limitsDir) }

func limitFile(dir string, i int) string {
	return filepath.Join(dir, "default", fmt.Sprintf("gc_thresh%d", i+1))
}

func readLimits(dir string) (l Limits, err error) {
	for i := range l {
		b, err := os.ReadFile(limitFile(dir, i))
		if err != nil {
			return l, fmt.Errorf("neighbour limits: %w", err)
		}
		if l[i], err = strconv.Atoi(strings.TrimSpace(string(b))); err != nil {
			return l, fmt.Errorf("neighbour limits: %w", err)
		}
	}
	return l, nil
}

func writeLimits(dir string, l Limits) error {
	for i, v := range l {
		if err := os.WriteFile(limitFile(dir, i), []byte(strconv.Itoa(v)), 0); err != nil {
			return fmt.Errorf("neighbour limits: %w", err)
		}
	}
	return nil
}

// raiseLimits makes room for entries, and never lowers a limit. The kernel
// may clear entries between the first threshold and the third: only the third
// must hold them all, but below the first nothing is cleared and nothing lost.
func raiseLimits(dir string, entries int) error {
	now, err := readLimits(dir)
	if err != nil {
		return err
	}
	want := Limits{max(now[0], entries), max(now[1], entries+entries/2), max(now[2], 2*entries)}
	if want == now {
		return nil
	}
	return writeLimits(dir, want)
}
