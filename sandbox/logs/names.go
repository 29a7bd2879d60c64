package logs

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// base is the path of a log, and makes the names of its files.
type base string

// plain names the file that is so many files older than the one being written.
func (b base) plain(n int) string {
	if n == 0 {
		return string(b)
	}
	return string(b) + "." + strconv.Itoa(n)
}

func (b base) packed(n int) string { return b.plain(n) + ".gz" }
func (b base) lock() string        { return string(b) + ".lock" }
func (b base) next() string        { return string(b) + ".new" }

// tempSuffix ends the names of files that are being packed.
const tempSuffix = ".tmp"

// oldest gives the highest number of a file that is there; 0 when there is none.
func (b base) oldest() (int, error) {
	entries, err := os.ReadDir(filepath.Dir(string(b)))
	if err != nil {
		return 0, fmt.Errorf("list files of log: %w", err)
	}
	highest := 0
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), filepath.Base(string(b))+".")
		if !ok {
			continue
		}
		rest = strings.TrimSuffix(rest, ".gz")
		if n, err := strconv.Atoi(rest); err == nil && n > highest && strconv.Itoa(n) == rest {
			highest = n
		}
	}
	return highest, nil
}
