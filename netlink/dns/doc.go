// Package dns is the name server that sandboxes have: it answers for the names of
// other sandboxes by itself, and passes everything else on to the servers of the
// host.
//
// It serves on sockets that somebody else has made, since a socket belongs to the
// network of who makes it: inside of a sandbox, for example, at 127.0.0.11:53. It
// needs no privilege, and nothing of the operating system.
//
// The rules are those of Docker's server. Names that are known ([Names]) are never
// asked of anybody else; one that has no address of the wanted kind has an empty
// answer, which ends the search, and not an error, with which some resolvers would go
// on to other servers. Whatever else is asked goes on with the same bytes, under an
// id and from a port that nobody can guess, and so does the answer. Nothing is kept:
// the servers of the host do that.
//
// Who asks is not trusted. Packets that are malformed or too many are refused or
// dropped; memory and goroutines are bounded ([Config.MaxConcurrent]); no answer to a
// packet is longer than the asker said it could be, and never above 4096 bytes.
//
// The package also writes and reads the two files that go with it: [ResolvConf] and
// [HostsFile].
package dns
