// Package schema makes JSON Schemas of the types in package output. It is apart
// from them so that bootctl itself does not carry it.
package schema

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/bootctl/bootctl/internal/output"
)

// types returns every type of the contract, by name.
func types() map[string]reflect.Type {
	list := []any{
		output.Token{}, output.TokenList{}, output.GeneratedToken{}, output.TokenCheck{}, output.ResultList{}, output.ClusterInfo{}, output.Verification{},
		output.PinList{}, output.ClusterInfoChange{}, output.ClusterInfoSignature{},
		output.CertificateRequestList{}, output.RequestedCertificate{}, output.RequestReview{}, output.JoinResult{}, output.SetupResult{}, output.DoctorReport{}, output.Version{},
		output.LabStatus{}, output.Event{},
	}
	byName := map[string]reflect.Type{}
	for _, v := range list {
		byName[reflect.TypeOf(v).Name()] = reflect.TypeOf(v)
	}
	return byName
}

// Kinds returns the names of the types, in order.
func Kinds() []string {
	var names []string
	for name := range types() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// For returns the JSON Schema of the type of the given name. Lists are never
// null: an empty one is [].
func For(kind string) (*jsonschema.Schema, error) {
	t, ok := types()[kind]
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
