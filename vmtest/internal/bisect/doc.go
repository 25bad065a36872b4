// Package bisect searches an ordered list for where a change happened, by
// asking for the state of as few elements as it can.
//
// The gotcha of every bisection: it assumes one change between the ends. That
// the ends differ is known; an element between them that goes back and forth
// is not noticed.
package bisect
