package sandbox

import "github.com/sandkit/sandkit/internal/launch"

// Trim gives back at once what the host program keeps ready for further starts
// when they follow each other closely: a few launchers, each a process of some
// ten KiB with namespaces and a cgroup around it, and images. They go by themselves two
// seconds after the last start, and with the host program; but the directories
// of their cgroups are then left to the next program that starts a sandbox. A
// program that ends soon after its last sandbox calls Trim to leave nothing.
func Trim() {
	launch.Trim()
	hostImages.trim()
}
