package seccomp

import (
	"fmt"
	"slices"
	"strings"
)

// scmpArches are the architectures as libseccomp and the OCI runtime
// specification name them.
var scmpArches = []string{
	"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K", "SCMP_ARCH_MIPS",
	"SCMP_ARCH_MIPS64", "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64",
	"SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_NATIVE", "SCMP_ARCH_PARISC", "SCMP_ARCH_PARISC64",
	"SCMP_ARCH_PPC", "SCMP_ARCH_PPC64", "SCMP_ARCH_PPC64LE", "SCMP_ARCH_RISCV64", "SCMP_ARCH_S390",
	"SCMP_ARCH_S390X", "SCMP_ARCH_SH", "SCMP_ARCH_SHEB", "SCMP_ARCH_X32", "SCMP_ARCH_X86",
	"SCMP_ARCH_X86_64",
}

// gateArches are the architectures as the conditions of Docker's profiles name
// them.
var gateArches = []string{
	"amd64", "arm", "arm64", "loong64", "loongarch64", "mips", "mips3l64n32", "mips64", "mips64n32",
	"mipsel", "mipsel64", "mipsel64n32", "mipsle", "ppc", "ppc64", "ppc64le", "riscv64", "s390",
	"s390x", "x32", "x86",
}

// operatorNames are in the order of the operators.
var operatorNames = []string{
	opEqual:          "SCMP_CMP_EQ",
	opNotEqual:       "SCMP_CMP_NE",
	opLess:           "SCMP_CMP_LT",
	opLessOrEqual:    "SCMP_CMP_LE",
	opGreater:        "SCMP_CMP_GT",
	opGreaterOrEqual: "SCMP_CMP_GE",
	opMaskedEqual:    "SCMP_CMP_MASKED_EQ",
}

// checkName makes sure that a value is one of the names.
func checkName(field, value string, names []string) error {
	if slices.Contains(names, value) {
		return nil
	}
	return &FieldError{Field: field, Value: value, Problem: "unknown; use one of " + strings.Join(names, ", ")}
}

func parseOperator(field, name string) (operator, error) {
	i := slices.Index(operatorNames, name)
	if i < 0 {
		return 0, checkName(field, name, operatorNames)
	}
	return operator(i), nil
}

// parseAction reads an action and its errno or, for a tracer, its message.
func parseAction(field, name, dataField string, data *uint32) (action, error) {
	act, maxData := action(0), uint32(0)
	switch name {
	case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD":
		act = actKillThread
	case "SCMP_ACT_KILL_PROCESS":
		act = actKillProcess
	case "SCMP_ACT_TRAP":
		act = actTrap
	case "SCMP_ACT_ERRNO":
		act, maxData = actErrno, maxErrno
	case "SCMP_ACT_TRACE":
		act, maxData = actTrace, maxTraceData
	case "SCMP_ACT_LOG":
		act = actLog
	case "SCMP_ACT_ALLOW":
		act = actAllow
	case "SCMP_ACT_NOTIFY":
		return 0, unsupported(field, name, "no listener can be served; use SCMP_ACT_ERRNO or SCMP_ACT_ALLOW")
	default:
		return 0, &FieldError{Field: field, Value: name, Problem: "unknown; use SCMP_ACT_ALLOW, LOG, TRACE, " +
			"ERRNO, TRAP, KILL_THREAD or KILL_PROCESS"}
	}
	switch {
	case data == nil && maxData > 0:
		return act | errnoPERM, nil
	case data == nil:
		return act, nil
	case maxData == 0:
		return 0, &FieldError{
			Field: dataField, Value: fmt.Sprint(*data), Problem: name + " takes none; leave it out",
		}
	case *data > maxData:
		return 0, &FieldError{
			Field: dataField, Value: fmt.Sprint(*data), Problem: fmt.Sprintf("use 0 to %d", maxData),
		}
	}
	return act | action(*data), nil
}

// parseFlags reads the flags. Without any list runc loads filters with
// SPEC_ALLOW, so that is the default here too.
func parseFlags(names []string) (Flags, error) {
	if names == nil {
		return FlagSpecAllow, nil
	}
	var flags Flags
	for i, name := range names {
		field := fmt.Sprintf("flags[%d]", i)
		switch name {
		case "SECCOMP_FILTER_FLAG_LOG":
			flags |= FlagLog
		case "SECCOMP_FILTER_FLAG_SPEC_ALLOW":
			flags |= FlagSpecAllow
		case "SECCOMP_FILTER_FLAG_TSYNC":
			// Nothing to do: the filter is loaded by a process of one thread.
		case "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV":
			return 0, unsupported(field, name, "it is for a listener, which cannot be served; leave it out")
		default:
			return 0, &FieldError{Field: field, Value: name, Problem: "unknown; use " +
				"SECCOMP_FILTER_FLAG_LOG, SECCOMP_FILTER_FLAG_SPEC_ALLOW or SECCOMP_FILTER_FLAG_TSYNC"}
		}
	}
	return flags, nil
}
