package fs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// A KernelPath is a file or directory in /proc or /sys.
type KernelPath struct {
	Path string
	// RootOnly tells that only the host's user 0 may read it, whom a sandbox
	// with a user namespace does not have.
	RootOnly bool
}

// KernelPaths are those of the default paths that this kernel has.
type KernelPaths struct {
	Masked, ReadOnly []KernelPath
	Dirs             map[string]bool // of both lists; true for directories
}

// kernelPaths looks once: what the kernel shows does not change.
var kernelPaths = sync.OnceValue(func() KernelPaths {
	k := KernelPaths{Dirs: make(map[string]bool)}
	k.Masked = k.find(DefaultMasked())
	k.ReadOnly = k.find(DefaultReadOnly())
	return k
})

func (k *KernelPaths) find(patterns []string) []KernelPath {
	var list []KernelPath
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil {
			panic("BUG: default path " + pattern + ": " + err.Error())
		}
		for _, p := range found {
			st, err := os.Lstat(p)
			if err != nil {
				continue // gone again, with a driver
			}
			k.Dirs[p] = st.IsDir()
			owner, ok := st.Sys().(*syscall.Stat_t)
			list = append(list, KernelPath{p, ok && owner.Uid == 0 && st.Mode().Perm()&0o077 == 0})
		}
	}
	return list
}

// expand replaces patterns below /proc and /sys by what this kernel has of
// them, as the default paths are. Elsewhere a "*" is a character of a name.
func expand(paths []string) []string {
	if !slices.ContainsFunc(paths, isPattern) {
		return paths
	}
	list := make([]string, 0, len(paths))
	for _, p := range paths {
		if !isPattern(p) {
			list = append(list, p)
			continue
		}
		found, _ := filepath.Glob(p) // a pattern that is wrong matches nothing
		list = append(list, found...)
	}
	return list
}

func isPattern(p string) bool { return topOf(p) != "" && strings.Contains(p, "*") }
