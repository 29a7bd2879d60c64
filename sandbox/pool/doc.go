// Package pool keeps sandboxes ready, so that a run costs little more than its
// process:
//
//	p, err := pool.New(pool.Options{Size: 16, Sandbox: []sandbox.Option{
//		sandbox.WithRootfs("/srv/root"), sandbox.WithMemory(256 << 20),
//	}})
//	defer p.Close()
//	out, err := p.Output(ctx, sandbox.WithCommand("/bin/job"))
//
// Each run has a sandbox of its own, which no other has had or will have. A run
// that finds none ready starts one, as sandbox.Run does. The next ones are started
// when nothing has begun or ended for 10 ms, so as not to compete with runs, or
// when fewer than half are left.
//
// # What is left when Run returns
//
// Process 1 of the sandbox tells with the end of the command whether any other
// process is left. If one is, [Pool.Run] ends the sandbox and waits until the
// kernel has removed it. If none is, nothing inside can begin any more: an empty
// sandbox remains, which is ended when things are quiet, or, with Max, when
// another one is to take its place. At most Size such are kept.
//
// On a machine with two cores under some load (Linux, cgroup v1; memory, CPU and
// process limits; a static program that does nothing), the medians in ms were:
//
//	                                        back-to-back  every 150 ms
//	fork and exec on the host                       0.87          1.31
//	Run, as it is                                   1.03          1.58
//	Run, if it waited for the end always            1.88          2.46
//	Run, if the end came at once beside it          1.94          1.92
//
// This holds for as many runs in a row as are ready. Runs that follow each other
// without a pause for longer are as fast as sandboxes can be started: then a pool
// gains nothing over sandbox.Run.
//
// A ready sandbox has one process with some 24 KiB of memory, and some ten
// descriptors of the host program; on cgroup v1 with limits twenty.
package pool
