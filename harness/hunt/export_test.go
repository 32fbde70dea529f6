package hunt

// Load reads a file as -plan does.
func (s *Sweep) Load(file string) (*Case, error) { return s.load(file) }

// Play plays one seed, and returns what went wrong with the hunt itself.
func (s *Sweep) Play(seed uint64) error {
	c, err := s.outset(seed)
	if err != nil {
		return err
	}
	return s.play(c).err
}
