// Package safepath opens paths inside a root that is not trusted: a symbolic
// link, a ".." or a directory that somebody renames meanwhile never leads out
// of it. It rests on openat2(2) with RESOLVE_IN_ROOT (Linux 5.6) and walks
// component by component where that call is missing or filtered.
package safepath
