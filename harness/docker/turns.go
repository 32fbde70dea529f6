package docker

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// TurnsVariable, set to "off", lets any number of test processes use containers
// at the same time. Otherwise two do and others wait, because "go test ./..." runs
// the tests of several packages at once, and they would disturb one another: the
// first run of a process waits for its turn, its last gives it back. (With one at a
// time, one package did nothing but wait for most of the suite.) Programs that are
// not tests neither wait nor make others wait.
const TurnsVariable = "PEERBED_TURNS"

// turn is this process's: how many runs share it, and how it is given back.
var turn struct {
	sync.Mutex
	runs int
	end  func()
}

// takeTurn waits until this process may start containers.
func takeTurn(ctx context.Context, dir string, progress func(string, ...any)) (release func(), err error) {
	if !testing.Testing() || os.Getenv(TurnsVariable) == "off" {
		return func() {}, nil
	}
	turn.Lock()
	defer turn.Unlock()
	if turn.runs == 0 {
		late := time.AfterFunc(time.Second, func() { progress("waiting for another test's containers to end") })
		defer late.Stop()
		if turn.end, err = lockOne(ctx, filepath.Join(dir, "turn"), filepath.Join(dir, "turn-2")); err != nil {
			return nil, err
		}
	}
	turn.runs++
	return sync.OnceFunc(endTurn), nil
}

func endTurn() {
	turn.Lock()
	defer turn.Unlock()
	if turn.runs--; turn.runs == 0 {
		turn.end()
	}
}

// Turn waits for this process's turn, for tests whose containers are begun by
// other processes.
func Turn(ctx context.Context) (release func(), err error) {
	top, err := home()
	if err != nil {
		return nil, err
	}
	return takeTurn(ctx, top, func(string, ...any) {})
}
