package harness

// Suit adds changes of the configuration that follow from the world and the
// number of nodes, both of which flags may choose: what a simulator carries for
// nothing, as upkeep twice a second, is more than the processors of one machine
// can do for hundreds of real nodes. Changes by Config count more.
func Suit(f func(world string, nodes int) []string) Option {
	return func(s *Settings) { s.Suit = f }
}
