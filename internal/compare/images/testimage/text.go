package testimage

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"path"
)

// whiteout is the name that takes another one away.
func whiteout(name string) string { return path.Join(path.Dir(name), ".wh."+path.Base(name)) }

func newReader(t []byte) io.Reader { return bytes.NewReader(t) }

var (
	words = []string{
		"token", "value", "parse", "buffer", "stream", "node", "parent", "child", "option", "result", "index", "length", "handler",
		"event", "state", "cache", "entry", "module", "config", "source", "target", "offset", "header", "query", "scope", "error",
	}
	// lines have %s for names and %d for numbers.
	lines = []func(r *rand.Rand) string{
		func(r *rand.Rand) string {
			return fmt.Sprintf("const %s = require(\"./%s\");\n", name(r), name(r))
		},
		func(r *rand.Rand) string {
			return fmt.Sprintf("  if (%s.%s === undefined) return %d;\n", name(r), name(r), r.IntN(1000))
		},
		func(r *rand.Rand) string {
			return fmt.Sprintf("  for (let i = 0; i < %s.length; i++) {\n    %s.push(%s[i]);\n  }\n", name(r), name(r), name(r))
		},
		func(r *rand.Rand) string { return fmt.Sprintf("function %s(%s, %s) {\n", name(r), name(r), name(r)) },
		func(r *rand.Rand) string { return fmt.Sprintf("  return %s(%s);\n}\n\n", name(r), name(r)) },
		func(r *rand.Rand) string { return fmt.Sprintf("// %s %s of the %s.\n", name(r), name(r), name(r)) },
		func(r *rand.Rand) string { return fmt.Sprintf("exports.%s = %#x;\n", name(r), r.Uint32()) },
	}
)

// name is an identifier.
func name(r *rand.Rand) string {
	n := words[r.IntN(len(words))]
	if r.IntN(3) == 0 {
		n += fmt.Sprint(r.IntN(100))
	}
	return n
}

// text is a file that looks like JavaScript, of some 4 KB: always the same one
// for the same number.
func text(n uint64) []byte {
	r := rand.New(rand.NewPCG(n, 1))
	size := 1000 + r.IntN(6300)
	var b bytes.Buffer
	for b.Len() < size {
		b.WriteString(lines[r.IntN(len(lines))](r))
	}
	return b.Bytes()
}
