package image

import (
	"errors"
	"fmt"
	"strings"
)

// ChangeError says which change cannot be made, and why. It matches
// [ErrInvalid].
type ChangeError struct {
	Change string // the instruction
	Err    error
}

// Error names the change and the cause.
func (e *ChangeError) Error() string { return fmt.Sprintf("change %q: %v", e.Change, e.Err) }

// Unwrap gives the cause.
func (e *ChangeError) Unwrap() error { return e.Err }

// Is matches ErrInvalid.
func (e *ChangeError) Is(target error) bool { return target == ErrInvalid }

// ApplyChanges changes a configuration as "docker commit --change" and "docker
// import --change" do. Each change is an instruction as in a Dockerfile: CMD,
// ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER,
// VOLUME or WORKDIR. They are applied one after the other, and variables
// ($NAME, ${NAME}, ${NAME:-default}) are those of the configuration at that
// point. CMD, ENTRYPOINT, HEALTHCHECK and ONBUILD leave variables to the shell.
//
// An ENTRYPOINT drops the command, unless one of the changes before it is a
// CMD. A text that is no JSON array is run by c.Shell, or "/bin/sh -c".
//
// It fails with a [*ChangeError], and changes nothing then.
func ApplyChanges(c *RunConfig, changes []string) error {
	n := changer{config: c.clone()}
	for _, change := range changes {
		lines := logicalLines(change)
		if len(lines) == 0 {
			return &ChangeError{change, errors.New("there is no instruction")}
		}
		for _, line := range lines {
			if err := n.apply(line); err != nil {
				return &ChangeError{line, err}
			}
		}
	}
	*c = n.config
	return nil
}

// changer is a configuration that is being changed.
type changer struct {
	config RunConfig
	hasCmd bool // CMD was one of the changes
}

// changeNames are the instructions that change a configuration.
var changeNames = strings.Fields("CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL ONBUILD STOPSIGNAL USER VOLUME WORKDIR")

func (c *changer) apply(line string) error {
	if strings.IndexByte(line, 0) >= 0 {
		return errNUL
	}
	word, rest := firstWord(line)
	switch strings.ToUpper(word) {
	case "CMD":
		return c.cmd(rest)
	case "ENTRYPOINT":
		return c.entrypoint(rest)
	case "ENV":
		return c.env(rest)
	case "EXPOSE":
		return c.expose(rest)
	case "HEALTHCHECK":
		return c.healthcheck(rest)
	case "LABEL":
		return c.label(rest)
	case "ONBUILD":
		return c.onbuild(rest)
	case "STOPSIGNAL":
		return c.stopsignal(rest)
	case "USER":
		return c.user(rest)
	case "VOLUME":
		return c.volume(rest)
	case "WORKDIR":
		return c.workdir(rest)
	}
	return fmt.Errorf("%s is not one of %s", word, strings.Join(changeNames, ", "))
}

// logicalLines splits a change into instructions: a line that ends with a
// backslash goes on in the next, comments and empty lines do not count.
func logicalLines(change string) (lines []string) {
	open := ""
	for line := range strings.SplitSeq(change, "\n") {
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || strings.HasPrefix(trimmed, "#") {
			continue
		}
		if open == "" {
			line = strings.TrimLeft(line, " \t\r")
		}
		body := strings.TrimRight(line, " \t\r")
		if more, ok := strings.CutSuffix(body, `\`); ok {
			open += more
			continue
		}
		if line = strings.TrimSpace(open + line); line != "" {
			lines = append(lines, line)
		}
		open = ""
	}
	if open = strings.TrimSpace(open); open != "" {
		lines = append(lines, open)
	}
	return lines
}

// firstWord cuts a line at its first blank.
func firstWord(line string) (word, rest string) {
	if i := strings.IndexAny(line, " \t\r\n"); i >= 0 {
		return line[:i], strings.TrimSpace(line[i:])
	}
	return line, ""
}
