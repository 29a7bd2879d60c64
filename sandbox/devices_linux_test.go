package sandbox_test

import (
	"slices"
	"testing"

	"github.com/sandkit/sandkit/cgroup"
	"github.com/sandkit/sandkit/internal/testutil"
	"github.com/sandkit/sandkit/sandbox"
	"github.com/sandkit/sandkit/sandbox/seccomp"
)

// TestMadeDevices: root of the host that may make nodes, or mount, reaches
// standard devices only, unless rules say otherwise.
func TestMadeDevices(t *testing.T) {
	testutil.NeedRoot(t)
	testutil.Unchanged(t)
	needGroups(t)
	// The loop device 0, which may not be there: then opening it gives ENXIO.
	const block, null = "mknod|/dev/block|0060660|0x700", "mknod|/dev/made|0020666|0x103"
	ops := []string{block, "read|/dev/block", null, "write|/dev/made|x", "read|/dev/null", "write|/dev/zero|x", "openpty"}
	for _, caps := range [][]string{{"MKNOD"}, {"MKNOD", "SYS_ADMIN"}} {
		opts := options(sandbox.WithHostUsers(), sandbox.WithCapabilities(caps...))
		out := probe(t, opts, ops...)
		denied(t, out[0], eperm)
		for _, o := range out[2:] {
			works(t, o)
		}
		res, err := sandbox.Run(testContext(t), sandbox.Options(opts...), sandbox.WithCommand("true"))
		if err != nil || !res.Protections.Has("devices") {
			t.Errorf("%v: %v, %v", caps, err, res)
		}
		// To open a node needs the right as well, wherever it comes from.
		all := []cgroup.DeviceRule{{Type: "b", Major: cgroup.AnyDevice, Minor: cgroup.AnyDevice, Access: "m"}}
		out = probe(t, slices.Concat(opts, options(sandbox.WithLimits(cgroup.Limits{Devices: all}))), ops...)
		works(t, out[0])
		denied(t, out[1], eperm)
		all[0].Access = "rwm"
		out = probe(t, slices.Concat(opts, options(sandbox.WithLimits(cgroup.Limits{Devices: all}))), ops...)
		works(t, out[0])
		if out[1].Errno == eperm {
			t.Errorf("%v: a device that a rule allows: %v", caps, out[1])
		}
	}
	// All that the kernel has, mounted.
	out := probe(t, options(sandbox.WithHostUsers(), sandbox.WithCapabilities("SYS_ADMIN"), sandbox.WithSeccomp(seccomp.Unconfined())),
		"mount|none|/mnt|devtmpfs|0", "write|/mnt/mem", "write|/mnt/kmsg", "read|/mnt/null")
	works(t, out[0])
	denied(t, out[1], eperm, enoent)
	denied(t, out[2], eperm, enoent)
	works(t, out[3])
	// Without the capabilities there is no node to use, and nothing to pay for.
	res, err := sandbox.Run(testContext(t), sandbox.WithHostUsers(), sandbox.WithCommand("true"))
	if err != nil || res.Protections.Has("devices") {
		t.Errorf("%v, %v", err, res)
	}
}

// TestDevicesAfterUpdate: new limits do not open devices.
func TestDevicesAfterUpdate(t *testing.T) {
	testutil.NeedRoot(t)
	testutil.Unchanged(t)
	needGroups(t)
	const made = "mknod|/dev/block|0060660|0x700"
	d := startDialog(t, options(sandbox.WithHostUsers(), sandbox.WithCapabilities("MKNOD"), sandbox.WithPids(100)), made, made)
	denied(t, d.next(t), eperm)
	if err := d.Update(testContext(t), cgroup.Limits{Pids: 200}); err != nil {
		t.Fatal(err)
	}
	if got := stats(t, d.Sandbox).Pids.Limit; got != 200 {
		t.Errorf("limit of %d", got)
	}
	denied(t, d.next(t), eperm)
}
