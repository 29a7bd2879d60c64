package sandbox

import "github.com/sandkit/sandkit/cgroup"

// Event is something that happened to a sandbox.
type Event cgroup.Event

// EventKind says what happened.
type EventKind = cgroup.EventKind

// The kinds of events.
const (
	EventOOM         = cgroup.OOM         // there is no memory left within the limit
	EventOOMKill     = cgroup.OOMKill     // a process was killed for that
	EventMemoryLimit = cgroup.MemoryLimit // the memory limit was reached
	EventPidsLimit   = cgroup.PidsLimit   // a process or thread was refused
	EventPopulated   = cgroup.Populated   // the first process is there
	EventEmpty       = cgroup.Empty       // the last process is gone

	EventDie       EventKind = "die"       // the program has ended, and is to be started again
	EventStart     EventKind = "start"     // it was started again
	EventHealthy   EventKind = "healthy"   // the health check found that the program works
	EventUnhealthy EventKind = "unhealthy" // it found that the program does not work
)
