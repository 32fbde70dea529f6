// Package report turns the journal of a run into what people read and programs
// compare: report.html, report.json and report.csv in the run's folder. They are
// made of the journal alone, so they can be made again at any time, also of a run
// that was killed; and they know no protocol.
//
//   - Load reads a run: the one journal in its folder, or one for each seed.
//   - Run.Page is the page: what was asked, in which world and on which machine,
//     the verdicts, the diagrams that a test gives with what theory expects, a
//     table of all phases, and for each cluster success, latency, messages and
//     nodes over time, with faults shaded, and pictures of the overlay.
//   - Run.Rows are the figures of the phases as plain data, for JSON, CSV and
//     Compare.
//   - Compare lays two runs side by side, and says what has become worse.
//
// # Several seeds
//
// The unit is the seed, never one lookup: what a phase measured is then the mean
// over seeds with its 95 % interval (Student's), and so are curves over time.
// Clusters and phases of different seeds belong together if they have the same
// names.
//
// # Size
//
// A page holds at most MaxSize bytes. Curves over time have 48 points however
// long the run; pictures of overlays are left out, evenly, until the page fits,
// and it says so.
package report
