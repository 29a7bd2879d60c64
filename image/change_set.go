package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
)

var (
	errNoArgument = errors.New("it needs an argument")
	errNUL        = errors.New("it contains a NUL byte")
	errNotStrings = errors.New("an array must consist of strings only")
)

// arguments reads a JSON array of strings. What is none is a text.
func arguments(rest string) (args []string, ok bool, err error) {
	if !strings.HasPrefix(rest, "[") || !json.Valid([]byte(rest)) {
		return nil, false, nil // "[" is a command, too
	}
	var all []any
	if err := json.Unmarshal([]byte(rest), &all); err != nil {
		return nil, false, fmt.Errorf("read array: %w", err)
	}
	args = []string{}
	for _, a := range all {
		s, ok := a.(string)
		if !ok {
			return nil, false, errNotStrings
		}
		if strings.IndexByte(s, 0) >= 0 {
			return nil, false, errNUL
		}
		args = append(args, s)
	}
	return args, true, nil
}

// command reads a command in either form; nil is none.
func (c *changer) command(rest string) ([]string, error) {
	args, ok, err := arguments(rest)
	switch {
	case err != nil || rest == "" || ok && len(args) == 0:
		return nil, err
	case ok:
		return args, nil
	}
	shell := c.config.Shell
	if len(shell) == 0 {
		shell = []string{"/bin/sh", "-c"}
	}
	return append(append([]string(nil), shell...), rest), nil
}

func (c *changer) cmd(rest string) (err error) {
	c.config.Cmd, err = c.command(rest)
	c.config.ArgsEscaped = false
	c.hasCmd = true
	return err
}

func (c *changer) entrypoint(rest string) (err error) {
	c.config.Entrypoint, err = c.command(rest)
	if !c.hasCmd {
		c.config.Cmd = nil
	}
	return err
}

// pairs reads "k=v k2=v2", or "k v" in the old form.
func (c *changer) pairs(rest string) (all [][2]string, err error) {
	words := splitWords(rest)
	if len(words) == 0 {
		return nil, errNoArgument
	}
	if !strings.Contains(words[0], "=") {
		key, value := firstWord(rest)
		if value == "" {
			return nil, fmt.Errorf("%s has no value", key)
		}
		return c.pair(nil, key, value)
	}
	for _, w := range words {
		key, value, ok := strings.Cut(w, "=")
		if !ok {
			return nil, fmt.Errorf("%q has no \"=\": it must be name=value", w)
		}
		if all, err = c.pair(all, key, value); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (c *changer) pair(all [][2]string, key, value string) ([][2]string, error) {
	k, err := expand(key, c.config.Env)
	if err != nil {
		return nil, err
	}
	v, err := expand(value, c.config.Env)
	if err != nil {
		return nil, err
	}
	if k == "" {
		return nil, errors.New("a name is empty")
	}
	return append(all, [2]string{k, v}), nil
}

func (c *changer) env(rest string) error {
	all, err := c.pairs(rest)
	for _, p := range all {
		if strings.Contains(p[0], "=") {
			return fmt.Errorf("name %q contains \"=\"", p[0])
		}
		c.config.Env = setEnv(c.config.Env, p[0], p[1])
	}
	return err
}

// setEnv replaces a variable at its place, or adds it.
func setEnv(env []string, key, value string) []string {
	for i, e := range env {
		if envKey(e) == key {
			env[i] = key + "=" + value
			return env
		}
	}
	return append(env, key+"="+value)
}

func (c *changer) label(rest string) error {
	all, err := c.pairs(rest)
	for _, p := range all {
		if c.config.Labels == nil {
			c.config.Labels = make(map[string]string)
		}
		c.config.Labels[p[0]] = p[1]
	}
	return err
}

func (c *changer) user(rest string) (err error) {
	c.config.User, err = c.one(rest)
	return err
}

// one reads an argument that may have blanks in it.
func (c *changer) one(rest string) (string, error) {
	if rest == "" {
		return "", errNoArgument
	}
	s, err := expand(rest, c.config.Env)
	if err == nil && s == "" {
		err = errors.New("the argument is empty")
	}
	return s, err
}

func (c *changer) workdir(rest string) error {
	dir, err := c.one(rest)
	if err != nil {
		return err
	}
	if !path.IsAbs(dir) {
		dir = path.Join("/", c.config.WorkingDir, dir)
	}
	c.config.WorkingDir = path.Clean(dir)
	return nil
}

func (c *changer) volume(rest string) error {
	dirs, ok, err := arguments(rest)
	if err != nil {
		return err
	}
	if !ok {
		dirs = strings.Fields(rest)
	}
	if len(dirs) == 0 {
		return errNoArgument
	}
	for _, d := range dirs {
		if d, err = expand(d, c.config.Env); err != nil {
			return err
		}
		if d = strings.TrimSpace(d); d == "" {
			return errors.New("a volume's path is empty")
		}
		c.config.Volumes = union(c.config.Volumes, map[string]struct{}{d: {}})
	}
	return nil
}

// expose reads ports: "80", "53/udp", "8000-8010".
func (c *changer) expose(rest string) error {
	text, err := expand(rest, c.config.Env)
	if err != nil {
		return err
	}
	specs := strings.Fields(text)
	if len(specs) == 0 {
		return errNoArgument
	}
	for _, s := range specs {
		ports, err := parsePorts(s)
		if err != nil {
			return err
		}
		c.config.ExposedPorts = union(c.config.ExposedPorts, ports)
	}
	return nil
}

func parsePorts(spec string) (map[string]struct{}, error) {
	numbers, proto, ok := strings.Cut(spec, "/")
	proto = strings.ToLower(proto)
	if !ok {
		proto = "tcp"
	}
	if proto != "tcp" && proto != "udp" && proto != "sctp" {
		return nil, fmt.Errorf("port %q: the protocol must be tcp, udp or sctp", spec)
	}
	low, high, isRange := strings.Cut(numbers, "-")
	if !isRange {
		high = low
	}
	first, err1 := strconv.ParseUint(low, 10, 16)
	last, err2 := strconv.ParseUint(high, 10, 16)
	if err := errors.Join(err1, err2); err != nil || first == 0 || last < first {
		return nil, fmt.Errorf("port %q: it must be a number from 1 to 65535, or a range of them", spec)
	}
	ports := make(map[string]struct{})
	for n := first; n <= last; n++ {
		ports[strconv.FormatUint(n, 10)+"/"+proto] = struct{}{}
	}
	return ports, nil
}
