package seccomp

// A filter is a graph: each instruction leads to one or two others further on.
// The compiler writes it as a tree, in which the same tests and the same
// answers stand again and again. Here equal parts become one. A part is a
// function of the accumulator and the call, so where it stands does not matter.

// node is an instruction with where it leads instead of how far that is. Equal
// nodes have equal numbers, see graph.
type node struct {
	op      uint16
	k       uint32
	yes, no int // numbers of nodes; those of a return are 0, and equal for what does not branch
}

// branches: the only operations that do.
func (n node) branches() bool { return n.op == opJeq || n.op == opJgt || n.op == opJge }

// graph numbers nodes, from 1.
type graph struct {
	nodes   []node
	numbers map[node]int
}

// number finds or adds a node. A test with one answer is none.
func (g *graph) number(n node) int {
	if n.branches() && n.yes == n.no {
		return n.yes
	}
	if known, found := g.numbers[n]; found {
		return known
	}
	g.nodes = append(g.nodes, n)
	g.numbers[n] = len(g.nodes)
	return len(g.nodes)
}

// optimize returns a shorter program that answers as this one does.
func optimize(program []Instruction) []Instruction {
	g := &graph{numbers: map[node]int{}}
	at := make([]int, len(program)) // number by instruction; jumps only go forward
	for i := len(program) - 1; i >= 0; i-- {
		in := program[i]
		switch n := (node{op: in.Op, k: in.K}); {
		case in.Op == opRet:
			at[i] = g.number(n)
		case in.Op == opJump:
			at[i] = at[i+1+int(in.K)]
		case n.branches():
			n.yes, n.no = at[i+1+int(in.Jt)], at[i+1+int(in.Jf)]
			at[i] = g.number(n)
		default:
			n.yes, n.no = at[i+1], at[i+1]
			at[i] = g.number(n)
		}
	}
	l := layout{graph: g, places: make([]int, len(g.nodes)+1)}
	l.put(at[0])
	out := make([]Instruction, 0, len(l.reversed))
	for i := len(l.reversed) - 1; i >= 0; i-- {
		out = append(out, l.reversed[i])
	}
	return out
}

// layout writes a graph from its end: where an instruction leads to is there
// before it.
type layout struct {
	*graph
	reversed []Instruction
	places   []int // place + 1 in reversed by number of node, 0 for none yet
}

// put writes a node, and before it whatever is not there yet of where it leads.
func (l *layout) put(number int) {
	n := l.nodes[number-1]
	switch {
	case n.op == opRet:
	case n.branches():
		l.want(n.yes)
		l.want(n.no)
		l.approach(n.yes, 1) // writing another step for no may push this one on
		l.approach(n.no, 0)
	default:
		l.want(n.yes)
		if l.distance(n.yes) != 0 {
			l.again(n.yes)
		}
	}
	in := Instruction{Op: n.op, K: n.k}
	if n.branches() {
		in.Jt, in.Jf = uint8(l.distance(n.yes)), uint8(l.distance(n.no))
	}
	l.write(number, in)
}

func (l *layout) want(number int) {
	if l.places[number] == 0 {
		l.put(number)
	}
}

// approach makes a node reachable by a conditional jump from the place that
// comes after room others.
func (l *layout) approach(number, room int) {
	if l.distance(number)+room > maxOffset {
		l.again(number)
	}
}

// again writes a return once more, and a plain jump to anything else.
func (l *layout) again(number int) {
	in := Instruction{Op: opJump, K: uint32(l.distance(number))}
	if n := l.nodes[number-1]; n.op == opRet {
		in = ret(n.k)
	}
	l.write(number, in)
}

func (l *layout) write(number int, in Instruction) {
	l.reversed = append(l.reversed, in)
	l.places[number] = len(l.reversed)
}

// distance is what a jump from the next instruction to be written must skip.
func (l *layout) distance(number int) int { return len(l.reversed) - l.places[number] }
