// Package policy decides which destinations a sandbox may reach, one connection at a
// time, and carries the connections that it allows.
//
// A [Policy] is a list of rules; what none allows is denied. A [Decider] answers for
// one sandbox. It knows which addresses the sandbox was told for which names (see
// [Decider.Pin]), so that a rule with a domain allows only addresses that were
// given as an answer for a permitted name. A [Handler] looks at the first bytes of a
// connection for the name that it tells, if a name decides, and then copies.
//
// The package opens no socket and needs no privilege. Who uses it intercepts the
// sandbox's connections, answers its questions for names, and dials.
//
// # What is checked
//
// Of TLS the server name in the ClientHello, of HTTP/1 the head of the first
// request: what follows on the same connection is not read. A program can therefore
// ask a permitted server for another name inside TLS, or in a second request on a
// connection that it keeps. It always talks to an address of a permitted name;
// whether that server serves others is the server's affair. Certificates are not
// looked at: the address is right, since the answer with it was the host's.
//
// At the ports 80 and 443 a protocol that tells no name is denied where a domain
// decides. At other ports it is allowed, to addresses of permitted names.
package policy
