// Package kernel knows what the running kernel can do. Each [Feature] has a
// name, the Linux version that brought it, and a probe that tries it. A probe
// has three answers: yes, no ([ErrNotSupported]) and don't know (any other
// error); only the first two are remembered.
package kernel
