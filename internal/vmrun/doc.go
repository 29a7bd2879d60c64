// Command vmrun runs a program, typically a Go test binary, as root inside a
// throw-away QEMU virtual machine whose only cgroup hierarchy is a pure
// cgroup v2 with every controller. It needs no KVM: the machine is emulated.
//
// It needs qemu-system-x86_64, an amd64 Linux host, and a kernel prepared by
// tools/get-kernel.sh. The same executable is the virtual machine's /init.
//
//	go build -o /tmp/vmrun ./internal/vmrun
//	go test -p 1 -exec '/tmp/vmrun -k 6.12' ./...
//	go test -p 1 -exec '/tmp/vmrun -k 6.1 -uid 1000' ./...
//	/tmp/vmrun -k 6.1 -bin busybox,nft ./pkg.test -test.v -test.run X
//
// The program finds its working directory's testdata, the programs of -bin and
// the files of -file at the paths that they have on the host, and nothing else
// of the host. The variable SANDKIT_VM holds the kernel's name. Files that a
// test binary is told to write (-test.coverprofile, -test.cpuprofile,
// -test.outputdir, GOCOVERDIR and the like) come back to the host.
//
// A program must leave the machine as it found it: processes, cgroups, mounts
// and network links that outlive it fail the run.
//
// The exit status is the program's own, 128 plus the number of the signal that
// ended it, or
//
//	124  the -timeout was over; the program got SIGQUIT 10 s before
//	125  the machine could not be started or died; its log is printed
//	126  the program exited 0 but left something behind (see -allow-leftovers)
//
// The host's half is in main.go, run.go and what they call; the files named
// guest_ are the half that runs inside; protocol.go is what both share.
package main
