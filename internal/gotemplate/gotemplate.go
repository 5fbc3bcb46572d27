// Package gotemplate is replaced by an evaluator of its own.
package gotemplate

import (
	"io"
	"text/template"
)

// Execute prints data through the template.
func Execute(w io.Writer, text string, data any) error {
	t, err := template.New("").Parse(text)
	if err != nil {
		return err
	}
	return t.Execute(w, data)
}
