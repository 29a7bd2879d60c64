// Package sandboxtest is for tests that run programs in sandboxes.
//
//	func TestReport(t *testing.T) {
//		t.Parallel()
//		out := sandboxtest.Output(t,
//			sandbox.WithMount(fs.BindRO(reportProgram, "/run/report")),
//			sandbox.WithCommand("/run/report", "-short"),
//		)
//		if out != "3 of 3\n" {
//			t.Errorf("report says %q", out)
//		}
//	}
//
// A sandbox ends with its test. When the test has failed, its log has what the
// programs wrote, how the sandbox ended, and what was in force. Where the host
// cannot run sandboxes the test is skipped, with the reason; where it must be
// able to, as in CI, set the environment variable [RequireEnv] and it fails.
//
// Nothing is shared between tests: all functions can be used with t.Parallel.
package sandboxtest
