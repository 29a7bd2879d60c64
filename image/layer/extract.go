package layer

// ExtractOptions say how a directory is copied out of layers.
type ExtractOptions struct {
	Format Format // of the layers
	// Rootless leaves out what only root can copy: owners, devices, and some
	// extended attributes.
	Rootless bool
}
