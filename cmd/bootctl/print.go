package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/bootctl/bootctl/internal/safe"
)

// view is a result in every form that it can be printed in.
type view struct {
	// object is what json, yaml, jsonpath and go-template print.
	object any
	// names are what -o name prints.
	names []string
	// text is printed as it is when no format is asked for; else table is.
	text         string
	header, wide []string // wide are the further columns of -o wide
	rows         [][]string
	// formats are the command's own formats, by name.
	formats map[string]string
}

// formatError is a format that cannot be printed.
type formatError struct{ err error }

func (f formatError) Error() string { return f.err.Error() }

// print writes v to stdout in the format asked for, whole or not at all.
func (e *env) print(v view) error {
	format := e.global.output
	if e.global.quiet {
		format = "name"
	}
	text, err := v.render(format)
	if err != nil {
		return err
	}
	if _, err := e.Out.Write(text); err != nil {
		return fmt.Errorf("%w: %w", errWrite, err)
	}
	return nil
}

func (v view) render(format string) ([]byte, error) {
	kind, argument, _ := strings.Cut(format, "=")
	if own, ok := v.formats[format]; ok {
		return []byte(own), nil
	}
	switch kind {
	case "":
		if v.text != "" {
			return []byte(v.text), nil
		}
		return v.table(false)
	case "table", "wide":
		return v.table(kind == "wide")
	case "name":
		var out bytes.Buffer
		for _, name := range v.names {
			fmt.Fprintln(&out, safe.Text(name))
		}
		return out.Bytes(), nil
	case "json", "yaml":
		return v.document(kind)
	case "jsonpath", "go-template":
		return v.template(kind, argument)
	}
	return nil, formatError{fmt.Errorf("there is no output format %q here", format)}
}

func (v view) document(format string) ([]byte, error) {
	encoded, err := json.MarshalIndent(v.object, "", "  ")
	if err != nil {
		return nil, err
	}
	if format == "yaml" {
		return safe.YAML(encoded)
	}
	return append(safe.JSON(encoded), '\n'), nil
}

// template prints with cli-runtime's printers, over an object whose every
// string is escaped, since what comes out is text.
func (v view) template(format, argument string) ([]byte, error) {
	encoded, err := json.Marshal(v.object)
	if err != nil {
		return nil, err
	}
	object := &unstructured.Unstructured{}
	if err := json.Unmarshal(encoded, &object.Object); err != nil {
		return nil, err
	}
	object.Object, _ = escaped(object.Object).(map[string]any)
	var printer printers.ResourcePrinter
	if format == "jsonpath" {
		printer, err = printers.NewJSONPathPrinter(argument)
	} else {
		printer, err = printers.NewGoTemplatePrinter([]byte(argument))
	}
	if err != nil {
		return nil, formatError{err}
	}
	var out bytes.Buffer
	if err := printer.PrintObj(object, &out); err != nil {
		return nil, formatError{err}
	}
	return append(bytes.TrimRight(out.Bytes(), "\n"), '\n'), nil
}

func escaped(value any) any {
	switch v := value.(type) {
	case string:
		return safe.Text(v)
	case []any:
		for i := range v {
			v[i] = escaped(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = escaped(v[key])
		}
	}
	return value
}

// table prints the rows in columns as wide as they need to be.
func (v view) table(wide bool) ([]byte, error) {
	if v.header == nil {
		return []byte(v.text), nil
	}
	columns := len(v.header)
	header := v.header
	if wide {
		header = append(header[:columns:columns], v.wide...)
	}
	var out bytes.Buffer
	table := tablewriter.NewTable(&out,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone, Symbols: tw.NewSymbols(tw.StyleNone),
			Settings: tw.Settings{Separators: tw.SeparatorsNone, Lines: tw.LinesNone},
		})),
		tablewriter.WithHeaderAutoFormat(tw.Off), tablewriter.WithTrimSpace(tw.Off),
		tablewriter.WithHeaderAlignment(tw.AlignLeft), tablewriter.WithRowAlignment(tw.AlignLeft),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone), tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithPadding(tw.Padding{Right: "   ", Overwrite: true}),
	)
	table.Header(header)
	for _, row := range v.rows {
		cells := make([]string, len(header))
		for i := range cells {
			if cells[i] = safe.Text(row[i]); cells[i] == "" {
				cells[i] = "-"
			}
		}
		if err := table.Append(cells); err != nil {
			return nil, err
		}
	}
	if err := table.Render(); err != nil {
		return nil, err
	}
	lines := strings.Split(out.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return []byte(strings.Join(lines, "\n")), nil
}
