package docker

import (
	"context"
	"os/exec"
	"path/filepath"
	"runtime"
)

// startWatch starts the run's watch (agent.Run.Watch): a process of its own
// that clears up when this one is killed before the run has an agent. It can be
// had where the daemon's programs run here too; elsewhere the next run sweeps.
func (b *Backend) startWatch(ctx context.Context, top string) error {
	if !b.engine.local || b.engine.arch != runtime.GOARCH {
		return nil
	}
	dir := programs(top, b.engine.arch)
	unlock, err := lockFile(ctx, filepath.Join(dir, "lock")) // nobody writes the program meanwhile
	if err != nil {
		return err
	}
	defer unlock()
	c := exec.Command(filepath.Join(dir, agentProgram), "-run", b.id, "-api", b.engine.ClientVersion(),
		"-docker", b.engine.socket, "-watch", filepath.Join(top, b.id))
	c.SysProcAttr = apart()
	life, err := c.StdinPipe() // which ends with this process
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	b.watcher.process, b.watcher.life = c, life
	return nil
}

// stopWatch ends the watch of a run that is over. If not all of it could be
// cleared up, the watch goes on trying for a while.
func (b *Backend) stopWatch(clear bool) {
	w := b.watcher
	if w.process == nil {
		return
	}
	if !clear {
		w.life.Close()
		go w.process.Wait()
		return
	}
	w.process.Process.Kill()
	w.process.Wait() // killed, as intended
}
