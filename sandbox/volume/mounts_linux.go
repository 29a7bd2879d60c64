package volume

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// checkMounts makes sure that nothing is mounted on a directory, or below it, as
// far as this program's mount namespace shows. Those of sandboxes do not.
func checkMounts(dir string) error {
	real, err := filepath.EvalSymlinks(dir)
	if noEntry(err) {
		return nil
	}
	if err != nil {
		return err
	}
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(table)) {
		const point = 4
		fields := strings.Fields(line)
		if len(fields) <= point {
			continue
		}
		at := unescape(fields[point])
		if at == real || strings.HasPrefix(at, real+"/") {
			return fmt.Errorf("%s: %w", at, ErrMounted)
		}
	}
	return nil
}

// unescape reads a path as /proc/self/mountinfo has it: \040 is a space.
func unescape(s string) string {
	const digits = 3
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+digits < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+1+digits], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += digits
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
