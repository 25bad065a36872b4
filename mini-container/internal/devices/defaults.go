package devices

// Defaults are the rules that every container has last: any node may be made,
// for a node that cannot be opened is only a name, and what the usual /dev
// holds may be used. A terminal of a devpts is a character device with one of
// the majors 136 to 143; only the first is ever handed out.
func Defaults() []Rule {
	allow := func(major, minor int64) Rule { return Rule{true, Char, major, minor, All} }
	return []Rule{
		{true, Both, Any, Any, Make},
		allow(1, 3),     // null
		allow(1, 5),     // zero
		allow(1, 7),     // full
		allow(1, 8),     // random
		allow(1, 9),     // urandom
		allow(5, 0),     // tty: the process's own terminal
		allow(5, 2),     // ptmx
		allow(136, Any), // pts
	}
}
