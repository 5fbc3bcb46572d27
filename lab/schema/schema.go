// Package schema generates the JSON Schemas in docs/schemas from the types in
// internal/output, and validates documents with them. It is in the lab so that bootctl
// does not depend on the library.
package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/bootctl/bootctl/internal/output"
)

// types has all types of the contract by name.
var types = byName(
	output.Token{}, output.TokenList{}, output.GeneratedToken{}, output.TokenCheck{}, output.ResultList{}, output.ClusterInfo{}, output.Verification{},
	output.PinList{}, output.ClusterInfoChange{}, output.ClusterInfoSignature{},
	output.CSRList{}, output.IssuedCertificate{}, output.CSRReview{}, output.JoinResult{}, output.SetupResult{}, output.DoctorReport{}, output.Version{},
	output.LabStatus{}, output.Event{},
)

func byName(list ...any) map[string]reflect.Type {
	named := map[string]reflect.Type{}
	for _, v := range list {
		named[reflect.TypeOf(v).Name()] = reflect.TypeOf(v)
	}
	return named
}

// Kinds returns the sorted names of the types.
func Kinds() []string { return slices.Sorted(maps.Keys(types)) }

// For returns the JSON Schema of the named type. Lists are never null: an empty list
// is [].
func For(kind string) (*jsonschema.Schema, error) {
	t, ok := types[kind]
	if !ok {
		return nil, fmt.Errorf("no type of the contract is named %q", kind)
	}
	s, err := jsonschema.ForType(t, &jsonschema.ForOptions{})
	if err != nil {
		return nil, err
	}
	withoutNull(s)
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	s.Title = kind
	return s, nil
}

// Validate checks that the text is one JSON document that matches the schema of the
// named type.
func Validate(kind string, text []byte) error {
	var document any
	if err := json.Unmarshal(text, &document); err != nil {
		return err
	}
	s, err := For(kind)
	if err != nil {
		return err
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		return err
	}
	return resolved.Validate(document)
}

func withoutNull(s *jsonschema.Schema) {
	if i := slices.Index(s.Types, "null"); i >= 0 && len(s.Types) == 2 {
		s.Type, s.Types = s.Types[1-i], nil
	}
	for _, property := range s.Properties {
		withoutNull(property)
	}
	if s.Items != nil {
		withoutNull(s.Items)
	}
}
