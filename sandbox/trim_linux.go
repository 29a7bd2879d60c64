package sandbox

import "github.com/sandkit/sandkit/internal/launch"

// Trim gives back at once what the host program keeps ready for further starts
// when they follow each other closely: a few launchers, each a process of some
// ten KiB with namespaces around it. They go by themselves two seconds after
// the last start, and with the host program.
func Trim() { launch.Trim() }
