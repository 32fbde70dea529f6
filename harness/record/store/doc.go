// Package store shows recorded runs to Grafana as a Prometheus would: it makes a
// time-series database (Prometheus' own tsdb) from each run's journal and answers
// PromQL, by Prometheus' own engine, over the HTTP API that Grafana's data source
// for Prometheus uses.
//
// Each run has one database for each of its clocks, in RUN/store/virtual and
// RUN/store/wall: a database that has samples of today takes none of 1970, where
// virtual time begins. It is made when it is first needed, made again when the
// journals are newer, and never the truth: remove it at any time. A run that goes
// on is read on as it grows. What is queried is all runs together; the label "run"
// tells them apart. Samples of virtual time lie from 1970 on, so that a board in
// UTC reads as time since the cluster began.
//
// Operations become counters and histograms here, native ones and classic ones;
// all other series are the journal's, at every sample.
//
// The same samples can be sent to a Prometheus or Mimir (RemoteWrite, by remote
// write 1.0: version 2.0 loses exemplars and old receivers do not know it). The
// journal itself is read again for that, at the pace of the receiver, so that a
// slow one holds up no query and nothing waits in memory. Native histograms go in
// requests of their own, for a Prometheus without them fails such requests as a
// whole; it then gets the classic ones alone.
//
// Profiles that nodes push as to a Pyroscope (POST /ingest) are kept as pprof files,
// in profiles/NODE of the folder that is served, or of RUN where a node was given
// the address with /runs/RUN behind it: a profile itself names no run.
//
// The HTTP handlers are ours, not Prometheus' web/api/v1, which would bring 150
// packages more for what this project does not have: rules, alerts, targets. Of
// exemplars there are none.
//
// Nobody imports this package, because Prometheus' server code takes a minute to
// compile: it is a program of its own (package storeserver, below), which
// "peerbed serve" builds and runs.
package store
