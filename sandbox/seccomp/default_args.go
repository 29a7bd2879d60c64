package seccomp

// Arguments that argumentRules looks at, from the Linux headers; they are the
// same on amd64 and arm64.
const (
	// newNamespaces are the CLONE_NEW* flags that clone takes: mount, cgroup,
	// uts, ipc, user, pid and network. CLONE_NEWTIME works with clone3 only.
	newNamespaces = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000

	afUnix, afInet, afInet6, afNetlink, afPacket = 1, 2, 10, 16, 17

	netlinkRoute, netlinkSockDiag, netlinkUevent, netlinkGeneric = 0, 4, 15, 16

	ioctlSTI, ioctlLinux, ioctlSETD = 0x5412, 0x541c, 0x5423

	modeTypeMask, modeCharDevice, modeBlockDevice = 0xf000, 0x2000, 0x6000
)

// argumentRules are the calls of the default profile that depend on their
// arguments. Where allowRules has the call too, these are the exceptions.
var argumentRules = []rule{
	{
		// New processes and threads, but no new namespaces: a user namespace
		// opens much of the kernel to a process without rights.
		act:   actAllow,
		gate:  gate{notCaps: []string{"CAP_SYS_ADMIN"}},
		names: []string{"clone"},
		conds: []condition{{arg: 0, op: opMaskedEqual, mask: newNamespaces, value: 0}},
	},

	// The personalities that change nothing but what uname tells, and the
	// query. Not ADDR_NO_RANDOMIZE, nor READ_IMPLIES_EXEC.
	{act: actAllow, names: []string{"personality"}, conds: []condition{{value: 0}}},
	{act: actAllow, names: []string{"personality"}, conds: []condition{{value: 0x8}}},
	{act: actAllow, names: []string{"personality"}, conds: []condition{{value: 0x20000}}},
	{act: actAllow, names: []string{"personality"}, conds: []condition{{value: 0x20008}}},
	{act: actAllow, names: []string{"personality"}, conds: []condition{{value: 0xffffffff}}},

	{
		// Socket families: Unix, IPv4, IPv6, netlink and nothing else, with the
		// kernel's own answer for a family it lacks. AF_ALG and AF_VSOCK (not
		// namespaced before Linux 7.0) are the two that Docker refuses; the
		// others are rarely used code that socket() would load as a module.
		// Docker's comparison "family > AF_VSOCK" lets 1<<32|AF_ALG pass, which
		// the kernel reads as AF_ALG; here the upper half must be zero.
		act:   actErrno | errnoAFNOSUPPORT,
		gate:  gate{notCaps: []string{"CAP_NET_RAW"}},
		names: []string{"socket", "socketpair"},
		conds: []condition{
			{op: opNotEqual, value: afUnix},
			{op: opNotEqual, value: afInet},
			{op: opNotEqual, value: afInet6},
			{op: opNotEqual, value: afNetlink},
		},
	},
	{
		// The same with packet sockets, which need CAP_NET_RAW anyway.
		act:   actErrno | errnoAFNOSUPPORT,
		gate:  gate{caps: []string{"CAP_NET_RAW"}},
		names: []string{"socket", "socketpair"},
		conds: []condition{
			{op: opNotEqual, value: afUnix},
			{op: opNotEqual, value: afInet},
			{op: opNotEqual, value: afInet6},
			{op: opNotEqual, value: afNetlink},
			{op: opNotEqual, value: afPacket},
		},
	},
	{
		// Netlink: routes (getaddrinfo and if_nameindex ask there), socket
		// statistics, device events, generic. Not netfilter, xfrm, crypto and
		// audit; EPROTONOSUPPORT tells login tools that there is no audit,
		// where EPERM makes them give up.
		act:   actErrno | errnoPROTONOSUPPORT,
		gate:  gate{notCaps: []string{"CAP_NET_ADMIN"}},
		names: []string{"socket", "socketpair"},
		conds: []condition{
			{arg: 0, op: opEqual, value: afNetlink},
			{arg: 2, op: opNotEqual, value: netlinkRoute},
			{arg: 2, op: opNotEqual, value: netlinkSockDiag},
			{arg: 2, op: opNotEqual, value: netlinkUevent},
			{arg: 2, op: opNotEqual, value: netlinkGeneric},
		},
	},

	// TIOCSTI types into the terminal and TIOCLINUX pastes into the console,
	// as if the user outside had (CVE-2017-5226). Nobody is let through.
	{act: actErrno | errnoPERM, names: []string{"ioctl"}, conds: []condition{low32(1, ioctlSTI)}},
	{act: actErrno | errnoPERM, names: []string{"ioctl"}, conds: []condition{low32(1, ioctlLinux)}},
	{
		// Line disciplines are loaded as modules on request; pppd needs them.
		act:   actErrno | errnoPERM,
		gate:  gate{notCaps: []string{"CAP_SYS_ADMIN", "CAP_NET_ADMIN"}},
		names: []string{"ioctl"},
		conds: []condition{low32(1, ioctlSETD)},
	},

	// Device nodes; files, pipes and sockets may be made.
	{
		act:   actErrno | errnoPERM,
		gate:  gate{notCaps: []string{"CAP_MKNOD"}},
		names: []string{"mknod"},
		conds: []condition{{arg: 1, op: opMaskedEqual, mask: modeTypeMask, value: modeCharDevice}},
	},
	{
		act:   actErrno | errnoPERM,
		gate:  gate{notCaps: []string{"CAP_MKNOD"}},
		names: []string{"mknod"},
		conds: []condition{{arg: 1, op: opMaskedEqual, mask: modeTypeMask, value: modeBlockDevice}},
	},
	{
		act:   actErrno | errnoPERM,
		gate:  gate{notCaps: []string{"CAP_MKNOD"}},
		names: []string{"mknodat"},
		conds: []condition{{arg: 2, op: opMaskedEqual, mask: modeTypeMask, value: modeCharDevice}},
	},
	{
		act:   actErrno | errnoPERM,
		gate:  gate{notCaps: []string{"CAP_MKNOD"}},
		names: []string{"mknodat"},
		conds: []condition{{arg: 2, op: opMaskedEqual, mask: modeTypeMask, value: modeBlockDevice}},
	},
}
