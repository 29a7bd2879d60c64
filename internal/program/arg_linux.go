package program

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
)

type argKind uint8

const (
	argInt argKind = iota
	argOctal
	argHex
	argFlags   // ref: []flag
	argFD      // val: number, or a slot when ref is set
	argSlot    // val: slot, counted from 1
	argFile    // val: passed file of the second part, counted from 1
	argString  // ref: string
	argStrings // ref: []string
	argObject  // ref: *Object
	argWord    // val: index
)

// An Arg is one argument of a step: a number, or data that is placed in the
// launcher's memory and passed by address.
type Arg struct {
	kind argKind
	val  uint64
	ref  any
}

func integer[T ~int | ~int32 | ~int64 | ~uint32 | ~uint64 | ~uint](v T) Arg {
	return Arg{kind: argInt, val: uint64(v)}
}

func octal(v uint32) Arg       { return Arg{kind: argOctal, val: uint64(v)} }
func hex(v uint64) Arg         { return Arg{kind: argHex, val: v} }
func text(s string) Arg        { return Arg{kind: argString, ref: s} }
func texts(s []string) Arg     { return Arg{kind: argStrings, ref: s} }
func null() Arg                { return Arg{kind: argHex} }
func object(o *Object) Arg     { return Arg{kind: argObject, ref: o} }
func (w Word) arg() Arg        { return Arg{kind: argWord, val: uint64(w.index)} }
func bits(v int, t []flag) Arg { return Arg{kind: argFlags, val: uint64(v), ref: t} }

// ref gives an argument's data, whose type the kind tells.
func ref[T any](a Arg) T {
	v, ok := a.ref.(T)
	if !ok {
		panic("BUG: an argument whose data is not of its kind")
	}
	return v
}

// FD is a descriptor inside the launcher: a fixed number or the result of a
// step. The zero FD is the control socket; use [Cwd] and the like instead.
type FD struct {
	num  int32
	slot int32
	file int32 // of the second part
	ref  Ref
}

// Cwd stands for the current directory in calls that take a directory
// descriptor (AT_FDCWD).
var Cwd = FD{num: -100}

// NoFD is no descriptor (-1).
var NoFD = FD{num: -1}

// Ignore is [Ref.Ignore] for the step that gives the descriptor.
func (f FD) Ignore(errnos ...syscall.Errno) FD {
	f.ref.Ignore(errnos...)
	return f
}

func (f FD) arg() Arg {
	switch {
	case f.slot != 0:
		return Arg{kind: argSlot, val: uint64(f.slot)}
	case f.file != 0:
		return Arg{kind: argFile, val: uint64(f.file)}
	}
	return Arg{kind: argFD, val: uint64(int64(f.num))}
}

// An Object is a C structure in the launcher's memory.
type Object struct {
	Bytes []byte
	// Text is how the structure is printed.
	Text string
	// pointers tells which fields are addresses of other data.
	pointers []pointer
}

type pointer struct {
	offset int
	to     Arg
}

// point makes the field at offset the address of what to describes.
func (o *Object) point(offset int, to Arg) { o.pointers = append(o.pointers, pointer{offset, to}) }

// print renders an argument as strace would.
func (a Arg) print(p *Program) string {
	switch a.kind {
	case argOctal:
		if a.val == 0 {
			return "0"
		}
		return "0" + strconv.FormatUint(a.val, 8)
	case argHex:
		if a.val == 0 {
			return "NULL"
		}
		return "0x" + strconv.FormatUint(a.val, 16)
	case argFlags:
		return printFlags(a.val, ref[[]flag](a))
	case argFD:
		return p.printFD(int64(a.val))
	case argSlot:
		return "$" + strconv.FormatUint(a.val, 10)
	case argFile:
		return "file" + strconv.FormatUint(a.val, 10) + "<" + p.passed[p.cut.passed+int(a.val)-1] + ">"
	case argString:
		return quote(ref[string](a))
	case argStrings:
		return printStrings(ref[[]string](a))
	case argObject:
		return ref[*Object](a).Text
	case argWord:
		if n := int64(a.val); n < 0 {
			return "&note" + strconv.FormatInt(-n, 10)
		}
		return "&word" + strconv.FormatUint(a.val, 10)
	default:
		return strconv.FormatInt(int64(a.val), 10)
	}
}

func (p *Program) printFD(n int64) string {
	switch {
	case n == int64(Cwd.num):
		return "AT_FDCWD"
	case n > controlFD && n <= int64(len(p.passed)):
		return fmt.Sprintf("%d<%s>", n, p.passed[n-1-controlFD])
	}
	return strconv.FormatInt(n, 10)
}

// shown bounds what one argument takes up on the page.
const shown = 96

func quote(s string) string {
	if len(s) > shown {
		return strconv.Quote(s[:shown]) + "..."
	}
	return strconv.Quote(s)
}

func printStrings(ss []string) string {
	q := make([]string, 0, len(ss))
	for i, s := range ss {
		if i == 8 {
			q = append(q, fmt.Sprintf("... %d more", len(ss)-i))
			break
		}
		q = append(q, quote(s))
	}
	return "[" + strings.Join(q, ", ") + "]"
}
