package launch

import (
	"fmt"
	"os"
	"runtime"
	"sync"

	"github.com/sandkit/sandkit/internal/kernel"
	"github.com/sandkit/sandkit/internal/sys"
)

// roomyTable is how many descriptors the first start makes room for, so that
// no later one waits for the table to grow.
const roomyTable = 1024

// image is the launcher in a sealed memfd, made once for the host program:
// nobody can change it afterwards, also not a sandbox that finds a way to it
// (CVE-2019-5736).
var image = sync.OnceValues(func() (*os.File, error) {
	if len(launcherELF) == 0 {
		return nil, &kernel.NotSupportedError{
			Feature: "launcher for " + runtime.GOARCH,
			Hint:    "sandkit runs on amd64 and arm64",
		}
	}
	// Beside the first start: it needs no larger table yet.
	go sys.GrowFDTable(roomyTable)
	fd, err := sys.SealedExecutable("sandkit", launcherELF)
	if err != nil {
		return nil, fmt.Errorf("make launcher: %w", err)
	}
	return fd.File("launcher"), nil
})

// imagePath is where a new process finds the launcher, which is given to it as
// the second descriptor. By the number that it has here it could not be found for
// sure: os.StartProcess moves descriptors in the new process to numbers above those
// that it was told of, over what else may be there.
const imagePath = "/proc/self/fd/1"
