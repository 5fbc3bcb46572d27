package failure

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bootctl/bootctl/internal/durable"
	"github.com/bootctl/bootctl/internal/testhint"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/join"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	bootstraptoken "github.com/bootctl/bootctl/pkg/token"
)

// wrappings are the ways in which errors are wrapped between their cause and Of.
func wrappings() map[string]func(error) error {
	return map[string]func(error) error{
		"bare":          func(err error) error { return err },
		"text":          func(err error) error { return fmt.Errorf("get x: %w", err) },
		"text after it": func(err error) error { return fmt.Errorf("%w; other operations succeeded", err) },
		"joined":        func(err error) error { return errors.Join(err, nil) },
		"with cleanup":  func(err error) error { return errors.Join(err, errors.New("close failed")) },
		"deadline":      func(err error) error { return &kubeclient.DeadlineError{Last: err} },
		"request":       func(err error) error { return &csr.RequestError{Name: "x", Err: err} },
		"endpoint": func(err error) error {
			return discovery.EndpointErrors{fmt.Errorf("192.0.2.1:6443: %w", err), fmt.Errorf("192.0.2.2:6443: %w", dialError())}
		},
	}
}

// rowsOf returns the reason codes of all rows that apply to err itself.
func rowsOf(err error) []string {
	var reasons []string
	for _, r := range table {
		if r.begins(err) {
			reasons = append(reasons, r.reason)
		}
	}
	return reasons
}

// No error has two rows, so their order does not matter, and wrapping changes no reason
// code.
func TestTable_OneRowForEachError(t *testing.T) {
	for _, s := range samples() {
		for name, wrap := range wrappings() {
			if (name == "deadline" || name == "endpoint") && s.reason == unknown.reason {
				continue // the deadline, or the other endpoint, has a row
			}
			t.Run(s.reason+"/"+name, func(t *testing.T) {
				err := wrap(s.err)
				if got := Of(err).Reason; got != s.reason {
					t.Errorf("%v: reason code %s, want %s", err, got, s.reason)
				}
				for _, e := range tree(err) {
					if rows := rowsOf(e); len(rows) > 1 {
						t.Errorf("%#v has the rows %q", e, rows)
					}
				}
			})
		}
	}
}

// The reversed table has the same results.
func TestTable_OrderDoesNotMatter(t *testing.T) {
	before := map[string]Failure{}
	for i, s := range samples() {
		before[fmt.Sprint(i)] = Of(s.err)
	}
	slices.Reverse(table)
	defer slices.Reverse(table)
	for i, s := range samples() {
		if got, want := Of(s.err), before[fmt.Sprint(i)]; got != want {
			t.Errorf("%v: %+v, want %+v", s.err, got, want)
		}
	}
}

// Every sentinel and error type that the module exports to commands has a sample, so that
// a new one is not forgotten.
func TestSamples_HaveEverySentinel(t *testing.T) {
	known := map[string]bool{}
	for _, s := range samples() {
		known[s.source] = true
	}
	declared := 0
	dirs, err := filepath.Glob("../../pkg/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range append(dirs, ".", "../durable", "../lab") {
		for _, name := range exportedErrors(t, dir) {
			declared++
			if !known[name] {
				t.Errorf("%s has no sample", name)
			}
		}
	}
	if declared < 70 {
		t.Errorf("found %d errors", declared)
	}
}

// exportedErrors returns the sentinels and error types that the package in dir exports.
func exportedErrors(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	isError := regexp.MustCompile(`^(Err[A-Z]\w*|[A-Z]\w*Errors?)$`)
	var names []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range parsed.Decls {
			general, ok := declaration.(*ast.GenDecl)
			if !ok || general.Tok != token.VAR && general.Tok != token.TYPE {
				continue
			}
			for _, spec := range general.Specs {
				var idents []*ast.Ident
				switch spec := spec.(type) {
				case *ast.ValueSpec:
					idents = spec.Names
				case *ast.TypeSpec:
					idents = []*ast.Ident{spec.Name}
				}
				for _, ident := range idents {
					if name := parsed.Name.Name + "." + ident.Name; isError.MatchString(ident.Name) && !slices.Contains(names, name) {
						names = append(names, name)
					}
				}
			}
		}
	}
	return names
}

// Each reason code has one row, a documented exit code, and a sample.
func TestTable_IsComplete(t *testing.T) {
	reasons := map[string]int{}
	for _, s := range samples() {
		reasons[s.reason] = 0
	}
	for _, f := range All() {
		if _, hasSample := reasons[f.Reason]; !hasSample {
			t.Errorf("%s has no sample", f.Reason)
		}
		if reasons[f.Reason]++; reasons[f.Reason] > 1 {
			t.Errorf("%s has two rows", f.Reason)
		}
		if !slices.ContainsFunc(ExitCodes, func(e ExitCode) bool { return e.Code == f.Exit }) {
			t.Errorf("%s has the exit code %d", f.Reason, f.Exit)
		}
		if waited := f.Exit == ExitTimeout || f.Exit == ExitUnreachable; waited && !f.Retry || f.Exit == ExitUsage && f.Retry {
			t.Errorf("%s with the exit code %d: retry %v", f.Reason, f.Exit, f.Retry)
		}
		for _, hint := range []string{f.Hint, f.NodeHint} {
			if strings.HasSuffix(hint, ".") || strings.Contains(hint, "\n") || strings.Contains(hint, "its name") {
				t.Errorf("%s has the hint %q", f.Reason, hint)
			}
		}
	}
}

// A retry of a command for several objects can help if it can help each of them.
func TestOf_BulkRetry(t *testing.T) {
	for _, test := range []struct {
		errs []error
		want bool
	}{
		{[]error{clusterinfo.ErrNoSigningToken, discovery.ErrChanged}, true},
		{[]error{discovery.ErrChanged, clusterinfo.ErrPinMismatch}, false},
		{[]error{clusterinfo.ErrPinMismatch, discovery.ErrChanged}, false},
	} {
		if got := Of(&BulkError{Errs: test.errs}); got.Retry != test.want || got.Exit != ExitNotVerified {
			t.Errorf("%v: %+v, want retry %v", test.errs, got, test.want)
		}
	}
}

// Every hint contains a complete command, for an administrator and for a node, unless there
// is none for the reason below.
func TestTable_HintsHaveCommands(t *testing.T) {
	const sameCommand = "the command that failed, whose arguments the hint does not repeat because they may be secret"
	noCommand := map[string]string{
		"Interrupted": "the user ended the command", "Terminated": "the user ended the command",
		"ConfirmationRequired": sameCommand, "Conflict": sameCommand,
		"SeveralFailures": "each failure has its own warning",
		"Template":        "the command succeeded, and running it again can change the cluster again",
		"Unsupported":     "no command helps on this system",
		"RefusedByServer": "only the API server's message states what is wrong",
		"InvalidKey":      "the fix is another file", "InvalidNodeName": "the fix is another name",
		"LocalFile": "the message names the file and its error",
		"Error":     "the error is unknown",
	}
	for _, f := range All() {
		why, exempt := noCommand[f.Reason]
		for _, hint := range []string{f.Hint, f.NodeHint} {
			if testhint.HasCommand(hint) == exempt {
				t.Errorf("%s (exempt because %s): hint %q", f.Reason, why, hint)
			}
		}
		delete(noCommand, f.Reason)
	}
	if len(noCommand) > 0 {
		t.Errorf("the table has no %v", noCommand)
	}
}

// Hints contain the names in errors, quoted for a shell.
func TestOf_FillsHints(t *testing.T) {
	tests := []struct {
		name       string
		err        error
		hint, node string
	}{
		{"usage of the command", Usagef("x"), "see: bootctl COMMAND --help", ""},
		{"usage of another command", &UsageError{errors.New("x"), "bootctl join"}, "see: bootctl join --help", ""},
		{"not confirmed", ErrConfirmationRequired, "run the same command again with --yes to skip the prompt; nothing was changed", ""},
		{"no terminal", &ConfirmationError{"bootctl csr approve --pending --yes"}, "confirm with --yes: bootctl csr approve --pending --yes", ""},
		{"pending", &kubeclient.DeadlineError{Last: &csr.RequestError{Name: "node-csr-1", Err: csr.ErrPending}},
			"approve the CSR: bootctl csr approve node-csr-1", "ask an administrator to run bootctl csr approve node-csr-1, then run the same command again"},
		{"no name", csr.ErrPending,
			"approve the CSR: bootctl csr approve NAME", "ask an administrator to run bootctl csr approve NAME, then run the same command again"},
		{"denied", &csr.RequestError{Name: "a b", Err: csr.ErrDenied}, "delete the CSR so that the requester can submit it again: bootctl csr delete 'a b'",
			"ask an administrator to run bootctl csr delete 'a b', then run the same command again; or use another key: bootctl join --new-key"},
		{"a name that cannot be quoted", &csr.RequestError{Name: "a\x1b", Err: csr.ErrDenied}, "delete the CSR so that the requester can submit it again: bootctl csr delete NAME",
			"ask an administrator to run bootctl csr delete NAME, then run the same command again; or use another key: bootctl join --new-key"},
		{"still pending", &csr.RequestError{Name: "x", Err: approval.ErrUndecided}, "deny the CSR first: bootctl csr deny x --reason NotNeeded", ""},
		{"conflicting", &approval.ConflictError{Name: "x", NodeName: "w1"}, "compare the fingerprints with the node's, then approve its CSR: bootctl csr approve --node w1 --fingerprint FINGERPRINT", ""},
		{"violation", &approval.PolicyViolationError{Name: "x", Violations: []approval.RuleResult{{Rule: "node", Overridable: true}}}, "review the CSR before overriding these rules with --force: bootctl csr review x", ""},
		{"violation of another signer", &approval.PolicyViolationError{Name: "x", Violations: []approval.RuleResult{{Rule: "signer", Overridable: true}}},
			"review the CSR by the rules of its signer, then approve it with --signer: bootctl csr review x", ""},
		{"violation that cannot be overridden", &approval.PolicyViolationError{Name: "x", Violations: []approval.RuleResult{{Rule: "signer", Overridable: true}, {Rule: "node"}}},
			"deny the CSR, since these rules cannot be overridden: bootctl csr deny x --reason PolicyViolation", ""},
		{"permission", &fs.PathError{Op: "open", Path: "x", Err: fs.ErrPermission},
			"run the command as a user with that permission; bootctl join needs root only to write to /, not with --out-dir or --rootfs", ""},
		{"owner", durable.ErrForeignOwner, "run the command as the owner of these files, such as root, or move the file away", ""},
		{"pin of another cluster", clusterinfo.ErrPinMismatch, "compare the pin with the cluster's: bootctl cluster-info pin",
			"ask an administrator for the current pin, because this is a different cluster or a possible man-in-the-middle: bootctl cluster-info pin"},
		{"pin that node credentials do not have", &join.PinMismatchError{Err: clusterinfo.ErrPinMismatch},
			"ask an administrator for the current pin (bootctl cluster-info pin); if the cluster was created again, replace the node credentials: bootctl join --force", ""},
		{"another file error", &fs.PathError{Op: "open", Path: "x", Err: fs.ErrNotExist}, "", ""},
		{"forbidden", rbacDenial(), "run the command as a cluster administrator, or grant the permission that the error names; to list your permissions, run: kubectl auth can-i --list", "ask an administrator to run: bootctl setup"},
		{"token", &bootstraptoken.IDError{ID: "abcdef", Err: bootstraptoken.ErrExists}, "omit TOKEN to generate one, or delete it first: bootctl token delete abcdef", ""},
		{"token at a node", discovery.EndpointErrors{&bootstraptoken.IDError{ID: "abcdef", Err: discovery.ErrTokenRejected}},
			"see why the API server rejects the token: bootctl token check abcdef", "ask an administrator to run: bootctl token check abcdef"},
		{"address", fmt.Errorf("192.0.2.1:6443: %w", dialError()), "check the address in the kubeconfig, the API server, and any proxy in between: kubectl config view --minify",
			"check the address, the API server, and any proxy in between: bootctl doctor --endpoint 192.0.2.1:6443"},
		{"host", inRequest(&kubeclient.ProxyError{}), `connect to the API server without a proxy: export NO_PROXY="$NO_PROXY,192.0.2.1"`,
			`connect without a proxy: bootctl join --no-proxy; or: export NO_PROXY="$NO_PROXY,192.0.2.1"`},
		{"no address", kubeclient.ErrNotAPIServer, "see what answers at this address, such as a proxy or a login page: curl -ki https://HOST:PORT/version", ""},
		{"download", &url.Error{Op: "Download", URL: "https://192.0.2.1/file", Err: kubeclient.ErrRedirect},
			"compare the URL with the one that the administrator gave you, and check any proxy in between", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.node == "" {
				test.node = test.hint
			}
			if got := Of(test.err); got.Hint != test.hint || got.NodeHint != test.node {
				t.Errorf("hint %q, node hint %q, want %q and %q", got.Hint, got.NodeHint, test.hint, test.node)
			}
		})
	}
}
