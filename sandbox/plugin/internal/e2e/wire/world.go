package wire

// World is what the plugin sees around itself.
type World struct {
	Hostname   string
	PID, UID   int
	Env        []string
	Interfaces []string
	Status     string // /proc/self/status
}
