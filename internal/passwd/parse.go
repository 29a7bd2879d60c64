package passwd

import (
	"strconv"
	"strings"
)

// A User is a line of /etc/passwd.
type User struct {
	Name     string
	UID, GID uint32
	Home     string
}

// A Group is a line of /etc/group.
type Group struct {
	Name    string
	GID     uint32
	Members []string
}

// maxLine bounds a line; longer ones are skipped, as are all that do not have
// the right number of fields or have an id that is no id.
const maxLine = 64 << 10

// Users reads the content of /etc/passwd.
func Users(content []byte) []User {
	var users []User
	for f := range records(content, 7) {
		uid, ok1 := ParseID(f[2])
		gid, ok2 := ParseID(f[3])
		if ok1 && ok2 && f[0] != "" {
			users = append(users, User{Name: f[0], UID: uid, GID: gid, Home: f[5]})
		}
	}
	return users
}

// Groups reads the content of /etc/group.
func Groups(content []byte) []Group {
	var groups []Group
	for f := range records(content, 4) {
		gid, ok := ParseID(f[2])
		if !ok || f[0] == "" {
			continue
		}
		g := Group{Name: f[0], GID: gid}
		for m := range strings.SplitSeq(f[3], ",") {
			if m = strings.TrimSpace(m); m != "" {
				g.Members = append(g.Members, m)
			}
		}
		groups = append(groups, g)
	}
	return groups
}

// records yields the lines that have n fields separated by colons.
func records(content []byte, n int) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		for line := range strings.Lines(string(content)) {
			line = strings.TrimSpace(line)
			if len(line) > maxLine || strings.HasPrefix(line, "#") || strings.IndexByte(line, 0) >= 0 {
				continue
			}
			if f := strings.Split(line, ":"); len(f) == n && !yield(f) {
				return
			}
		}
	}
}

// ParseID reads a decimal user or group id. 4294967295 is no id but stands for
// "none" in system calls; nothing that wraps around gets through.
func ParseID(s string) (uint32, bool) {
	if s == "" || s[0] == '+' || s[0] == '-' {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n == 1<<32-1 {
		return 0, false
	}
	return uint32(n), true
}
