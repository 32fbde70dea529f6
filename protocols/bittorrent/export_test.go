package bittorrent

// What the tests of codecs need.
var (
	NewFrames   = newFrames
	NewTracking = newTracking
	NewPackets  = newPackets
	Accept      = accept
)

// CheckValue reads a bencoded value and all that lies in it.
func CheckValue(b []byte) error {
	v, err := parse(b)
	if err == nil {
		visit(v)
	}
	return err
}

func visit(v value) {
	v.text()
	v.integer()
	v.get("a")
	v.each(func(e value) bool { visit(e); return true })
}
