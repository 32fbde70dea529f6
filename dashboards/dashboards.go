// Package dashboards holds the boards for Grafana, as JSON that any Grafana of
// version 11 and newer imports, and that package deploy provisions.
//
// Package boards below says in Go what each shows; the files in json are made of
// that by
//
//	go generate ./dashboards
//
// and are in the repository, so that people can take them from there without Go.
// The tests hold both the same, and put every query of every panel to the real
// PromQL engine on runs that they record.
package dashboards

import "embed"

//go:generate go test . -run TestFilesAreCurrent -update

// Files has json/NAME.json: runs, overview, compare, churn, one for each
// protocol, node, overlay, profiles.
//
//go:embed json/*.json
var Files embed.FS
