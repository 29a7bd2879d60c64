package archive

import (
	"os"
	"syscall"
)

// openFlags open a file that is said to be regular.
const openFlags = os.O_RDONLY | syscall.O_NONBLOCK
