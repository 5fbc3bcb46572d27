package csrcmd

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/pkg/csr"
)

// completeRequests offers the names of requests, each with its subject, up to so
// many of them on one command line.
func completeRequests(e *cli.Env, most int) cobra.CompletionFunc {
	return func(cmd *cobra.Command, given []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(given) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return completeFrom(e, cmd, csr.Filter{}, func(r csr.Request) (string, string) {
			if slices.Contains(given, r.Name) {
				return "", ""
			}
			return r.Name, strings.Join(r.Conditions, ",") + " " + r.Subject()
		})
	}
}

// completeNodes offers the names of nodes that have a pending request.
func completeNodes(e *cli.Env) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return completeFrom(e, cmd, csr.Filter{Condition: csr.Pending}, func(r csr.Request) (string, string) {
			return r.NodeName(), r.Name
		})
	}
}

// completeFrom offers a word of each request, unless a shell would not take
// it for one.
func completeFrom(e *cli.Env, cmd *cobra.Command, filter csr.Filter, word func(csr.Request) (word, description string)) ([]cobra.Completion, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), cli.CompletionTimeout)
	defer cancel()
	client, err := e.Client()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var found []cobra.Completion
	_ = csr.List(ctx, client.Certificates, filter, func(r csr.Request) error { // what was read is offered
		if text, description := word(r); text != "" && escape.ShellQuote(text) == text {
			found = append(found, cobra.CompletionWithDesc(text, escape.Text(description)))
		}
		return nil
	})
	return found, cobra.ShellCompDirectiveNoFileComp
}
