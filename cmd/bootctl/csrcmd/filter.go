package csrcmd

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/validate/content"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// csrFilterOptions say which requests are meant, where they are not named.
type csrFilterOptions struct {
	pending        bool
	signer         string
	requester      string
	requesterGroup string
	node           string
	olderThan      string
}

func (o *csrFilterOptions) addFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&o.pending, "pending", false, "only requests that nobody has decided on")
	fs.StringVar(&o.signer, "signer", "", "only requests for this `signer`, such as "+csr.KubeletServing)
	fs.StringVar(&o.requester, "requester", "", "only requests of this `user`, such as system:bootstrap:abcdef")
	fs.StringVar(&o.requesterGroup, "requester-group", "", "only requests of a user in this `group`")
	fs.StringVar(&o.node, "node", "", "only requests for the node of this `name`")
	fs.StringVar(&o.olderThan, "older-than", "", "only requests of at least this `age`, such as 10m or 2d")
}

// completeFilter offers the values of the filters.
func completeFilter(e *cli.Env, cmd *cobra.Command) {
	cli.CompleteWith(cmd, "node", completeNodes(e))
	cli.CompleteValues(cmd, "signer", csr.KubeletClient, csr.KubeletServing, csr.APIServerClient)
}

func (o csrFilterOptions) filter(now time.Time) (csr.Filter, error) {
	filter := csr.Filter{SignerName: o.signer, Requester: o.requester, RequesterGroup: o.requesterGroup, Node: o.node}
	if o.pending {
		filter.Condition = csr.Pending
	}
	if o.node != "" {
		if err := csr.ValidateNodeName(o.node); err != nil {
			return csr.Filter{}, err
		}
	}
	if o.olderThan != "" {
		age, err := cli.ParseDuration("--older-than", o.olderThan)
		if err != nil {
			return csr.Filter{}, err
		}
		filter.Before = now.Add(-age)
	}
	return filter, nil
}

// requestNames returns the names in the arguments, each once, or an error unless
// each could be the name of a request.
func requestNames(arguments []string) ([]string, error) {
	seen := map[string]bool{}
	var once []string
	for _, text := range arguments {
		name, err := cmdutil.CSRResource.Argument(text)
		if err != nil {
			return nil, err
		}
		if problems := content.IsPathSegmentName(name); name == "" || len(problems) > 0 {
			return nil, fmt.Errorf("%w: %q is not the name of a request", failure.ErrUsage, name)
		}
		if !seen[name] {
			seen[name] = true
			once = append(once, name)
		}
	}
	return once, nil
}

// checkOne returns an error unless the arguments name one CSR, or node is named
// instead.
func checkOne(args []string, node string) error {
	switch {
	case len(args) > 1 || (len(args) == 1) == (node != ""):
		return fmt.Errorf("%w: give the name of one request, or --node", failure.ErrUsage)
	case node != "":
		return csr.ValidateNodeName(node)
	}
	return nil
}

// named returns CSRs of which only the name is known.
func named(names []string) []csr.Request {
	requests := make([]csr.Request, len(names))
	for i, name := range names {
		requests[i].Name = name
	}
	return requests
}

// read reads a CSR of which only the name is known.
func read(ctx context.Context, client *kubeclient.Client, r csr.Request, uid string) (csr.Request, error) {
	if r.Stored() != nil {
		return r, nil
	}
	return approval.Get(ctx, client.Certificates, r.Name, uid)
}
