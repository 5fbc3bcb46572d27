package failure

import (
	"cmp"
	"errors"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// Failure is what bootctl reports about an error.
type Failure struct {
	// Reason is a stable reason code, such as PinMismatch.
	Reason string
	// Exit is the exit code of a command that fails with the error.
	Exit int
	// Retry means that the same command can succeed later, because time or the network
	// can fix the cause; otherwise, someone must change something.
	Retry bool
	// Hint is what an administrator should do, and NodeHint what a person at a node
	// without an administrator's credentials should do; empty if the error is clear
	// without it.
	Hint, NodeHint string
}

// row is an entry of the table.
type row struct {
	reason string
	exit   int
	retry  bool // see Failure
	when   condition
	// hint is for an administrator and node for a person at a node; "" if it is the same.
	// The name in the error replaces NAME, NODE or ID, and the API server's address in it
	// HOST:PORT or HOST. Other placeholders are values that the error does not have.
	hint, node string
	// fill returns a hint for the particular error, empty if the row's hints apply; nil if
	// they always do.
	fill func(error) string
	// yields marks a row that counts only if the error wraps no other error with a row.
	yields bool
}

// unknown is for errors without a row.
var unknown = row{reason: "Error", exit: ExitError}

// All returns the failures of the table, with placeholders in the hints.
func All() []Failure {
	var all []Failure
	for _, r := range append(slices.Clone(table), unknown) {
		all = append(all, r.failure(nil))
	}
	return all
}

// Of returns what bootctl reports about err, which is not nil. For a *BulkError it is the
// first failure if all failures have the same exit code.
func Of(err error) Failure {
	if bulk, ok := errors.AsType[*BulkError](err); ok {
		return bulk.failure()
	}
	return rowOf(err).failure(err)
}

// rowOf returns the row of the outermost error in the tree of err that has a row.
func rowOf(err error) row {
	found := unknown
	for _, e := range tree(err) {
		i := slices.IndexFunc(table, func(r row) bool { return r.begins(e) })
		switch {
		case i < 0:
		case !table[i].yields:
			return table[i]
		case found.reason == unknown.reason:
			found = table[i]
		}
	}
	return found
}

// begins reports whether the row applies to err itself, not to an error that it wraps.
func (r row) begins(err error) bool {
	return r.when(err) && !slices.ContainsFunc(wrapped(err), r.when)
}

// tree returns err and all errors that it wraps, the outermost first.
func tree(err error) []error {
	found := []error{err}
	for _, cause := range wrapped(err) {
		found = append(found, tree(cause)...)
	}
	return found
}

// wrapped returns the errors that err wraps directly.
func wrapped(err error) []error {
	if cause := errors.Unwrap(err); cause != nil {
		return []error{cause}
	}
	joined, _ := any(err).(interface{ Unwrap() []error })
	if joined == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(joined.Unwrap()), func(cause error) bool { return cause == nil })
}

// failure returns what the row reports about err, or about no particular error if err is
// nil.
func (r row) failure(err error) Failure {
	f := Failure{Reason: r.reason, Exit: r.exit, Retry: r.retry, Hint: r.hint, NodeHint: r.node}
	if err != nil && r.fill != nil {
		if filled := r.fill(err); filled != "" {
			f.Hint, f.NodeHint = filled, ""
		}
	}
	f.Hint, f.NodeHint = fillNames(f.Hint, err), fillNames(f.NodeHint, err)
	f.NodeHint = cmp.Or(f.NodeHint, f.Hint)
	return f
}

// fillNames replaces the placeholders in a hint with what the error has.
func fillNames(hint string, err error) string {
	if name := escape.ShellQuote(nameIn(err)); name != "" {
		hint = placeholders.ReplaceAllLiteralString(hint, name)
	}
	if address := escape.ShellQuote(kubeclient.Address(err)); address != "" {
		host, _, _ := net.SplitHostPort(kubeclient.Address(err))
		hint = strings.NewReplacer("HOST:PORT", address, "HOST", cmp.Or(host, address)).Replace(hint)
	}
	return hint
}

// placeholders are those for the name in an error.
var placeholders = regexp.MustCompile(`\b(NAME|NODE|ID)\b`)
