package docker

import (
	"encoding/json"
	"sync"

	"github.com/moby/profiles/seccomp"
)

// systemCalls lists, as JSON, the system calls that containers of today's engines may
// make.
var systemCalls = sync.OnceValue(func() string {
	text, err := json.Marshal(seccomp.DefaultProfile())
	if err != nil {
		panic(err) // it is plain data
	}
	return string(text)
})
