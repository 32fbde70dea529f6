package agent

// A Job is what an agent does once and without a run, for those who examine a
// machine or clear it up: they may not look at packet tables themselves.
type Job struct {
	Try    bool     // try what the agent of a run does to the machine
	Drop   []string // runs whose packet tables and trunks are removed
	Limits Limits   // neighbour limits to write back; zero: they stay
}

// A Report is what a Job found, before it changed anything.
type Report struct {
	Machine Machine
	Tables  []string // runs that have packet tables or trunks
	Guard   string   // why a run cannot be guarded (inet family); "": it can, or was not tried
	Rules   string   // why it cannot be cut (bridge family)
	Raise   string   // why the neighbour limits cannot be raised
}
