package seccomp

// A filter has to find the verdict for a number among several hundred. The
// kernel, when a filter is loaded, follows it once for every number of each
// architecture to learn which calls are always allowed (Linux 5.11), so that a
// list searched from the front costs more at load than by all the calls that a
// short program makes later. The numbers are therefore cut into spans of one
// verdict, which are searched as a balanced tree.

// span is a range of numbers with one verdict: from first to the number before
// the next span.
type span struct {
	first   uint32
	verdict verdict
}

// tree emits the search among spans.
func (a *assembler) tree(spans []span) label {
	if len(spans) == 1 {
		return a.verdict(&spans[0].verdict)
	}
	half := len(spans) / 2
	high := a.tree(spans[half:])
	low := a.tree(spans[:half])
	return a.branch(opJGE, spans[half].first, high, low)
}
