package image

import (
	"errors"
	"fmt"
	"strings"
)

var errQuote = errors.New("a quotation mark is not closed")

// splitWords cuts a text at blanks that are not in quotation marks, which stay,
// and neither is a blank behind a backslash.
func splitWords(text string) (words []string) {
	var quote byte
	start := -1
	for i := 0; i < len(text); i++ {
		ch := text[i]
		blank := quote == 0 && (ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n')
		switch {
		case blank && start >= 0:
			words = append(words, text[start:i])
			start = -1
			continue
		case blank:
			continue
		case start < 0:
			start = i
		}
		switch {
		case ch == '\\' && quote != '\'':
			i++
		case ch == quote:
			quote = 0
		case quote == 0 && (ch == '"' || ch == '\''):
			quote = ch
		}
	}
	if start >= 0 {
		words = append(words, text[start:])
	}
	return words
}

// expander takes quotation marks, backslashes and variables out of a word, as
// a shell does.
type expander struct {
	env  []string
	text string
	at   int
}

// maxNested bounds ${a:-${b:-...}}.
const maxNested = 100

// expand gives the text that a word stands for.
func expand(word string, env []string) (string, error) {
	e := &expander{env: env, text: word}
	s, err := e.until(0, 0)
	if err == nil && e.at < len(e.text) {
		err = errors.New("syntax error") // cannot happen: only the end stops it
	}
	return s, err
}

// until reads up to a character that is not quoted, or the end for 0.
func (e *expander) until(stop byte, depth int) (string, error) {
	if depth > maxNested {
		return "", errors.New("variables are nested too deep")
	}
	var b strings.Builder
	for e.at < len(e.text) {
		ch := e.text[e.at]
		if ch == stop && stop != 0 {
			return b.String(), nil
		}
		e.at++
		var part string
		var err error
		switch ch {
		case '\'':
			part, err = e.single()
		case '"':
			part, err = e.double(depth)
		case '$':
			part, err = e.variable(depth)
		case '\\':
			if e.at < len(e.text) {
				part = e.text[e.at : e.at+1]
				e.at++
			}
		default:
			part = string([]byte{ch})
		}
		if err != nil {
			return "", err
		}
		b.WriteString(part)
	}
	if stop != 0 {
		return "", fmt.Errorf("%q is missing", string(stop))
	}
	return b.String(), nil
}

// single reads what is between single quotation marks: nothing is special.
func (e *expander) single() (string, error) {
	i := strings.IndexByte(e.text[e.at:], '\'')
	if i < 0 {
		return "", errQuote
	}
	s := e.text[e.at : e.at+i]
	e.at += i + 1
	return s, nil
}

// double reads what is between double quotation marks: variables are
// replaced, and a backslash is only special before what is.
func (e *expander) double(depth int) (string, error) {
	var b strings.Builder
	for e.at < len(e.text) {
		ch := e.text[e.at]
		e.at++
		switch {
		case ch == '"':
			return b.String(), nil
		case ch == '$':
			v, err := e.variable(depth)
			if err != nil {
				return "", err
			}
			b.WriteString(v)
		case ch == '\\' && e.at < len(e.text) && strings.IndexByte(`"$\`, e.text[e.at]) >= 0:
			b.WriteByte(e.text[e.at])
			e.at++
		default:
			b.WriteByte(ch)
		}
	}
	return "", errQuote
}

// variable reads what is behind "$".
func (e *expander) variable(depth int) (string, error) {
	if e.at == len(e.text) || e.text[e.at] != '{' {
		name := e.name()
		if name == "" {
			return "$", nil
		}
		v, _ := lookupEnv(e.env, name)
		return v, nil
	}
	e.at++
	name := e.name()
	if name == "" || e.at == len(e.text) {
		return "", errors.New("bad substitution")
	}
	value, set := lookupEnv(e.env, name)
	ch := e.text[e.at]
	e.at++
	if ch == '}' {
		return value, nil
	}
	if ch == ':' && e.at < len(e.text) {
		set = set && value != ""
		ch = e.text[e.at]
		e.at++
	}
	if strings.IndexByte("-+?", ch) < 0 {
		return "", fmt.Errorf("modifier %q of variable %s is not supported, only -, + and ?", string(ch), name)
	}
	word, err := e.until('}', depth+1)
	if err != nil {
		return "", err
	}
	e.at++
	switch {
	case ch == '+' && set, ch == '-' && !set:
		return word, nil
	case ch == '?' && !set:
		return "", fmt.Errorf("variable %s: %s", name, orElse(word, "it is not set"))
	case ch == '+':
		return "", nil
	}
	return value, nil
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// name reads a variable's name: letters, digits and "_". The one-letter names
// that only a shell has a value for are names, too.
func (e *expander) name() string {
	start := e.at
	if e.at < len(e.text) && strings.IndexByte("@*#?-$!", e.text[e.at]) >= 0 {
		e.at++
		return e.text[start:e.at]
	}
	for e.at < len(e.text) {
		ch := e.text[e.at]
		digit := ch >= '0' && ch <= '9'
		if ch != '_' && (ch < 'a' || ch > 'z') && (ch < 'A' || ch > 'Z') && !digit {
			break
		}
		e.at++
		if digit && e.at-start == 1 {
			break
		}
	}
	return e.text[start:e.at]
}
