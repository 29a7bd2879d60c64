package program

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sandkit/sandkit/internal/sys"
)

// String prints the Program, one call a line, grouped by process and stage.
func (p *Program) String() string {
	var b strings.Builder
	prelude, rest, main := p.Passed()
	for i, name := range prelude {
		fmt.Fprintf(&b, "pass  %d<%s>\n", controlFD+1+i, name)
	}
	for i, name := range rest {
		fmt.Fprintf(&b, "pass  file%d<%s>\n", 1+i, name)
	}
	if len(main) > 0 {
		fmt.Fprintf(&b, "pass  to the main process: %s\n", strings.Join(main, ", "))
	}
	if p.CloneFlags != 0 {
		fmt.Fprintf(&b, "start launcher in new %s\n", printFlags(uint64(p.CloneFlags), cloneFlags))
	}
	n := 0
	for _, q := range []struct {
		name string
		seq  *Sequence
	}{{"init", p.Init}, {"main", p.Main}} {
		var stage Stage
		var path string
		for i := range q.seq.steps {
			st := &q.seq.steps[i]
			if i == 0 || st.Stage != stage || st.Path != path {
				stage, path = st.Stage, st.Path
				fmt.Fprintf(&b, "%s: %s\n", q.name, strings.TrimSpace(string(stage)+" "+plain(path)))
			}
			fmt.Fprintf(&b, "%5d  %s\n", n, st.print(p))
			n++
		}
	}
	return b.String()
}

// plain quotes a path that would not stay on its line.
func plain(path string) string {
	if !utf8.ValidString(path) || strings.ContainsFunc(path, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(path)
	}
	return path
}

// print renders the step as strace would, with the errnos that do not matter.
func (st *Step) print(p *Program) string {
	var b strings.Builder
	b.WriteString(st.Call.Name)
	b.WriteByte('(')
	for i := range st.nargs {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(st.args[i].print(p))
	}
	b.WriteByte(')')
	if st.out.slot != 0 {
		fmt.Fprintf(&b, " = $%d", st.out.slot)
	}
	sep := " or "
	for _, e := range st.ignore {
		if e != 0 {
			b.WriteString(sep)
			b.WriteString(sys.ErrnoName(e))
			sep = ", "
		}
	}
	return b.String()
}
