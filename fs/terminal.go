package fs

import "path"

// terminal is the main process's: the first one of the sandbox's devpts, which
// nobody has opened before.
const terminal = "0"

// TerminalPath is where the main process finds it.
const TerminalPath = "/dev/pts/" + terminal

// CoversTerminal gives the target of the first mount that takes the place of the
// main process's terminal; empty for none.
func CoversTerminal(mounts []Mount) string {
	for _, m := range mounts {
		switch path.Clean(m.Target) {
		case "/dev", "/dev/pts", "/dev/pts/ptmx", TerminalPath, "/dev/console":
			return m.Target
		}
	}
	return ""
}
