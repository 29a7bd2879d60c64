//go:build linux

package main

// Places inside the machine. All that is vmrun's own lies in one folder whose
// name no host path has, so that it never hides a copied file.
const (
	ownDir     = "/.vmrun"
	specFile   = ownDir + "/spec.json"
	moduleDir  = ownDir + "/modules"
	outDir     = ownDir + "/out" // what goes back to the host
	tempDir    = ownDir + "/tmp" // the program's TMPDIR
	scratchDir = "/disk"
)

// The user of -uid.
const (
	userName = "tester"
	userHome = "/home/" + userName
)

// The machine's serial ports, by name.
const (
	portControl = "ctl"
	portStdout  = "stdout"
	portStderr  = "stderr"
	portOut     = "out" // a tar archive of outDir
)

// portNames lists the ports in the order of the host's file descriptors.
func portNames() []string {
	return []string{portControl, portStdout, portStderr, portOut}
}

// spec is what the host tells the guest, in specFile.
type spec struct {
	Args     []string
	Env      []string
	Dir      string
	UID      int
	Modules  []string // in load order
	Cgroup   string
	Delegate bool
	Disks    []disk
	Sysctls  []string
	Hostname string
}

// disk is a virtio disk, known by its serial number.
type disk struct {
	Serial   string
	Dir      string // where the guest mounts it
	Writable bool
}

// event travels from guest to host, one JSON object a line, on portControl.
// evExit and evFail are the last.
type event struct {
	Kind   string
	Text   string   `json:",omitempty"`
	Code   int      `json:",omitempty"` // of evExit
	Left   []string `json:",omitempty"` // of evExit: what outlived the program
	Sizes  sizes    `json:",omitempty"` // of evExit: what the host must still wait for
	Uptime float64  `json:",omitempty"` // seconds on the guest's clock
}

// sizes are numbers of bytes by port. The guest's write returns when the data
// is queued, and with the machine the queue would go.
type sizes map[string]int64

const (
	evInit  = "init"  // the ports are open
	evStart = "start" // the program is about to start
	evWarn  = "warn"
	evExit  = "exit" // the program ended, its output is complete
	evFail  = "fail" // it could not be run
)

// quitLine is the only thing that the host says on portControl: send SIGQUIT.
const quitLine = "quit"
