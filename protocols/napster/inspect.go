package napster

import (
	"fmt"
	"slices"

	"peerbed/protocols/p2p"
)

// Detail is what Inspect adds.
type Detail struct {
	Role    string
	Nick    string
	Server  p2p.Addr    // a client's; 0: it is not logged in
	Library []FileState // what a client shares
	Uploads int         // under way

	// Of a server.
	Sessions []SessionState
	Mates    []p2p.Addr // servers that it searches with
	Remote   int        // users of theirs that it knows
	Files    int        // entries of the directory
	Bytes    int64      // of the files that they tell of; the server has none of them
	Entries  int        // of all posting lists, those that are dead left out
	Words    int
	Held     int64  // bytes of memory that the directory takes
	Lookups  uint64 // of words
	Compared uint64 // letters, in these lookups
	Looked   uint64 // entries looked at
	Given    uint64 // uploads that users have told of
}

// A FileState is one file that a client shares.
type FileState struct {
	Name string
	Size int64
	MD5  string
}

// A SessionState is one user of a server.
type SessionState struct {
	Nick  string
	Addr  p2p.Addr // where it listens, as far as the server knows
	Files int
}

// Inspect tells who is logged in, and what is shared.
func (n *node) Inspect() p2p.State {
	c := &n.client
	d := Detail{Role: roles[n.cfg.Role], Nick: c.nick, Uploads: len(c.uploads)}
	state := p2p.State{Self: n.env.Self(), ID: c.nick}
	if c.in {
		d.Server = c.server.Addr
		state.Neighbours = append(state.Neighbours, d.Server)
	}
	for _, f := range c.library.files {
		d.Library = append(d.Library, FileState{f.name, f.size, f.md5})
		state.Stored = append(state.Stored, f.name)
	}
	if n.server != nil {
		n.server.inspect(&d)
		for _, s := range d.Sessions {
			state.Neighbours = append(state.Neighbours, s.Addr)
		}
		state.Neighbours = append(state.Neighbours, d.Mates...)
	}
	slices.Sort(state.Stored)
	slices.Sort(state.Neighbours)
	state.Neighbours = slices.DeleteFunc(slices.Compact(state.Neighbours), func(a p2p.Addr) bool { return a == state.Self || a.Port() == 0 })
	state.Detail = d
	return state
}

func (s *server) inspect(d *Detail) {
	for _, k := range s.sessions {
		at := p2p.MakeAddr(k.user.addr.IP(), k.user.build)
		if at.Port() == 0 {
			at = k.user.addr
		}
		d.Sessions = append(d.Sessions, SessionState{k.user.nick, at, len(k.files)})
	}
	for _, m := range s.mates {
		if m.up {
			d.Mates = append(d.Mates, m.addr)
			d.Remote += len(m.users)
		}
	}
	d.Files, d.Bytes, d.Words = s.dir.files, s.dir.bytes, s.dir.words.words
	for i := range s.dir.postings {
		d.Entries += len(s.dir.postings[i].entries) - s.dir.postings[i].dead
	}
	d.Held = s.dir.held()
	d.Lookups, d.Compared, d.Looked = s.dir.lookups, s.dir.compared, s.dir.looked
	d.Given = s.started[1]
}

// Whole reports how the nodes fall short of one Napster: every server knows all
// others and their users, every client is logged in at one, and what it shares is
// what stands there; nil: they do not.
func Whole(states []p2p.State) error {
	servers := map[p2p.Addr]Detail{}
	users := 0
	for _, s := range states {
		if d, _ := s.Detail.(Detail); d.Role == roles[Server] {
			servers[s.Self] = d
			users += len(d.Sessions)
		}
	}
	for _, s := range states {
		d, _ := s.Detail.(Detail)
		at, there := servers[d.Server]
		switch is := slices.IndexFunc(at.Sessions, func(u SessionState) bool { return u.Nick == d.Nick }); {
		case d.Role == roles[Server] && (len(d.Mates) != len(servers)-1 || d.Remote != users-len(d.Sessions)):
			return fmt.Errorf("server %v knows %d other servers and %d users of theirs, want %d and %d", s.Self, len(d.Mates), d.Remote, len(servers)-1, users-len(d.Sessions))
		case d.Server == 0 && (d.Role == roles[Client] || len(d.Library) > 0):
			return fmt.Errorf("%v is not logged in", s.Self)
		case d.Server == 0:
		case !there:
			return fmt.Errorf("%v is logged in at %v, which is not there", s.Self, d.Server)
		case is < 0:
			return fmt.Errorf("%v has no session at %v", s.Self, d.Server)
		case at.Sessions[is].Files != len(d.Library):
			return fmt.Errorf("%v shares %d files, and server %v knows of %d", s.Self, len(d.Library), d.Server, at.Sessions[is].Files)
		}
	}
	return nil
}

// Counted reports a directory that disagrees with itself: it has as many files
// as its users share, and no user is there twice; nil at any time.
func Counted(states []p2p.State) error {
	for _, s := range states {
		d, _ := s.Detail.(Detail)
		files := 0
		for i, u := range d.Sessions {
			files += u.Files
			if slices.ContainsFunc(d.Sessions[:i], func(o SessionState) bool { return o.Nick == u.Nick }) {
				return fmt.Errorf("server %v has two sessions of %s", s.Self, u.Nick)
			}
		}
		if files != d.Files || d.Entries < d.Files || d.Files == 0 && d.Entries > 0 {
			return fmt.Errorf("server %v has %d files in its directory, under %d words, and its users share %d", s.Self, d.Files, d.Entries, files)
		}
	}
	return nil
}

// ideal is one server, the first, and clients that know it.
func ideal(_ any, addrs []p2p.Addr) []p2p.State {
	states := make([]p2p.State, len(addrs))
	for i, a := range addrs {
		states[i].Self = a
		if i > 0 {
			states[i].Neighbours = addrs[:1:1]
		}
	}
	return states
}

// Entry tells whom an entry names; see p2p.Hop.
func (d Detail) Entry(by string) []p2p.Addr {
	if by == "server" && d.Server != 0 {
		return []p2p.Addr{d.Server}
	}
	return nil
}
