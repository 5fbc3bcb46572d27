package csrcmd

import (
	"github.com/spf13/cobra"

	"github.com/bootctl/bootctl/internal/cli"
)

// New returns the commands about certificate signing requests (CSRs).
func New(e *cli.Env) *cobra.Command {
	return cli.Group("csr", "Make, list, review and decide on certificate signing requests",
		newSubmit(e), newList(e), newReview(e), newApprove(e), newDeny(e), newWait(e), newDelete(e))
}
