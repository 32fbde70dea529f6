package gnutella_test

import (
	"fmt"
	"testing"
	"time"

	"peerbed/harness/fault"
	"peerbed/protocols/linkmodel"
	"peerbed/protocols/p2p"
)

// GN12: "Modem hosts cannot carry traffic; proxy servers": where a third of the
// nodes has 56 kbit/s and everybody asks all the time, searches in vain pile up
// behind them; with ultrapeers for proxies of the slow ones they do not.
func TestGN12Modems(t *testing.T) {
	const n, modem = 24, 56000 / 8
	success := func(proxies bool) float64 {
		all := make([][]string, n)
		for i := range all {
			all[i] = []string{"ttl=7", "search=flood", "patience=2s"}
			if proxies && i%3 == 2 {
				all[i] = append(all[i], "role=leaf")
			} else if proxies {
				all[i] = append(all[i], "role=ultrapeer")
			}
		}
		w := mixed(t, 1, all...)
		for i, a := range w.nodes {
			w.must(a, p2p.Publish{Name: fmt.Sprint("song ", i), Size: 1})
		}
		w.Run(20 * time.Second)
		var net fault.Net
		for i, a := range w.nodes {
			if i%3 == 2 {
				net.Links.Access = append(net.Links.Access, linkmodel.Access{Node: a, Up: modem, Down: modem})
			}
		}
		if err := w.Apply(net); err != nil {
			t.Fatal(err)
		}
		asked, found := 0, 0
		for round := range 40 {
			for i, a := range w.nodes {
				asked++
				w.Do(a, p2p.Find{Name: fmt.Sprint("song ", (i*7+round)%n)}, func(o outcome) {
					if o.Err == nil {
						found++
					}
				})
				w.Run(10 * time.Millisecond)
			}
		}
		w.Run(time.Minute)
		return float64(found) / float64(asked)
	}
	flat, proxied := success(false), success(true)
	t.Logf("success %.3f among equals, %.3f with proxies", flat, proxied)
	if flat > 0.9 || proxied < 0.97 {
		t.Errorf("success %.3f among equals, %.3f with proxies; want a collapse, and none", flat, proxied)
	}
}
