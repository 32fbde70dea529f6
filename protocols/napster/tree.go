package napster

// A tree is a ternary search tree (Bentley and Sedgewick, "Fast Algorithms for
// Sorting and Searching Strings", SODA 1997): a word goes down one node per
// letter, and at each among the letters that others have there, which form a
// binary tree. It maps words to numbers from 0 upwards.
//
// A word that no file has any more stays: the words of a language are soon all
// there.
type tree struct {
	nodes []treeNode // the first is the root
	words int
}

// A treeNode compares one letter. Links are places in tree.nodes; 0: none.
type treeNode struct {
	low, same, high int32
	word            int32 // number of the word that ends here, plus 1
	letter          byte
}

// find returns the number of a word, and how many letters were compared; -1: it
// is not there.
func (t *tree) find(word string) (number, compared int) {
	if len(t.nodes) == 0 || word == "" {
		return -1, 0
	}
	for at, i := int32(0), 0; ; {
		n := &t.nodes[at]
		compared++
		switch c := word[i]; {
		case c < n.letter:
			at = n.low
		case c > n.letter:
			at = n.high
		case i == len(word)-1:
			return int(n.word) - 1, compared
		default:
			at, i = n.same, i+1
		}
		if at == 0 {
			return -1, compared
		}
	}
}

// insert returns the number of a word, a new one where it is not there yet.
func (t *tree) insert(word string) int {
	if len(t.nodes) == 0 {
		t.nodes = append(t.nodes, treeNode{letter: word[0]})
	}
	for at, i := int32(0), 0; ; {
		n := &t.nodes[at]
		next := &n.same
		switch c := word[i]; {
		case c < n.letter:
			next = &n.low
		case c > n.letter:
			next = &n.high
		case i == len(word)-1:
			if n.word == 0 {
				t.words++
				n.word = int32(t.words)
			}
			return int(n.word) - 1
		default:
			i++
		}
		if *next == 0 {
			*next = int32(len(t.nodes))
			at = *next
			t.nodes = append(t.nodes, treeNode{letter: word[i]})
		} else {
			at = *next
		}
	}
}
