package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/internal/failure"
)

// Result is a result in every form that it can be printed in.
type Result struct {
	// object is what json, yaml and the templates print.
	Object any
	// names are what -q and -o name print.
	Names []Name
	// text is printed as it is when no format is asked for; else table is.
	Text         string
	Header, Wide []string // wide are the further columns of -o wide
	Rows         [][]string
	NoTruncate   bool   // whether no cell is cut
	Footer       string // a line after the table, for people
	// formats are the command's own formats, by name.
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
		return v.bareNames(), nil
	case o.Output == "" || o.Output == "text":
		if v.Text != "" || v.Header == nil {
			return []byte(v.Text), nil
		}
		return v.table(false)
	case slices.Contains(tableFormats, o.Output):
		if v.Header == nil {
			return []byte(v.Text), nil
		}
		return v.table(o.Output == "wide")
	case o.Output == "name":
		return v.fullNames()
	}
	if o.Output == "json" {
		return o.json(v.Object)
	}
	object, err := ToUnstructured(v.Object)
	if err != nil {
		return nil, err
	}
	return o.Document(object)
}

// checkFormat returns an error when there is no such format, or it is a template
// that does not parse, so that no command does something and then cannot say what.
// own are the command's own formats.
func (o GlobalOptions) checkFormat(own []string) error {
	if o.Output == "" || o.Output == "text" || slices.Contains(slices.Concat(own, tableFormats), o.Output) {
		return nil
	}
	_, err := o.printer()
	if !genericclioptions.IsNoCompatiblePrinterError(err) {
		return err
	}
	return fmt.Errorf("there is no output format %q: there are %s", o.Output,
		strings.ReplaceAll(strings.Join(slices.Concat(tableFormats, kubectlFormats, own), ", "), "=", "=..."))
}

// printer returns kubectl's printer for the format asked for.
func (o GlobalOptions) printer() (printers.ResourcePrinter, error) {
	flags := genericclioptions.NewPrintFlags("").WithDefaultOutput(o.Output)
	flags.JSONYamlPrintFlags.ShowManagedFields = true // no document of bootctl's has such fields
	*flags.TemplatePrinterFlags.AllowMissingKeys = o.allowMissingKeys
	return flags.ToPrinter()
}

// json prints an object of the contract with kubectl's printer, in the order of the
// contract. What comes from a server is written in JSON's own escapes.
func (o GlobalOptions) json(object any) ([]byte, error) {
	printer, err := o.printer()
	if err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := printer.PrintObj(&runtime.Unknown{Raw: encoded}, &out); err != nil {
		return nil, &failure.TemplateError{Err: err}
	}
	return escape.JSON(out.Bytes()), nil
}

// Document prints objects with kubectl's printer. Where that writes JSON or YAML,
// what comes from a server is written in the escapes of these; everything else is
// text, so that every string is escaped before.
func (o GlobalOptions) Document(objects ...*unstructured.Unstructured) ([]byte, error) {
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
		object.Object = mapStrings(object.Object, before).(map[string]any)
		if template, ok := printer.(*printers.JSONPathPrinter); ok { // whose own error repeats the whole object
			err = template.Execute(&out, object.Object)
		} else {
			err = printer.PrintObj(object, &out)
		}
		if err != nil {
			return nil, &failure.TemplateError{Err: err}
		}
	}
	return after(out.Bytes()), nil
}

// ToUnstructured returns an object of the contract, or of Kubernetes, as kubectl's
// printers take it.
func ToUnstructured(object any) (*unstructured.Unstructured, error) {
	encoded, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	var content map[string]any
	if err := utiljson.Unmarshal(encoded, &content); err != nil { // whole numbers stay whole
		return nil, err
	}
	return &unstructured.Unstructured{Object: content}, nil
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

func (v Result) bareNames() []byte {
	var out bytes.Buffer
	for _, name := range v.Names {
		if name.Bare != "" {
			fmt.Fprintln(&out, escape.Text(name.Bare))
		}
	}
	return out.Bytes()
}

// fullNames prints the names as kubectl does, and bare those of what is not an
// object of the cluster.
func (v Result) fullNames() ([]byte, error) {
	printer := printers.NamePrinter{ShortOutput: true}
	var out bytes.Buffer
	for _, name := range v.Names {
		if name.Empty() {
			fmt.Fprintln(&out, escape.Text(name.Bare))
			continue
		}
		var object runtime.Object = &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: escape.Text(name.Name)}}
		object.GetObjectKind().SetGroupVersionKind(name.WithVersion("v1"))
		if err := printer.PrintObj(object, &out); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}
