// Package stat is the little statistics that experiments are judged by: the mean
// of a few repetitions with its interval, the interval of a share, a slope, the
// distance of two histograms, which growth fits a curve.
//
// The unit is a repetition (a seed), never one lookup of it: lookups of one ring
// resemble one another, so that many of them in few rings would make an interval
// that is far too narrow.
package stat
