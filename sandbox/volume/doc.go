// Package volume keeps directories that outlive sandboxes, by name, as docker
// volume does. It knows nothing of how they are mounted.
//
//	s, err := volume.Open(dir)
//	v, err := s.Create(ctx, volume.Options{Name: "data"})
//	r, err := s.Use(ctx, volume.UseOptions{Name: "data", User: sandboxID})
//	defer r.Release(ctx)
//
// Any number of processes may use a store at once, without a daemon.
//
// # References
//
// A volume that somebody uses is not removed. A reference is a lock on an open
// file (an open file description lock, Linux 3.15), which the kernel drops when
// the process ends in whatever way: what killed programs used is not in use, and
// needs no cleaning up for that.
//
// # The directory
//
//	version                  the format
//	lock                     the gate, see below
//	volumes/NAME/volume.json what is known of it, written once
//	volumes/NAME/_data/      its content
//	volumes/NAME/lock        is held by who fills it
//	volumes/NAME/copy-X/     what it is about to be filled with
//	volumes/NAME/refs/USER   the first byte is locked while USER has a
//	                         reference, the second when it has begun to use it
//	new/                     volumes that are being made
//	trash/                   volumes that are being removed
//
// A volume is there from the rename(2) out of new until the one into trash. Who
// makes or refers to one shares the gate, a lock on one byte; who removes one, or
// cleans up, has it alone, and finds nobody in the middle of anything. It is never
// held for long: neither is content copied nor removed meanwhile.
//
// The directory has mode 0700. Only the user whose it is may use it; all in it
// is opened below descriptors, and what programs put into a volume is never
// followed. What is mounted in a volume is never removed.
//
// # Killed programs and power cuts
//
// Whatever a process that was killed left, [Store.Collect] removes, and so do
// [Store.Prune] and the next user; nothing but Collect and Prune needs that.
package volume
