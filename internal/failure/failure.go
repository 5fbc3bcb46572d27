package failure

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/bootctl/bootctl/internal/escape"
)

// Failure is what bootctl reports of an error.
type Failure struct {
	// Reason is a stable reason code, such as PinMismatch.
	Reason string
	// Exit is the exit code of a command that fails with the error.
	Exit int
	// Hint is what an administrator does about it, and NodeHint what someone does who
	// is at a node and has no administrator's credentials; empty where the error says
	// it all.
	Hint, NodeHint string
}

// row is an entry of the table.
type row struct {
	reason string
	exit   int
	when   condition
	// hint is for an administrator and node for someone at a node, "" where it is the
	// same. The name that the error has replaces NAME or NODE; ID and the like stand for
	// what it does not say.
	hint, node string
	// fill returns the hint with what the error says, empty where that of the row fits; nil
	// where it always does.
	fill func(error) string
	// yields marks a row that counts only where the error wraps no other that has one.
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

// Of returns what bootctl reports of err, which is not nil. For a *BulkError it is the
// first of several failures where all have the same exit code.
func Of(err error) Failure {
	if bulk, ok := errors.AsType[*BulkError](err); ok {
		return bulk.failure()
	}
	return rowOf(err).failure(err)
}

// rowOf returns the row of the outermost error in the tree of err that has one.
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

// begins reports whether the row is for err itself, not for an error that it wraps.
func (r row) begins(err error) bool {
	return r.when(err) && !slices.ContainsFunc(wrapped(err), r.when)
}

// tree returns err and the errors that it wraps, the outermost first.
func tree(err error) []error {
	found := []error{err}
	for _, cause := range wrapped(err) {
		found = append(found, tree(cause)...)
	}
	return found
}

// wrapped returns the errors that err wraps.
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

// failure returns what the row says of err, or of no particular error where that is
// nil.
func (r row) failure(err error) Failure {
	f := Failure{Reason: r.reason, Exit: r.exit, Hint: r.hint, NodeHint: r.node}
	if err != nil && r.fill != nil {
		f.Hint = cmp.Or(r.fill(err), f.Hint)
	}
	if name := escape.ShellQuote(nameIn(err)); name != "" {
		named := strings.NewReplacer("NAME", name, "NODE", name)
		f.Hint, f.NodeHint = named.Replace(f.Hint), named.Replace(f.NodeHint)
	}
	f.NodeHint = cmp.Or(f.NodeHint, f.Hint)
	return f
}
