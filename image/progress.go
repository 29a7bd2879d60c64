package image

// Phase is what is being done to content.
type Phase string

// The phases of content on its way.
const (
	PhaseWait     Phase = "wait"     // another program is fetching it
	PhaseDownload Phase = "download" // from a registry
	PhaseUpload   Phase = "upload"   // to a registry
	PhaseImport   Phase = "import"   // from an archive
	PhaseExport   Phase = "export"   // to an archive
	PhaseUnpack   Phase = "unpack"   // into a tree
	PhaseDone     Phase = "done"
)

// Progress says how far one piece of content has got: a layer, or a manifest or
// configuration.
type Progress struct {
	Phase Phase
	// Digest is the content's, or empty while it is not known.
	Digest Digest
	// Bytes are done out of Total; Total is -1 when it is not known.
	Bytes, Total int64
}

// A ProgressFunc is told of progress: at the beginning and at the end of each
// phase, and now and then in between. Unless said otherwise it is called by
// several goroutines at once; it must not block.
type ProgressFunc func(Progress)
