// Package output is the JSON contract: one type for each document that a
// command prints, and for each line on stderr with -o json. The JSON Schemas in
// docs/schemas are generated from these types. Removing or renaming a field needs a
// new apiVersion.
package output

// APIVersion is the apiVersion of every document.
const APIVersion = "bootctl.dev/v1beta1"

// Meta begins every document.
type Meta struct {
	APIVersion string `json:"apiVersion" jsonschema:"always bootctl.dev/v1beta1"`
	Kind       string `json:"kind" jsonschema:"the name of this type"`
}

// List is the underlying type of every document that is a list and nothing else.
type List[Item any] struct {
	Meta
	Items []Item `json:"items"`
}

// Kind returns the head of a document of the given kind.
func Kind(kind string) Meta { return Meta{APIVersion, kind} }
