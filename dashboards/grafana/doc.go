// Package grafana is as much of Grafana's classic dashboard model, schema
// version 42, as the boards of peerbed need: Go values that encoding/json writes
// as Grafana reads them. Grafana 11, 12 and 13 load this form.
//
// It knows nothing of peerbed. It exists because the published Go builders are
// generated for every plugin there is, and the part that boards really use is
// small enough to be read. What a field means is Grafana's documentation of the
// JSON model; here is said only what goes wrong without it.
package grafana
