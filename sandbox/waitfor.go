package sandbox

// WaitCondition is what [Sandbox.WaitFor] waits for.
type WaitCondition string

// The conditions, with Docker's names.
const (
	WaitNotRunning WaitCondition = "not-running" // the end for good, as with Wait
	WaitNextExit   WaitCondition = "next-exit"   // the next end of the program, also when it is started again
	WaitRemoved    WaitCondition = "removed"     // Close has let go of everything
)
