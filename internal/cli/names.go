package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/kubeclient"
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
	return strings.ToLower(n.String()) + "/" + n.Name
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

// completionTimeout is how long someone who pressed the tab key is kept waiting.
const completionTimeout = 3 * time.Second

// CompleteNames offers the names that list hands on from the cluster, each with a
// description, and nothing where the cluster cannot be asked. A command line takes so many of them,
// each once; what a shell would not take for a name is not offered.
func (e *Env) CompleteNames(most int, list func(context.Context, *kubeclient.Client, func(name, description string))) cobra.CompletionFunc {
	return func(cmd *cobra.Command, given []string, _ string) (found []cobra.Completion, _ cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), completionTimeout)
		defer cancel()
		if client, err := e.Client(); err == nil && len(given) < most {
			list(ctx, client, func(name, description string) {
				if name != "" && !slices.Contains(given, name) && escape.ShellQuote(name) == name {
					found = append(found, cobra.CompletionWithDesc(name, escape.Text(description)))
				}
			})
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}
