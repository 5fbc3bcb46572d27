package cli

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/bootctl/bootctl/internal/failure"
)

// Name is the name of what a result is about, in the two forms that it is
// printed in.
type Name struct {
	schema.GroupKind        // empty for what is not an object of the cluster
	Name             string // of the object, as kubectl has it
	Bare             string // what -q prints; nothing where it is empty
}

// full is the name as kubectl prints it, and bare that of what is not an object of the
// cluster.
func (n Name) full() string {
	if n.Empty() {
		return n.Bare
	}
	return strings.ToLower(n.GroupKind.String()) + "/" + n.Name
}

// Resource is a type of Kubernetes objects that commands take the names of.
type Resource struct {
	schema.GroupKind
	Plural string
	Short  string // kubectl's other word for it; empty when there is none
}

// Argument returns the name in an argument that is a name alone, or one with its
// type before it as kubectl prints and takes them: csr/NAME.
func (r Resource) Argument(text string) (string, error) {
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
func (r Resource) words() []string {
	words := []string{strings.ToLower(r.Kind), r.Plural}
	if r.Group != "" {
		for _, word := range words[:2] {
			words = append(words, word+"."+r.Group, word+".v1."+r.Group)
		}
	}
	if r.Short != "" {
		words = append(words, r.Short)
	}
	return words
}

// Reference returns the name of an object, which is the same bare.
func (r Resource) Reference(name string) Name { return Name{r.GroupKind, name, name} }
