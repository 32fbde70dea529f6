package loop

import "sync"

// A mailbox takes functions from any goroutine for the loop to run, in order.
// It never makes a sender wait.
type mailbox struct {
	wake chan struct{} // holds a token while there is something to take

	mu      sync.Mutex
	letters []func()
	spare   []func()
}

func (m *mailbox) post(f func()) {
	m.mu.Lock()
	m.letters = append(m.letters, f)
	first := len(m.letters) == 1
	m.mu.Unlock()
	if first {
		m.wake <- struct{}{} // has room: take emptied it with the letters
	}
}

// take returns all there is; the slice is the loop's until the next take. The
// caller has the token.
func (m *mailbox) take() []func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.spare[:cap(m.spare)])
	letters := m.letters
	m.letters, m.spare = m.spare[:0], letters
	return letters
}
