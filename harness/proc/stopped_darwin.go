package proc

// awaitStop does nothing here: this system's wait for a stop could take an
// exit from whoever waits for that.
func awaitStop(int) {}
