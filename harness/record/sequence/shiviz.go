package sequence

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"strings"

	"peerbed/harness/sim"
)

// WriteShiViz writes the events with vector clocks (Fidge 1988, Mattern 1989)
// in the form that ShiViz reads without being told one:
//
//	(?<event>.*)\n(?<host>\S*) (?<clock>{.*})
func (t *Trace) WriteShiViz(w io.Writer) error {
	out := bufio.NewWriter(w)
	clocks := map[string]map[string]uint64{}
	sent := map[uint64]map[string]uint64{} // the sender's clock, by message
	for i := range t.Events {
		e := &t.Events[i]
		host := strings.Join(strings.Fields(t.name(e.Node)), "_")
		clock := clocks[host]
		if clock == nil {
			clock = map[string]uint64{}
			clocks[host] = clock
		}
		clock[host]++
		if e.N > 0 && e.What == sim.Hear {
			for h, n := range sent[e.N] {
				clock[h] = max(clock[h], n)
			}
			delete(sent, e.N)
		}
		if e.N > 0 && e.What == sim.Send {
			sent[e.N] = maps.Clone(clock)
		}
		text, err := json.Marshal(clock) // in the order of names
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s\n%s %s\n", strings.ReplaceAll(fmt.Sprintf("%v %s", e.At, describe(e)), "\n", " "), host, text)
	}
	return out.Flush()
}
