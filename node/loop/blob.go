package loop

import "io"

// PutBlob makes the bytes of from a blob on the node's disk, in place of what
// was there, as a user does who copies a file into the folder.
func (l *Loop) PutBlob(name string, from io.Reader) error {
	arrived, err := l.cfg.Folder.Receive(from)
	if err != nil {
		return err
	}
	done := make(chan error, 1)
	l.mail.post(func() { l.disk.Adopt(arrived, name, func(err error) { done <- err }) })
	select {
	case err := <-done:
		return err
	case <-l.ended:
		return ErrStopped
	}
}

// GetBlob opens a blob of the node's disk.
func (l *Loop) GetBlob(name string) (io.ReadCloser, error) { return l.cfg.Folder.Blob(name) }
