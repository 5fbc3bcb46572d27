package csrcmd

import (
	"cmp"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/validate/content"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// New returns the commands about certificate signing requests (CSRs).
func New(e *cli.Env) *cobra.Command {
	group := cli.Group("csr", "Submit, review, approve, deny, and delete CSRs",
		newSubmit(e), newList(e), newReview(e), newApprove(e), newDeny(e), newWait(e), newDelete(e))
	for _, cmd := range group.Commands() {
		e.AddConnectionFlags(cmd)
	}
	return group
}

// begin returns the CSRs named by the arguments, which validate accepted, and a client.
// The CSRs have only a name and, if one is required, a UID.
func begin(e *cli.Env, args []string, uid string, validate func([]csr.Request) error) ([]csr.Request, *kubeclient.Client, error) {
	named, err := parseNames(args, uid)
	if err == nil {
		err = validate(named)
	}
	if err != nil {
		return nil, nil, err
	}
	client, err := e.Client()
	return named, client, err
}

// parseNames returns the CSRs named by the arguments, without duplicates, or an error if
// an argument cannot be the name of a CSR.
func parseNames(args []string, uid string) ([]csr.Request, error) {
	var named []csr.Request
	for _, text := range args {
		name, err := cmdutil.CSRResource.Argument(text)
		if err != nil {
			return nil, err
		}
		if problems := content.IsPathSegmentName(name); name == "" || len(problems) > 0 {
			return nil, failure.Usagef("%q is not a valid CSR name", name)
		}
		if !slices.ContainsFunc(named, func(r csr.Request) bool { return r.Name == name }) {
			named = append(named, csr.Request{Name: name, UID: uid})
		}
	}
	return named, nil
}

// checkOne returns an error unless exactly one CSR or a node is named.
func checkOne(named []csr.Request, node string) error {
	isOne := len(named) == 0 && node != "" || len(named) == 1 && node == ""
	return cmp.Or(cli.UsageIf(!isOne, "specify one CSR by name, or a node with --node"), validateNode(node))
}

// addSignerFlag adds the signer of the CSR that --node selects.
func addSignerFlag(fs *pflag.FlagSet, signer *string) {
	fs.StringVar(signer, "signer", "", "with --node, a CSR for this `signer`. Defaults to "+csr.KubeletClient)
	cli.Requires(fs, "node", "signer")
}

// validateNode returns an error if the name of a node is set and invalid.
func validateNode(name string) error {
	if name == "" {
		return nil
	}
	return csr.ValidateNodeName(name)
}
