package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/internal/failure"
)

// Result is a result in every form that it can be printed in.
type Result struct {
	// Object is what json, yaml and the templates print.
	Object any
	// Names are what -q and -o name print.
	Names []Name
	// Text is printed as it is when no format is asked for; else the table is.
	Text         string
	Header, Wide []string // Wide are the further columns of -o wide
	Rows         [][]string
	NoTruncate   bool   // whether no cell is cut
	Footer       string // a line after the table, for people
	// Formats are the command's own formats, by name.
	Formats map[string]string
}

// Print writes v to stdout in the format asked for, whole or not at all.
func (e *Env) Print(v Result) error {
	text, err := v.Render(e.Global)
	if err != nil {
		return err
	}
	if _, err := e.Out.Write(text); err != nil {
		return fmt.Errorf("%w: %w", failure.ErrWrite, err)
	}
	return nil
}

// The formats that every command has: those of tables, and kubectl's. The text of
// kubeadm's "text" is that of no format at all.
var (
	tableFormats   = []string{"table", "wide"}
	kubectlFormats = []string{"name", "json", "yaml", "kyaml", "jsonpath=", "jsonpath-as-json=", "jsonpath-file=", "go-template=", "go-template-file="}
)

// PrintsTable says whether the format asked for is a table, where there is one.
func (o GlobalOptions) PrintsTable() bool {
	return !o.Quiet && slices.Contains([]string{"", "text", "table", "wide"}, o.Output)
}

// Render returns the result in the output format.
func (v Result) Render(o GlobalOptions) ([]byte, error) {
	if own, ok := v.Formats[o.Output]; ok {
		return []byte(own), nil
	}
	switch {
	case o.Quiet:
		return v.names(func(name Name) string { return escape.Text(name.Bare) }), nil
	case o.Output == "name":
		return v.names(func(name Name) string { return escape.Text(name.full()) }), nil
	case o.PrintsTable():
		if v.Header == nil || v.Text != "" && !slices.Contains(tableFormats, o.Output) {
			return []byte(v.Text), nil
		}
		return v.table(o.Output == "wide")
	case o.Output == "json": // in the order of the contract, not of kubectl's printer
		text, err := json.MarshalIndent(v.Object, "", "    ")
		return escape.JSON(append(text, '\n')), err
	}
	return o.Document(v.Object)
}

// checkFormat returns an error when there is no such format, or it is a template
// that does not parse, so that no command does something and then cannot say what.
// own are the command's own formats.
func (o GlobalOptions) checkFormat(own []string) error {
	known := o.Output == "" || o.Output == "text" || slices.Contains(slices.Concat(own, tableFormats), o.Output)
	_, err := o.printer()
	switch {
	case !known && genericclioptions.IsNoCompatiblePrinterError(err):
		return fmt.Errorf("there is no output format %q: there are %s", o.Output, formatList(own))
	case !known && err != nil:
		return err
	case o.Quiet && o.Output != "":
		return fmt.Errorf("--quiet prints bare names only, so it does not go with -o %s", o.Output)
	}
	return nil
}

// formatList names the formats of every command, and a command's own.
func formatList(own []string) string {
	return strings.ReplaceAll(strings.Join(slices.Concat(tableFormats, kubectlFormats, own), ", "), "=", "=...")
}

// printer returns kubectl's printer for the format asked for.
func (o GlobalOptions) printer() (printers.ResourcePrinter, error) {
	flags := genericclioptions.NewPrintFlags("").WithDefaultOutput(o.Output)
	flags.JSONYamlPrintFlags.ShowManagedFields = true // no document of bootctl's has such fields
	*flags.TemplatePrinterFlags.AllowMissingKeys = o.allowMissingKeys
	return flags.ToPrinter()
}

// Document prints objects of the contract, or of Kubernetes, with kubectl's printer.
// Where that writes JSON or YAML, what comes from a server is written in the escapes of
// these; everything else is text, so that every string is escaped before.
func (o GlobalOptions) Document(objects ...any) ([]byte, error) {
	printer, err := o.printer()
	if err != nil {
		return nil, err
	}
	before, after := escape.Text, func(text []byte) []byte { return text }
	switch kind, _, _ := strings.Cut(o.Output, "="); kind {
	case "jsonpath-as-json":
		before, after = func(s string) string { return s }, escape.JSON
	case "yaml", "kyaml":
		before, after = escape.MarkYAML, escape.UnmarkYAML
	}
	var out bytes.Buffer
	for _, object := range objects {
		content, err := toUnstructured(object)
		if err != nil {
			return nil, err
		}
		mapStrings(content.Object, before)
		if template, ok := printer.(*printers.JSONPathPrinter); ok { // whose own error repeats the whole object
			err = template.Execute(&out, content.Object)
		} else {
			err = printer.PrintObj(content, &out)
		}
		if err != nil {
			return nil, &failure.TemplateError{Err: err}
		}
	}
	return after(out.Bytes()), nil
}

// toUnstructured returns an object as kubectl's printers take it.
func toUnstructured(object any) (*unstructured.Unstructured, error) {
	encoded, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	content := new(unstructured.Unstructured)
	return content, content.UnmarshalJSON(encoded) // whole numbers stay whole
}

// mapStrings changes every string in a document, but not the names of its fields.
func mapStrings(value any, change func(string) string) any {
	switch v := value.(type) {
	case string:
		return change(v)
	case []any:
		for i := range v {
			v[i] = mapStrings(v[i], change)
		}
	case map[string]any:
		for key := range v {
			v[key] = mapStrings(v[key], change)
		}
	}
	return value
}

// names prints the names in one of their forms, one a line; those that are empty in it
// are left out.
func (v Result) names(form func(Name) string) []byte {
	var out bytes.Buffer
	for _, name := range v.Names {
		if text := form(name); text != "" {
			fmt.Fprintln(&out, text)
		}
	}
	return out.Bytes()
}
