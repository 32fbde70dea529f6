package confine

import "golang.org/x/sys/unix"

const processor = unix.AUDIT_ARCH_AARCH64

var deniedHere = []uint32{unix.SYS_RENAMEAT}

var conditionsHere []condition
