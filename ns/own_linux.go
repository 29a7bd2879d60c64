package ns

import (
	"fmt"
	"os"

	"github.com/sandkit/sandkit/internal/passwd"
)

// SubIDs gives the first subordinate range of users and of groups that
// /etc/subuid and /etc/subgid grant to the host program's user; ok is false
// when one is missing.
func SubIDs() (uids, gids Range, ok bool) {
	uid := uint32(os.Getuid())
	name := ""
	if b, err := os.ReadFile("/etc/passwd"); err == nil {
		if id, err := passwd.Resolve(fmt.Sprint(uid), b, nil); err == nil {
			name = id.Name
		}
	}
	first := func(path string) (Range, bool) {
		b, err := os.ReadFile(path)
		if err != nil {
			return Range{}, false
		}
		r := ParseSubIDs(string(b), name, uid)
		if len(r) == 0 {
			return Range{}, false
		}
		return r[0], true
	}
	uids, ok1 := first("/etc/subuid")
	gids, ok2 := first("/etc/subgid")
	return uids, gids, ok1 && ok2
}
