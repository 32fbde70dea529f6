package p2p

// ptr says that a message is a struct M whose pointer is a Msg, so that M is
// inferred from the value that is sent.
type ptr[M any] interface {
	*M
	Msg
}

// tagged is what embeds Tag.
type tagged[M any] interface {
	ptr[M]
	Tagged() *uint32
}

// A Tag is embedded in a question and in its answer, and is written in both:
// it says which answer belongs to which question.
type Tag struct{ ID uint32 }

// Tagged gives Ask and Reply access to the ID.
func (t *Tag) Tagged() *uint32 { return &t.ID }

// Send sends m: as a datagram, which may be lost, doubled or overtaken, if
// to.Link is 0; else on the stream, in order, until its Down. m arrives as a
// pointer.
//
// Slices in m are shared with it until it has arrived: give it slices that
// nobody will change (clone them), or use New.
func Send[M any, P ptr[M]](env Env, to Peer, m M) {
	p := New[M, P](env)
	*p = m
	env.Post(to, p)
}

// Reply sends m as the answer to a question that carried q.
func Reply[M any, P tagged[M]](env Env, to Peer, q Tag, m M) {
	p := New[M, P](env)
	*p = m
	*p.Tagged() = q.ID
	env.Post(to, p)
}

// New is the long form of Send, for a message that owns its slices: it returns
// a message that may be an old one, whose slices can be refilled (append to
// s[:0]); set every field, then give it to Ship.
func New[M any, P ptr[M]](env Env) P {
	if m := env.Spare(P(nil).Kind()); m != nil {
		return m.(P)
	}
	return new(M)
}

// Ship sends what New returned. The message is the world's from then on.
func Ship(env Env, to Peer, m Msg) { env.Post(to, m) }
