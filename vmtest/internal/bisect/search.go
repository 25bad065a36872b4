package bisect

// State is what is known of an element.
type State int

// The states. Old is that of the first element, New that of the last.
const (
	Unknown State = iota
	Old
	New
	Skipped // cannot be told
)

// Search looks for the first element that is New in a list whose first is Old
// and whose last is New.
type Search struct{ states []State }

// NewSearch starts a search over n elements, two or more, of which the ends
// have been looked at.
func NewSearch(n int) *Search {
	s := &Search{states: make([]State, n)}
	s.states[0], s.states[n-1] = Old, New
	return s
}

// Tell takes down the state of an element.
func (s *Search) Tell(i int, state State) { s.states[i] = state }

// bounds are the last element known to be Old, and the first after it known to
// be New.
func (s *Search) bounds() (last, first int) {
	for i, state := range s.states {
		if state == Old {
			last = i
		}
	}
	first = last + 1
	for s.states[first] != New {
		first++
	}
	return last, first
}

// Next returns the element to look at: the one closest to the middle of those
// that may be the first New one and have not been looked at.
func (s *Search) Next() (i int, ok bool) {
	last, first := s.bounds()
	best := -1
	for i := last + 1; i < first; i++ {
		if s.states[i] == Unknown && (best < 0 || off(i, last, first) < off(best, last, first)) {
			best = i
		}
	}
	return best, best >= 0
}

// off is how far i is from the middle, doubled.
func off(i, last, first int) int {
	d := 2*i - last - first
	return max(d, -d)
}

// Left is about how many more elements will be looked at.
func (s *Search) Left() int {
	last, first := s.bounds()
	unknown, steps := 0, 0
	for i := last + 1; i < first; i++ {
		if s.states[i] == Unknown {
			unknown++
		}
	}
	for ; unknown > 0; unknown /= 2 {
		steps++
	}
	return steps
}

// Found returns the elements of which one is the first New one. It is a single
// one unless elements before it were skipped.
func (s *Search) Found() []int {
	last, first := s.bounds()
	var found []int
	for i := last + 1; i <= first; i++ {
		found = append(found, i)
	}
	return found
}
