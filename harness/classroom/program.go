package classroom

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"peerbed/harness/classroom/confine"
	"peerbed/harness/classroom/step"
)

// A Fault is what a submission's program did wrong as a program.
type Fault struct{ What, Stderr string }

func (f *Fault) Error() string {
	if f.Stderr == "" {
		return f.What
	}
	return f.What + "; the end of what it wrote to standard error:\n" + f.Stderr
}

// A process is a submission's program while it runs.
type process struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	err    tail
	answer time.Duration
	timer  *time.Timer
	late   atomic.Bool
	sync.Mutex
	asked bool // an answer is due
	once  sync.Once
	end   error
}

// start begins a process of the program.
func (p *Program) start() (*process, error) {
	q := &process{cmd: p.command(), answer: time.Duration(p.limits.Answer)}
	var err error
	if q.in, err = q.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("classroom: %w", err)
	}
	out, err := q.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("classroom: %w", err)
	}
	q.out = bufio.NewReaderSize(out, step.MaxLine)
	q.cmd.Stderr = &q.err
	q.cmd.WaitDelay = time.Second
	if err := q.cmd.Start(); err != nil {
		return nil, fmt.Errorf("classroom: %s cannot be started: %w", p.argv[0], err)
	}
	q.timer = time.AfterFunc(time.Hour, q.overdue)
	return q, nil
}

// overdue ends a process that has not answered in time, unless it would if the
// machine let it: then its limit of processor time ends it.
func (q *process) overdue() {
	q.Lock()
	defer q.Unlock()
	switch {
	case !q.asked:
	case asleep(q.cmd.Process.Pid):
		q.late.Store(true)
		q.cmd.Process.Kill()
	default:
		q.timer.Reset(q.answer)
	}
}

// wait begins and ends the time in which an answer is due.
func (q *process) wait(asked bool, d time.Duration) {
	q.Lock()
	defer q.Unlock()
	q.asked = asked
	q.timer.Reset(d)
}

// call writes an event and reads the answer.
func (q *process) call(line []byte) ([]byte, error) {
	q.wait(true, q.answer)
	defer q.wait(false, time.Hour)
	if _, err := q.in.Write(line); err != nil {
		return nil, q.fault("it ended, or does not read")
	}
	answer, err := q.out.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, q.fault(fmt.Sprintf("its answer is a line of more than %d bytes", step.MaxLine))
	case err != nil:
		return nil, q.fault("it ended instead of answering " + string(bytes.TrimSpace(line)))
	}
	return answer, nil
}

// actions reads an answer.
func (q *process) actions(answer []byte) ([]step.Action, error) {
	var list []step.Action
	d := json.NewDecoder(bytes.NewReader(answer))
	if err := d.Decode(&list); err != nil || list == nil || d.More() {
		return nil, q.fault(fmt.Sprintf("want one array of actions, not %.200q", answer))
	}
	if len(list) > step.MaxActions {
		return nil, q.fault(fmt.Sprintf("%d actions for one event, want at most %d", len(list), step.MaxActions))
	}
	return list, nil
}

// fault ends the process and says what it did.
func (q *process) fault(what string) error {
	late := q.late.Load()
	how := q.stop()
	switch {
	case strings.HasPrefix(q.err.String(), confine.Complaint):
		return fmt.Errorf("classroom: the program could not be confined: %s", q.err.String())
	case late:
		what = fmt.Sprintf("it sleeps, and has given no answer within %v", q.answer)
	case how != nil && how.Error() == "signal: killed":
		what += " (it was killed, if not by itself then because its processor time was over)"
	case how != nil:
		what += " (" + how.Error() + ")"
	}
	return &Fault{what, q.err.String()}
}

// stop ends the process and all that belongs to it.
func (q *process) stop() error {
	q.once.Do(func() {
		q.timer.Stop()
		q.in.Close()
		done := make(chan struct{})
		kill := time.AfterFunc(200*time.Millisecond, func() { q.cmd.Process.Kill() })
		go func() { io.Copy(io.Discard, q.out); close(done) }()
		<-done
		q.end = q.cmd.Wait()
		kill.Stop()
	})
	return q.end
}

// A tail keeps the end of what is written to it.
type tail struct {
	sync.Mutex
	b []byte
}

const tailSize = 4096

func (t *tail) Write(b []byte) (int, error) {
	t.Lock()
	defer t.Unlock()
	t.b = append(t.b, b[max(0, len(b)-tailSize):]...)
	t.b = t.b[max(0, len(t.b)-tailSize):]
	return len(b), nil
}

func (t *tail) String() string {
	t.Lock()
	defer t.Unlock()
	return string(bytes.ToValidUTF8(t.b, []byte("?")))
}
