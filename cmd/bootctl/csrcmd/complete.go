package csrcmd

import (
	"context"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// completeFilter completes the values of the filters.
func completeFilter(e *cli.Env, cmd *cobra.Command) {
	cli.CompleteWith(cmd, "node", completeNodes(e, csr.Filter{Condition: csr.Pending}))
	cli.CompleteValues(cmd, "signer", csr.KubeletClient, csr.KubeletServing, csr.APIServerClient)
}

// completeRequests completes at most this many names of CSRs, each described by its
// conditions and subject.
func completeRequests(e *cli.Env, most int) cobra.CompletionFunc {
	return complete(e, most, csr.Filter{}, func(r csr.Request) (string, string) {
		return r.Name, strings.Join(r.Conditions, ",") + " " + r.Subject()
	})
}

// completeNodes completes the names of nodes with a CSR that the filter selects.
func completeNodes(e *cli.Env, filter csr.Filter) cobra.CompletionFunc {
	return complete(e, math.MaxInt, filter, func(r csr.Request) (string, string) { return r.NodeName(), r.Name })
}

// complete completes at most this many names, one for each CSR that the filter selects.
func complete(e *cli.Env, most int, filter csr.Filter, word func(csr.Request) (name, description string)) cobra.CompletionFunc {
	return e.CompleteNames(most, func(ctx context.Context, client *kubeclient.Client, offer func(name, description string)) {
		_ = csr.List(ctx, client.Certificates, filter, func(r csr.Request) error { // CSRs that were read before an error are offered
			offer(word(r))
			return nil
		})
	})
}
