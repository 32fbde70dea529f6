package confine

import "time"

// Limits bound a process.
type Limits struct {
	CPU  time.Duration // it is then killed
	Data int64         // bytes of memory that it may write to
}

// Complaint begins what a process writes to standard error that could not give up
// what it has, and so did not become the program.
const Complaint = "confine: "
