package testutil

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sandkit/sandkit/internal/launch"
)

// Unchanged checks at the end of the test that the host is as it is now: its
// mounts, cgroups and network links, and of this program the children,
// descriptors, goroutines, threads' namespaces and temporary files.
func Unchanged(tb testing.TB) {
	tb.Helper()
	before := settled(tb)
	tb.Cleanup(func() { before.await(tb) })
}

// settled takes the inventory when nothing changes by itself any more: what an
// earlier test began may be about to end.
func settled(tb testing.TB) inventory {
	tb.Helper()
	inv := takeInventory(tb)
	for range 50 {
		time.Sleep(time.Millisecond)
		next := takeInventory(tb)
		same := inv.compare(next) == "" && next.compare(inv) == ""
		if inv = next; same {
			break
		}
	}
	return inv
}

// await fails the test unless things are soon as they were: what the kernel or
// the runtime does in the background gets some time.
func (inv inventory) await(tb testing.TB) {
	tb.Helper()
	var diff string
	for range 100 {
		if diff = inv.compare(takeInventory(tb)); diff == "" {
			return
		}
		runtime.GC()
		time.Sleep(20 * time.Millisecond)
	}
	tb.Errorf("the test left something behind or took something away:\n%s", diff)
}

// inventory is a list of lines by subject.
type inventory map[string][]string

func takeInventory(tb testing.TB) inventory {
	tb.Helper()
	launch.Trim() // what is kept for the next start belongs to no sandbox
	inv := inventory{
		"mounts":      mounts(tb),
		"links":       names(tb, "/sys/class/net/*"),
		"cgroups":     cgroups(),
		"children":    children(tb),
		"descriptors": descriptors(tb),
		"namespaces":  threadNamespaces(tb),
		"temporary":   slices.Concat(names(tb, filepath.Join(os.TempDir(), "*")), names(tb, "/run/sandkit/*"), names(tb, "/dev/shm/*")),
		goroutines:    {strconv.Itoa(runtime.NumGoroutine())},
	}
	return inv
}

func (inv inventory) compare(now inventory) string {
	var b strings.Builder
	for subject, before := range inv {
		after := now[subject]
		if subject == goroutines {
			b.WriteString(moreGoroutines(before[0], after[0]))
			continue
		}
		for _, l := range after {
			if !slices.Contains(before, l) {
				fmt.Fprintf(&b, "%s: new: %s\n", subject, l)
			}
		}
		for _, l := range before {
			if !slices.Contains(after, l) {
				fmt.Fprintf(&b, "%s: gone: %s\n", subject, l)
			}
		}
	}
	return b.String()
}

// goroutines is the subject of which only the number is known. That there are
// fewer says nothing: one of an earlier test may just have ended.
const goroutines = "goroutines"

func moreGoroutines(before, after string) string {
	was, err1 := strconv.Atoi(before)
	is, err2 := strconv.Atoi(after)
	if err1 == nil && err2 == nil && is <= was {
		return ""
	}
	buf := make([]byte, 1<<20)
	return fmt.Sprintf("%s: new: %s, were %s\n%s\n", goroutines, after, before, buf[:runtime.Stack(buf, true)])
}

func lines(tb testing.TB, path string) []string {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

// mounts lists the mounts, but for those that tests of other packages, which
// may run at the same time, make in their own temporary directories.
func mounts(tb testing.TB) []string {
	tb.Helper()
	own := os.TempDir() + "/"
	return slices.DeleteFunc(lines(tb, "/proc/self/mountinfo"), func(l string) bool {
		at := strings.Fields(l)[4]
		return strings.Contains(at, "/Test") && !strings.HasPrefix(at, own)
	})
}

func names(tb testing.TB, pattern string) []string {
	tb.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil {
		tb.Fatal(err)
	}
	return found
}

// children lists this program's child processes, zombies too.
func children(tb testing.TB) []string {
	tb.Helper()
	var list []string
	for _, p := range names(tb, "/proc/self/task/*/children") {
		b, err := os.ReadFile(p)
		if err != nil {
			continue // the thread is gone, its children have moved to another
		}
		for pid := range strings.FieldsSeq(string(b)) {
			cmd, _ := os.ReadFile("/proc/" + pid + "/cmdline")
			list = append(list, fmt.Sprintf("%s %q", pid, cmd))
		}
	}
	return list
}

// descriptors lists this program's open files by what they are.
func descriptors(tb testing.TB) []string {
	tb.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		tb.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		target, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err != nil {
			continue // the one that read the directory
		}
		list = append(list, e.Name()+" -> "+target)
	}
	return list
}

// threadNamespaces lists which namespaces this program's threads are in; there
// has to be one of each kind.
func threadNamespaces(tb testing.TB) []string {
	tb.Helper()
	var list []string
	for _, p := range names(tb, "/proc/self/task/*/ns/*") {
		if link, err := os.Readlink(p); err == nil && !strings.HasSuffix(p, "_for_children") && !slices.Contains(list, link) {
			list = append(list, link)
		}
	}
	slices.Sort(list)
	return list
}
