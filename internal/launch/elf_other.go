//go:build !amd64 && !arm64

package launch

// launcherELF is empty where there is no launcher: Start says so.
var launcherELF []byte
