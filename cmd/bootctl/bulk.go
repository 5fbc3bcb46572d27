package main

import (
	"fmt"

	"github.com/bootctl/bootctl/internal/output"
	"github.com/bootctl/bootctl/pkg/token"
)

// bulk does one thing to each name, all of them whatever becomes of the others,
// prints what became of each, and returns an error when any failed.
func (e *env) bulk(names []string, done string, do func(name string) error) error {
	list := output.ResultList{Meta: output.Kind("ResultList"), Items: []output.Result{}}
	v := view{header: []string{"NAME", "RESULT", "REASON"}}
	failed := &bulkError{total: len(names)}
	for _, name := range names {
		shown := token.Redact(name)
		item := output.Result{Name: shown, Result: done}
		if err := do(name); err != nil {
			entry := classify(err)
			item = output.Result{Name: shown, Result: "failed", Code: entry.code, Reason: entry.reason, Message: token.Redact(err.Error())}
			failed.errs = append(failed.errs, err)
		} else {
			v.names = append(v.names, shown)
		}
		list.Items = append(list.Items, item)
		v.rows = append(v.rows, []string{shown, item.Result, item.Reason})
	}
	v.object = list
	if err := e.print(v); err != nil {
		return err
	}
	switch len(failed.errs) {
	case 0:
		return nil
	case 1:
		return failed.errs[0]
	}
	for _, err := range failed.errs {
		e.warn(err.Error())
	}
	return failed
}

// bulkError is what remains of several failures.
type bulkError struct {
	errs  []error
	total int
}

func (b *bulkError) Error() string {
	return fmt.Sprintf("%d of %d could not be done", len(b.errs), b.total)
}

// entry is the row that all the failures share, else one of code 1.
func (b *bulkError) entry() exitEntry {
	shared := classify(b.errs[0])
	for _, err := range b.errs[1:] {
		if entry := classify(err); entry.code != shared.code {
			return entryOf(errSeveral)
		}
	}
	return shared
}
