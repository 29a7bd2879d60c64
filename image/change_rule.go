package image

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// minDuration is what Docker takes as the shortest time between health checks.
const minDuration = time.Millisecond

// healthcheck reads "NONE", or options and "CMD command".
func (c *changer) healthcheck(rest string) error {
	var h Healthcheck
	options := 0
	for ; strings.HasPrefix(rest, "--"); options++ {
		var option string
		option, rest = firstWord(rest)
		if err := h.option(option); err != nil {
			return err
		}
	}
	kind, rest := firstWord(rest)
	switch strings.ToUpper(kind) {
	case "":
		return errNoArgument
	case "NONE":
		if rest != "" || options > 0 {
			return errors.New("NONE takes no arguments")
		}
		h.Test = []string{"NONE"}
	case "CMD":
		args, ok, err := arguments(rest)
		switch {
		case err != nil:
			return err
		case rest == "" || ok && len(args) == 0:
			return errors.New("there is no command behind CMD")
		case ok:
			h.Test = append([]string{"CMD"}, args...)
		default:
			h.Test = []string{"CMD-SHELL", rest}
		}
	default:
		return fmt.Errorf("%s is neither CMD nor NONE", kind)
	}
	c.config.Healthcheck = &h
	return nil
}

// option sets "--name=value".
func (h *Healthcheck) option(text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		return fmt.Errorf("option %s has no value", name)
	}
	durations := map[string]*time.Duration{
		"--interval": &h.Interval, "--timeout": &h.Timeout, "--start-period": &h.StartPeriod, "--start-interval": &h.StartInterval,
	}
	if to, ok := durations[name]; ok {
		d, err := time.ParseDuration(value)
		if err == nil && d != 0 && d < minDuration {
			err = fmt.Errorf("it cannot be less than %v", minDuration)
		}
		if err != nil {
			return fmt.Errorf("option %s: %w", name, err)
		}
		*to = d
		return nil
	}
	if name != "--retries" {
		return fmt.Errorf("option %s is none of --interval, --timeout, --start-period, --start-interval, --retries", name)
	}
	n, err := strconv.ParseInt(value, 10, 32)
	if err == nil && n < 0 {
		err = errors.New("it cannot be negative")
	}
	if err != nil {
		return fmt.Errorf("option %s: %w", name, err)
	}
	h.Retries = int(n)
	return nil
}

// builderOnly are the instructions that ONBUILD can have beside those here.
var builderOnly = []string{"ADD", "ARG", "COPY", "RUN", "SHELL"}

// onbuild keeps an instruction for those who build on the image.
func (c *changer) onbuild(rest string) error {
	word, args := firstWord(rest)
	name := strings.ToUpper(word)
	switch {
	case rest == "":
		return errNoArgument
	case name == "ONBUILD", name == "FROM", name == "MAINTAINER":
		return fmt.Errorf("%s is not allowed in ONBUILD", name)
	case !slices.Contains(changeNames, name) && !slices.Contains(builderOnly, name):
		return fmt.Errorf("unknown instruction %s", word)
	case args == "" && name != "CMD" && name != "ENTRYPOINT":
		return fmt.Errorf("%s: %w", name, errNoArgument)
	}
	c.config.OnBuild = append(c.config.OnBuild, rest)
	return nil
}

// stopsignal reads a signal's name, with or without SIG, or its number.
func (c *changer) stopsignal(rest string) error {
	s, err := c.one(rest)
	if err != nil {
		return err
	}
	if !isSignal(s) {
		return fmt.Errorf("%q is no signal", s)
	}
	c.config.StopSignal = s
	return nil
}

// signals are Linux's; those of real time are RTMIN+n and RTMAX-n.
var signals = strings.Fields(`ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV
	STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN RTMAX`)

const (
	maxSignal   = 64
	realTimes   = 30 // between RTMIN and RTMAX, both of which programs can use
	signalStart = "SIG"
)

func isSignal(s string) bool {
	if n, err := strconv.Atoi(s); err == nil {
		return n > 0 && n <= maxSignal
	}
	name := strings.TrimPrefix(strings.ToUpper(s), signalStart)
	if slices.Contains(signals, name) {
		return true
	}
	for _, prefix := range []string{"RTMIN+", "RTMAX-"} {
		if offset, ok := strings.CutPrefix(name, prefix); ok {
			n, err := strconv.ParseUint(offset, 10, 8)
			return err == nil && n <= realTimes
		}
	}
	return false
}
