package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"peerbed/harness/internal/own"
)

// claims are the folders that this process writes its results to, by the name
// that was asked for. They are held until it ends, so that a second run of the
// same name does not write over the results of one that is under way.
var claims = struct {
	sync.Mutex
	folders map[string]*os.File
}{folders: map[string]*os.File{}}

// claim makes the folder and returns it or, while another process holds it,
// the first of dir-2, dir-3 and so on that is free.
func claim(dir string) (string, error) {
	claims.Lock()
	defer claims.Unlock()
	for over, below := dir, ""; over != filepath.Dir(over); over, below = filepath.Dir(over), filepath.Join(filepath.Base(over), below) {
		if f := claims.folders[over]; f != nil { // what lies in a folder of ours is ours
			own := filepath.Join(f.Name(), below)
			return own, os.MkdirAll(own, 0o755)
		}
	}
	for i, free := 1, dir; ; free = fmt.Sprintf("%s-%d", dir, i) {
		if err := os.MkdirAll(free, 0o755); err != nil {
			return free, err
		}
		f, err := os.Open(free)
		if err != nil {
			return free, err
		}
		if own.Hold(f) {
			claims.folders[dir] = f
			return free, nil
		}
		f.Close()
		i++
	}
}
