package fasttrack_test

import (
	"encoding/hex"
	"testing"

	"peerbed/protocols/fasttrack"
)

// The keystreams are those of the open clients' own code: the first bytes, and some
// that come after many turns of the pad.
func TestCipherVectors(t *testing.T) {
	for _, c := range []struct {
		kind, seed uint32
		first, far string
	}{
		{fasttrack.Plain, 0x12345678, "0be289a6ea5344eeddceda7ff96fc6eecf60e98146d8fea5", "0af4fdfd2db63369"},
		{fasttrack.Plain, 0xdeadbeef, "dc2ebf8995aa09000fe32df0d2071a1de90ef59f2691fd86", "e1f684b1b35d1728"},
		{fasttrack.Table, 0x12345678, "b4b9b725cb8114ec8defc4f86d8e18ec92abcbd2d059b825", ""},
		{fasttrack.Table, 0xdeadbeef, "d619180fcfcc941451e519ff47fd01a404feab9a79308648", ""},
	} {
		b := make([]byte, 4008)
		fasttrack.Keystream(c.kind, c.seed)(b)
		if got := hex.EncodeToString(b[:24]); got != c.first {
			t.Errorf("type %x, seed %08x begins with %s; want %s", c.kind, c.seed, got, c.first)
		}
		if got := hex.EncodeToString(b[4000:]); c.far != "" && got != c.far {
			t.Errorf("type %x, seed %08x goes on at 4000 with %s; want %s", c.kind, c.seed, got, c.far)
		}
	}
}
