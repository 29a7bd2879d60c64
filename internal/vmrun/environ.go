//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// goSettings steer a Go program at run time and are passed on; the rest of the
// host's environment is not.
func goSettings() []string {
	return []string{"GODEBUG", "GOGC", "GOMAXPROCS", "GOMEMLIMIT", "GORACE", "GOTRACEBACK"}
}

// environ is the program's environment. A variable is in it once: the first of
// two would win in C programs, the last in Go's.
func (o *options) environ(cwd string, out *outputs) []string {
	env := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LANG=C.UTF-8", "TMPDIR=" + tempDir, "PWD=" + cwd, "SANDKIT_VM=" + o.kernel,
	}
	if o.uid == 0 {
		env = append(env, "HOME=/root", "USER=root")
	} else {
		env = append(env, "HOME="+userHome, "USER="+userName, "XDG_RUNTIME_DIR="+runtimeDir(o.uid))
	}
	for _, name := range goSettings() {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	if d := os.Getenv("GOCOVERDIR"); d != "" {
		if !filepath.IsAbs(d) {
			d = filepath.Join(cwd, d)
		}
		env = append(env, "GOCOVERDIR="+out.add(d, true))
	}
	for _, kv := range o.env {
		if strings.Contains(kv, "=") {
			env = append(env, kv)
		} else if v, ok := os.LookupEnv(kv); ok {
			env = append(env, kv+"="+v)
		}
	}
	return lastOfEach(env)
}

// lastOfEach drops each variable that is set again later.
func lastOfEach(env []string) []string {
	var res []string
	for i, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		if !slices.ContainsFunc(env[i+1:], func(s string) bool { return strings.HasPrefix(s, name+"=") }) {
			res = append(res, kv)
		}
	}
	return res
}

// runtimeDir is the folder that a login manager would make for a user.
func runtimeDir(uid int) string {
	return fmt.Sprintf("/run/user/%d", uid)
}
