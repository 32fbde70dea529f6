package proc

import "syscall"

// dieWithUs does nothing here: the watcher kills the nodes.
func dieWithUs(*syscall.SysProcAttr) {}

// room is unknown here.
func room() int { return 0 }
