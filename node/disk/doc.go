// Package disk is a node's folder on a real file system: p2p.Disk for the real
// loop.
//
// Blobs are the plain files of the folder, so that a user shares a file by
// copying it there. Small state lies under .state, one file per name, and is
// replaced by renaming, so that a crash leaves the old or the new. Everything
// goes through an os.Root: no name and no symbolic link leads out of the
// folder.
//
// Writes and sums are done by one goroutine, in the order of the calls. Nothing
// is synced to the medium: what the contract promises to outlive is a crash of
// the process, and for that the page cache is enough.
package disk
