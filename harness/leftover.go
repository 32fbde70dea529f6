package harness

// A Leftover is something on this machine that a run has made, or that runs
// keep between them.
type Leftover struct {
	Run    string // its id; "": it belongs to no run, as an image does
	Kind   string // "container", "network", "packet tables", "folder", ...
	Name   string
	Kept   string // why it stays; "": it is removed
	Failed bool   // it should not have stayed
}

// A Cleaning says which leftovers to remove. The zero value takes what dead
// runs have left and what is kept between runs.
type Cleaning struct {
	Run  string // this run alone, dead or alive
	All  bool   // runs that are alive too: they end
	Dry  bool   // remove nothing, only say what would be
	Tell func(format string, args ...any)
}

// Takes reports whether what a run has left is to be removed.
func (c Cleaning) Takes(run string, alive bool) bool {
	if c.Run != "" {
		return run == c.Run
	}
	return c.All || !alive
}

// Caches reports whether what is kept between runs is to be removed.
func (c Cleaning) Caches() bool { return c.Run == "" }
