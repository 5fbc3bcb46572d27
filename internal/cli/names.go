package main

import (
	"fmt"
	"slices"
	"strings"

	certificatesv1 "k8s.io/api/certificates/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/token"
)

// reference is the name of what a result is about, in the two forms that it is
// printed in.
type reference struct {
	schema.GroupKind        // empty for what is not an object of the cluster
	name             string // of the object, as kubectl has it
	bare             string // what -q prints; nothing where it is empty
}

// bareReferences are the names of what is not an object of the cluster.
func bareReferences(names ...string) []reference {
	found := make([]reference, len(names))
	for i, name := range names {
		found[i] = reference{bare: name}
	}
	return found
}

// resource is a type of Kubernetes objects that commands take the names of.
type resource struct {
	schema.GroupKind
	plural string
	short  string // kubectl's other word for it; empty when there is none
}

// argument returns the name in an argument that is a name alone, or one with its
// type before it as kubectl prints and takes them: csr/NAME.
func (r resource) argument(text string) (string, error) {
	kind, name, typed := strings.Cut(text, "/")
	switch {
	case !typed:
		return text, nil
	case !slices.Contains(r.words(), kind):
		return "", fmt.Errorf("%w: %q has the type %q, and the command takes %s/NAME", failure.ErrUsage, text, kind, strings.ToLower(r.Kind))
	}
	return name, nil
}

// words are what kubectl calls the type.
func (r resource) words() []string {
	words := []string{strings.ToLower(r.Kind), r.plural}
	if r.Group != "" {
		for _, word := range words[:2] {
			words = append(words, word+"."+r.Group, word+".v1."+r.Group)
		}
	}
	if r.short != "" {
		words = append(words, r.short)
	}
	return words
}

// reference returns the name of an object, which is the same bare.
func (r resource) reference(name string) reference { return reference{r.GroupKind, name, name} }

// csrResource is the type of a certificate signing request.
var csrResource = resource{
	GroupKind: schema.GroupKind{Group: certificatesv1.GroupName, Kind: "CertificateSigningRequest"},
	plural:    "certificatesigningrequests", short: "csr",
}

// secretResource is the type of the Secret that holds a token.
var secretResource = resource{GroupKind: schema.GroupKind{Kind: "Secret"}, plural: "secrets"}

// configMapResource is the type of the object that holds cluster-info.
var configMapResource = resource{GroupKind: schema.GroupKind{Kind: "ConfigMap"}}

// tokenReference is the name of a token: its ID, or that of a Secret whose name has
// none.
func tokenReference(id string) reference {
	named := secretResource.reference(id)
	if _, err := token.ParseID(id); err == nil {
		named.name = api.BootstrapTokenSecretPrefix + id
	}
	return named
}
