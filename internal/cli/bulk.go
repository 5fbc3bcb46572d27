package cli

import (
	"cmp"
	"fmt"

	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// Outcome is the result for one of several objects.
type Outcome struct {
	output.Result
	Err error
}

// PrintOutcomes prints the result for each object, and returns an error if any failed.
// named returns the name of an object in the forms in which it is printed.
func (e *Env) PrintOutcomes(outcomes []Outcome, named func(name string) Name) error {
	list := output.ResultList{Meta: output.Kind("ResultList"), Items: []output.Result{}}
	v := Result{Header: []string{"NAME", "RESULT", "REASON"}, Wide: []string{"MESSAGE"}}
	failed := &failure.BulkError{Total: len(outcomes)}
	for _, o := range outcomes {
		item := o.Result
		item.Name = e.Redact(item.Name)
		if o.Err != nil {
			f := failure.Of(o.Err)
			item.Result, item.Code, item.Reason = failedAs(o.Err, f.Exit), f.Exit, f.Reason
			item.Message = e.Redact(kubeclient.Message(o.Err))
			failed.Errs = append(failed.Errs, o.Err)
		} else {
			v.Names = append(v.Names, named(item.Name))
		}
		list.Items = append(list.Items, item)
		v.Rows = append(v.Rows, []string{item.Name, item.Result, item.Reason, item.Message})
	}
	v.Object = list
	if err := e.Print(v); err != nil {
		return fmt.Errorf("%w; the changes were made, but their results could not be printed", err)
	}
	return e.ReportFailures(failed)
}

// ReportFailures prints each of several failures, and returns one error for all of them;
// nil if there are none.
func (e *Env) ReportFailures(failed *failure.BulkError) error {
	switch len(failed.Errs) {
	case 0:
		return nil
	case 1:
		return failed.Errs[0]
	}
	select {
	case <-e.interrupt: // the interrupt made most of them fail
		return failed
	default:
	}
	for _, err := range failed.Errs {
		e.Warn(kubeclient.Message(err))
	}
	return failed
}

// failedAs returns the result, in one word, for an object that failed.
func failedAs(err error, exit int) string {
	switch {
	case exit == failure.ExitRefused:
		return "refused"
	case kubeclient.IsTransient(err):
		return "skipped"
	}
	return "failed"
}

// JoinErrors returns one error of two, either of which may be nil.
func JoinErrors(first, second error) error {
	if first == nil || second == nil {
		return cmp.Or(first, second)
	}
	return fmt.Errorf("%w; %w", first, second)
}
