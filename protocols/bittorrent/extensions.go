package bittorrent

import (
	"peerbed/protocols/p2p"
	"peerbed/protocols/wire"
)

// By which numbers this node hears the extensions (BEP 10).
const (
	extHandshake = 0
	extPex       = 1
	extMetadata  = 2
)

const (
	maxVersion = 64
	maxPex     = 100 // peers in one message
)

// beginExtended writes the front of an extended message, whose length endFrame
// fills in.
func beginExtended(dst []byte, to byte) []byte {
	return append(dst, 0, 0, 0, 0, idExtended, to)
}

func endFrame(dst []byte, at int) []byte {
	be.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

func (m *Extended) append(dst []byte) []byte {
	at := len(dst)
	dst = append(beginExtended(dst, extHandshake), 'd')
	dst = append(appendText(dst, "m"), 'd')
	dst = appendInteger(appendText(dst, "ut_metadata"), int64(m.Metadata))
	dst = appendInteger(appendText(dst, "ut_pex"), int64(m.Pex))
	dst = append(dst, 'e')
	if m.InfoLen > 0 {
		dst = appendInteger(appendText(dst, "metadata_size"), int64(m.InfoLen))
	}
	dst = appendInteger(appendText(dst, "p"), int64(m.Port))
	dst = appendText(appendText(dst, "v"), m.Version)
	return endFrame(append(dst, 'e'), at)
}

func (m *Metadata) append(dst []byte) []byte {
	at := len(dst)
	dst = append(beginExtended(dst, m.To), 'd')
	dst = appendInteger(appendText(dst, "msg_type"), int64(m.Type))
	dst = appendInteger(appendText(dst, "piece"), int64(m.Piece))
	if m.Type == metadataData {
		dst = appendInteger(appendText(dst, "total_size"), int64(m.Total))
	}
	return endFrame(append(append(dst, 'e'), m.Data...), at)
}

func (m *Pex) append(dst []byte) []byte {
	at := len(dst)
	dst = append(beginExtended(dst, m.To), 'd')
	dst = appendText(appendText(dst, "added"), compact(m.Added))
	dst = appendText(appendText(dst, "added.f"), make([]byte, len(m.Added)))
	dst = appendText(appendText(dst, "dropped"), compact(m.Dropped))
	return endFrame(append(dst, 'e'), at)
}

// compact writes addresses in six bytes each (BEP 23).
func compact(addrs []p2p.Addr) []byte {
	b := make([]byte, 0, 6*len(addrs))
	for _, a := range addrs {
		b = wire.AppendAddr(b, a)
	}
	return b
}

// parseCompact reads at most so many addresses; those without a port are
// nobody's.
func parseCompact(b []byte, most int) []p2p.Addr {
	var addrs []p2p.Addr
	r := wire.NewReader(b)
	for r.Len() >= 6 && len(addrs) < most {
		if a := r.Addr(); a.Port() != 0 && a.IP() != 0 {
			addrs = append(addrs, a)
		}
	}
	return addrs
}

// extension reads an extended message; nil: of an extension that this node did
// not offer.
func (c *frames) extension(r *wire.Reader) (p2p.Msg, error) {
	id := r.Uint8()
	b := r.Take(r.Len())
	if r.Err() != nil || id > extMetadata {
		return nil, r.Err()
	}
	v, err := parse(b)
	if err == nil && !v.isDict() {
		err = malformed("an extended message without a dictionary")
	}
	if err != nil {
		return nil, err
	}
	switch id {
	case extPex:
		added, _ := v.get("added").bytes()
		dropped, _ := v.get("dropped").bytes()
		c.pex = Pex{To: id, Added: parseCompact(added, maxPex), Dropped: parseCompact(dropped, maxPex)}
		return &c.pex, nil
	case extMetadata:
		c.metadata = Metadata{To: id, Type: uint8(v.get("msg_type").number(0, 255)),
			Piece: uint32(v.get("piece").number(0, maxMeta)), Total: uint32(v.get("total_size").number(0, maxMeta)), Data: b[len(v):]}
		return &c.metadata, nil
	}
	c.extended = parseExtended(v)
	return &c.extended, nil
}

func parseExtended(v value) Extended {
	m := v.get("m")
	version := v.get("v").text()
	return Extended{
		Metadata: uint8(m.get("ut_metadata").number(0, 255)),
		Pex:      uint8(m.get("ut_pex").number(0, 255)),
		InfoLen:  uint32(v.get("metadata_size").number(0, maxMeta)),
		Port:     uint16(v.get("p").number(0, 1<<16-1)),
		Version:  version[:min(len(version), maxVersion)],
	}
}
