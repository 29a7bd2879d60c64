package sys

import (
	"os"

	"golang.org/x/sys/unix"
)

// BecomeSubreaper makes this process the parent of descendants whose own parent
// ends (PR_SET_CHILD_SUBREAPER, Linux 3.4).
func BecomeSubreaper() error {
	return os.NewSyscallError("prctl PR_SET_CHILD_SUBREAPER", unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
}
