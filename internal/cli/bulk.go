package main

import (
	"fmt"

	"github.com/bootctl/bootctl/internal/apiclient"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/token"
)

// outcome is what became of one of several objects.
type outcome struct {
	output.Result
	err error
}

// printOutcomes prints what became of each object, and returns an error when any
// failed. named returns the name of an object in the forms that it is printed in.
func (e *env) printOutcomes(outcomes []outcome, named func(name string) reference) error {
	list := output.ResultList{Meta: output.Kind("ResultList"), Items: []output.Result{}}
	v := view{header: []string{"NAME", "RESULT", "REASON"}, wide: []string{"MESSAGE"}}
	failed := &failure.BulkError{Total: len(outcomes)}
	for _, o := range outcomes {
		item := o.Result
		item.Name = token.Redact(item.Name)
		if o.err != nil {
			f := failure.Of(o.err)
			item.Result, item.Code, item.Reason = failedAs(o.err, f.Exit), f.Exit, f.Reason
			item.Message = token.Redact(o.err.Error())
			failed.Errs = append(failed.Errs, o.err)
		} else {
			v.names = append(v.names, named(item.Name))
		}
		list.Items = append(list.Items, item)
		v.rows = append(v.rows, []string{item.Name, item.Result, item.Reason, item.Message})
	}
	v.object = list
	if err := e.print(v); err != nil {
		return fmt.Errorf("%w; what could be done was done", err)
	}
	return e.failures(failed)
}

// failures tells of each of several failures, and returns what remains of them:
// nil when there are none.
func (e *env) failures(failed *failure.BulkError) error {
	switch len(failed.Errs) {
	case 0:
		return nil
	case 1:
		return failed.Errs[0]
	}
	select {
	case <-e.interrupt: // which is why most of them failed
		return failed
	default:
	}
	for _, err := range failed.Errs {
		e.warn(err.Error())
	}
	return failed
}

// failedAs says in a word what an error of one object means for it.
func failedAs(err error, exit int) string {
	switch {
	case exit == failure.ExitRefused:
		return "refused"
	case apiclient.IsTransient(err):
		return "skipped"
	}
	return "failed"
}

// both returns one error of two, either of which may be nil.
func both(first, second error) error {
	switch {
	case first == nil:
		return second
	case second == nil:
		return first
	}
	return fmt.Errorf("%w; %w", first, second)
}
