package seccomp

// document is a profile in Docker's JSON format, which is that of the OCI
// runtime specification with conditions on capabilities, architecture and
// kernel added. It is kept as written, so that it goes back to JSON unchanged.
type document struct {
	DefaultAction    string       `json:"defaultAction"`
	DefaultErrnoRet  *uint32      `json:"defaultErrnoRet,omitempty"`
	Architectures    []string     `json:"architectures,omitempty"`
	ArchMap          []docArchMap `json:"archMap,omitempty"`
	Flags            []string     `json:"flags,omitzero"` // nil and empty differ
	ListenerPath     string       `json:"listenerPath,omitempty"`
	ListenerMetadata string       `json:"listenerMetadata,omitempty"`
	Syscalls         docRules     `json:"syscalls,omitempty"`

	// What the fields above mean, filled in by lower.
	action action
	flags  Flags
	rules  []rule
}

// docArchMap names an architecture and those that it can run as well.
type docArchMap struct {
	Architecture     string   `json:"architecture"`
	SubArchitectures []string `json:"subArchitectures"`
}

// docRules is the list of rules.
type docRules []docRule

// docRule is one entry of "syscalls". Docker's oldest profiles have name
// instead of names.
type docRule struct {
	Name     string   `json:"name,omitempty"`
	Names    []string `json:"names,omitempty"`
	Action   string   `json:"action"`
	ErrnoRet *uint32  `json:"errnoRet,omitempty"`
	Args     []docArg `json:"args,omitempty"`
	Comment  string   `json:"comment,omitempty"`
	Includes *docGate `json:"includes,omitempty"`
	Excludes *docGate `json:"excludes,omitempty"`
}

// docArg compares one argument; for SCMP_CMP_MASKED_EQ value is the mask and
// valueTwo what is left under it.
type docArg struct {
	Index    uint   `json:"index"`
	Value    uint64 `json:"value"`
	ValueTwo uint64 `json:"valueTwo,omitempty"`
	Op       string `json:"op"`
}

// docGate ties a rule to capabilities, architectures and a kernel version.
type docGate struct {
	Caps      []string `json:"caps,omitempty"`
	Arches    []string `json:"arches,omitempty"`
	MinKernel Version  `json:"minKernel,omitzero"`
}

// tidy takes out what is empty, so that documents that mean the same are equal.
func (d *document) tidy() {
	d.Architectures = orNil(d.Architectures)
	d.ArchMap = orNil(d.ArchMap)
	d.Syscalls = orNil(d.Syscalls)
	for i := range d.Syscalls {
		r := &d.Syscalls[i]
		r.Names, r.Args = orNil(r.Names), orNil(r.Args)
		r.Includes, r.Excludes = r.Includes.tidy(), r.Excludes.tidy()
	}
}

// tidy returns the gate without empty lists, or nil if it has no condition.
func (g *docGate) tidy() *docGate {
	if g == nil || len(g.Caps) == 0 && len(g.Arches) == 0 && g.MinKernel == (Version{}) {
		return nil
	}
	return &docGate{Caps: orNil(g.Caps), Arches: orNil(g.Arches), MinKernel: g.MinKernel}
}

// orNil returns the list, or nil if it is empty.
func orNil[L ~[]E, E any](list L) L {
	if len(list) == 0 {
		return nil
	}
	return list
}
