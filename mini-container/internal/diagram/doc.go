// Package diagram draws what isolates a process: as text for terminals, and as
// SVG. It draws a Picture and knows nothing that is not in it; where a Picture
// comes from, the kernel or a configuration, is in it too.
//
// Every claim of the SVG is also in data attributes, so that a test, or a
// grader, can compare a drawing with the kernel.
package diagram
