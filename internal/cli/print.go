package main

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

	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/internal/safe"
)

// view is a result in every form that it can be printed in.
type view struct {
	// object is what json, yaml and the templates print.
	object any
	// names are what -q and -o name print.
	names []reference
	// text is printed as it is when no format is asked for; else table is.
	text         string
	header, wide []string // wide are the further columns of -o wide
	rows         [][]string
	whole        bool   // whether no cell is cut
	footer       string // a line after the table, for people
	// formats are the command's own formats, by name.
	formats map[string]string
}

// print writes v to stdout in the format asked for, whole or not at all.
func (e *env) print(v view) error {
	text, err := v.render(e.global)
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

// printsTable says whether the format asked for is a table, where there is one.
func (e *env) printsTable() bool {
	return !e.global.quiet && slices.Contains([]string{"", "text", "table", "wide"}, e.global.output)
}

func (v view) render(o globalOptions) ([]byte, error) {
	if own, ok := v.formats[o.output]; ok {
		return []byte(own), nil
	}
	switch {
	case o.quiet:
		return v.bareNames(), nil
	case o.output == "" || o.output == "text":
		if v.text != "" || v.header == nil {
			return []byte(v.text), nil
		}
		return v.table(false)
	case slices.Contains(tableFormats, o.output):
		if v.header == nil {
			return []byte(v.text), nil
		}
		return v.table(o.output == "wide")
	case o.output == "name":
		return v.fullNames()
	}
	if o.output == "json" {
		return o.json(v.object)
	}
	object, err := toUnstructured(v.object)
	if err != nil {
		return nil, err
	}
	return o.document(object)
}

// checkFormat returns an error when there is no such format, or it is a template
// that does not parse, so that no command does something and then cannot say what.
// own are the command's own formats.
func (o globalOptions) checkFormat(own []string) error {
	if o.output == "" || o.output == "text" || slices.Contains(slices.Concat(own, tableFormats), o.output) {
		return nil
	}
	_, err := o.printer()
	if !genericclioptions.IsNoCompatiblePrinterError(err) {
		return err
	}
	return fmt.Errorf("there is no output format %q: there are %s", o.output,
		strings.ReplaceAll(strings.Join(slices.Concat(tableFormats, kubectlFormats, own), ", "), "=", "=..."))
}

// printer returns kubectl's printer for the format asked for.
func (o globalOptions) printer() (printers.ResourcePrinter, error) {
	flags := genericclioptions.NewPrintFlags("").WithDefaultOutput(o.output)
	flags.JSONYamlPrintFlags.ShowManagedFields = true // no document of bootctl's has such fields
	*flags.TemplatePrinterFlags.AllowMissingKeys = o.allowMissingKeys
	return flags.ToPrinter()
}

// json prints an object of the contract with kubectl's printer, in the order of the
// contract. What comes from a server is written in JSON's own escapes.
func (o globalOptions) json(object any) ([]byte, error) {
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
	return safe.JSON(out.Bytes()), nil
}

// document prints objects with kubectl's printer. Where that writes JSON or YAML,
// what comes from a server is written in the escapes of these; everything else is
// text, so that every string is escaped before.
func (o globalOptions) document(objects ...*unstructured.Unstructured) ([]byte, error) {
	printer, err := o.printer()
	if err != nil {
		return nil, err
	}
	before, after := safe.Text, func(text []byte) []byte { return text }
	switch kind, _, _ := strings.Cut(o.output, "="); kind {
	case "jsonpath-as-json":
		before, after = func(s string) string { return s }, safe.JSON
	case "yaml", "kyaml":
		before, after = safe.MarkYAML, safe.UnmarkYAML
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

// toUnstructured returns an object of the contract, or of Kubernetes, as kubectl's
// printers take it.
func toUnstructured(object any) (*unstructured.Unstructured, error) {
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

func (v view) bareNames() []byte {
	var out bytes.Buffer
	for _, name := range v.names {
		if name.bare != "" {
			fmt.Fprintln(&out, safe.Text(name.bare))
		}
	}
	return out.Bytes()
}

// fullNames prints the names as kubectl does, and bare those of what is not an
// object of the cluster.
func (v view) fullNames() ([]byte, error) {
	printer := printers.NamePrinter{ShortOutput: true}
	var out bytes.Buffer
	for _, name := range v.names {
		if name.Empty() {
			fmt.Fprintln(&out, safe.Text(name.bare))
			continue
		}
		var object runtime.Object = &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: safe.Text(name.name)}}
		object.GetObjectKind().SetGroupVersionKind(name.WithVersion("v1"))
		if err := printer.PrintObj(object, &out); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}
