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

// Result is the result of a command in every output format.
type Result struct {
	// Object is printed by json, yaml and the templates.
	Object any
	// Names are printed by -q and -o name.
	Names []Name
	// Text is printed if no format is requested; if it is empty, the table is.
	Text         string
	Header, Wide []string // Wide are the additional columns of -o wide
	Rows         [][]string
	NoTruncate   bool   // whether no cell is cut
	Footer       string // a line after the table, for people
	// Formats are the command's own formats, by name.
	Formats map[string]string
}

// Print writes v to stdout in the requested format.
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

// The formats of every command: those of tables, and kubectl's. kubeadm's "text" is the
// default format.
var (
	tableFormats   = []string{"table", "wide"}
	kubectlFormats = []string{"name", "json", "yaml", "kyaml", "jsonpath=", "jsonpath-as-json=", "jsonpath-file=", "go-template=", "go-template-file="}
)

// PrintsTable reports whether the requested format is a table.
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
	case o.Output == "json": // kubectl's printer would sort the fields
		text, err := json.MarshalIndent(v.Object, "", "    ")
		return escape.JSON(append(text, '\n')), err
	}
	return o.Document(v.Object)
}

// checkFormat returns an error if the format is unknown or is a template that does not
// parse, before the command changes anything. own are the command's own formats.
func (o GlobalOptions) checkFormat(own []string) error {
	known := o.Output == "" || o.Output == "text" || slices.Contains(slices.Concat(own, tableFormats), o.Output)
	_, err := o.printer()
	switch {
	case !known && genericclioptions.IsNoCompatiblePrinterError(err):
		return fmt.Errorf("unknown output format %q; supported formats: %s", o.Output, formatList(own))
	case !known && err != nil:
		return err
	case o.Quiet && o.Output != "":
		return fmt.Errorf("--quiet and -o %s cannot be used together", o.Output)
	}
	return nil
}

// formatList lists the formats of every command and a command's own.
func formatList(own []string) string {
	return strings.ReplaceAll(strings.Join(slices.Concat(tableFormats, kubectlFormats, own), ", "), "=", "=...")
}

// printer returns kubectl's printer for the requested format.
func (o GlobalOptions) printer() (printers.ResourcePrinter, error) {
	flags := genericclioptions.NewPrintFlags("").WithDefaultOutput(o.Output)
	flags.JSONYamlPrintFlags.ShowManagedFields = true // bootctl's documents have no managed fields
	*flags.TemplatePrinterFlags.AllowMissingKeys = o.allowMissingKeys
	return flags.ToPrinter()
}

// Document prints objects of the contract, or of Kubernetes, with kubectl's printer. In
// JSON and YAML, control characters in strings become escapes of the format. In text
// formats, strings are escaped before the template is evaluated.
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

// names prints the names in one of their forms, one per line, without empty ones.
func (v Result) names(form func(Name) string) []byte {
	var out bytes.Buffer
	for _, name := range v.Names {
		if text := form(name); text != "" {
			fmt.Fprintln(&out, text)
		}
	}
	return out.Bytes()
}
