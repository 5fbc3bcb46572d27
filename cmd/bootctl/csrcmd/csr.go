package main

import "github.com/spf13/cobra"

// newCSR returns the commands about certificate signing requests (CSRs).
func newCSR(e *env) *cobra.Command {
	return group("csr", "Make, list, review and decide on certificate signing requests",
		newCSRSubmit(e), newCSRList(e), newCSRReview(e), newCSRApprove(e), newCSRDeny(e), newCSRWait(e), newCSRDelete(e))
}
