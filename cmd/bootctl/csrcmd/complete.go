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
	names := complete(e, csr.Filter{}, func(r csr.Request) (string, string) {
		return r.Name, strings.Join(r.Conditions, ",") + " " + r.Subject()
	})
	return func(cmd *cobra.Command, given []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(given) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return names(cmd, given, begun)
	}
}

// completeNodes offers the names of nodes that have a pending request.
func completeNodes(e *cli.Env) cobra.CompletionFunc {
	return complete(e, csr.Filter{Condition: csr.Pending}, func(r csr.Request) (string, string) { return r.NodeName(), r.Name })
}

// complete offers a word of each request, unless it was given before or a shell would
// not take it for one.
func complete(e *cli.Env, filter csr.Filter, word func(csr.Request) (word, description string)) cobra.CompletionFunc {
	return func(cmd *cobra.Command, given []string, _ string) (found []cobra.Completion, _ cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), cli.CompletionTimeout)
		defer cancel()
		if client, err := e.Client(); err == nil {
			_ = csr.List(ctx, client.Certificates, filter, func(r csr.Request) error { // what was read is offered
				if text, description := word(r); text != "" && !slices.Contains(given, text) && escape.ShellQuote(text) == text {
					found = append(found, cobra.CompletionWithDesc(text, escape.Text(description)))
				}
				return nil
			})
		}
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}
