// Package transfer reads and writes a root directory while the programs that
// live in it run, and may be hostile: they can rename directories and swap
// them for symbolic links at any moment. Whatever they do, nothing outside of
// the root is read or written, and no call waits for a FIFO or a device.
//
// What is copied where follows the rules of "docker cp".
package transfer
