// Package logs keeps what programs print: it cuts streams into entries, stores
// them, and reads them back, from any process and while they are being written.
//
//	d, err := logs.OpenJSONFile("out.log", logs.JSONFileOptions{MaxSize: 10 << 20, MaxFiles: 3})
//	w := logs.NewWriter(d, logs.Stdout, time.Now) // an io.Writer for the stream
//
//	for e, err := range logs.ReadJSONFile(ctx, "out.log", logs.Options{Tail: 10, Follow: true}) {
//		// ...
//	}
//
// A [Driver] takes entries: [JSONFile] writes the files that Docker's json-file
// driver writes, [Ring] keeps the last entries in memory, [Func] calls a function
// and [Discard] forgets. A [Splitter] makes entries from a stream's bytes, and a
// [Writer] joins the two.
//
// Nobody who reads can hold up who writes: a reader takes files as it finds them,
// or copies of a ring's entries. One that is too slow is told with a
// [DroppedError], and goes on.
//
// # The files of a log
//
// A log at PATH is made of
//
//	PATH            the entries, one JSON object in a line; it only grows
//	PATH.1, PATH.2  what was written before, PATH.1 last
//	PATH.1.gz       the same, packed
//	PATH.lock       a FIFO that the writer has open and locked
//	PATH.new        the next PATH, while files are renamed
//	PATH.1.gz.tmp   a file that is being packed
//
// Every entry is in its file when [JSONFile.Log] returns: a killed writer loses
// none. What it was about to write may be there in part; readers skip lines that
// are no records, and the next writer begins a new line. Nothing is synced to the
// disk, as with Docker: a power cut loses what the kernel had not written back.
//
// # Who writes
//
// One process writes a log at a time. It holds an exclusive lock on the first
// byte of PATH.lock (an open file description lock, Linux 3.15), and the FIFO's
// writing end. Nothing is ever written into the FIFO. A follower has its reading
// end, and so hears from the kernel when the last writer has closed it or was
// killed, without asking for it again and again. A lock alone cannot tell: the
// kernel says that a file was closed before it drops the file's locks.
//
// Followers learn about new entries and files through inotify. They need
// Linux; everything else but the writing of files works on all systems.
package logs
