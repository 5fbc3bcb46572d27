package csrcmd

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/validate/content"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/cmdutil"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/csr"
	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// New returns the commands about certificate signing requests (CSRs).
func New(e *cli.Env) *cobra.Command {
	group := cli.Group("csr", "Make, list, review and decide on certificate signing requests",
		newSubmit(e), newList(e), newReview(e), newApprove(e), newDeny(e), newWait(e), newDelete(e))
	for _, cmd := range group.Commands() {
		e.AddConnectionFlags(cmd)
	}
	return group
}

// begin is how verbs about named requests begin: it returns those that the arguments
// name, unless validate refuses them, and a client. Of the requests only the name is
// known, and the UID that is meant.
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

// parseNames returns the requests in the arguments, each once, or an error unless each
// argument could be the name of one.
func parseNames(args []string, uid string) ([]csr.Request, error) {
	var named []csr.Request
	for _, text := range args {
		name, err := cmdutil.CSRResource.Argument(text)
		if err != nil {
			return nil, err
		}
		if problems := content.IsPathSegmentName(name); name == "" || len(problems) > 0 {
			return nil, fmt.Errorf("%w: %q is not the name of a request", failure.ErrUsage, name)
		}
		if !slices.ContainsFunc(named, func(r csr.Request) bool { return r.Name == name }) {
			named = append(named, csr.Request{Name: name, UID: uid})
		}
	}
	return named, nil
}

// checkOne returns an error unless one CSR is named, or a node instead.
func checkOne(named []csr.Request, node string) error {
	isOne := len(named) == 0 && node != "" || len(named) == 1 && node == ""
	return cmp.Or(cli.UsageIf(!isOne, "give the name of one request, or --node"), validateNode(node))
}

// validateNode returns an error if a node is named that cannot have this name.
func validateNode(name string) error {
	if name == "" {
		return nil
	}
	return csr.ValidateNodeName(name)
}
