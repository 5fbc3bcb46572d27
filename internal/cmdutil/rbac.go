package cmdutil

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/internal/cli"
	"github.com/bootctl/bootctl/internal/failure"
	"github.com/bootctl/bootctl/pkg/setup"
	"github.com/bootctl/bootctl/pkg/token"
)

// RBACFlags are the flags that say what nodes shall be able to do.
type RBACFlags struct {
	setup.Options
	approvals []string
}

// AddFlags takes the approvals that there are, the first where none is given.
func (o *RBACFlags) AddFlags(fs *pflag.FlagSet, usage string, approvals ...setup.Approval) {
	for _, approval := range approvals {
		o.approvals = append(o.approvals, string(approval))
	}
	fs.StringVar(&o.Group, "group", token.DefaultGroup, "the `group` of the tokens of nodes")
	fs.StringVar((*string)(&o.Approval), "auto-approve", string(approvals[0]), "`policy` "+usage)
}

// CompleteFlags offers the values of the flags.
func (o *RBACFlags) CompleteFlags(cmd *cobra.Command) {
	cli.CompleteValues(cmd, "auto-approve", o.approvals...)
}

// Objects returns the RBAC that is meant.
func (o RBACFlags) Objects() ([]setup.Object, error) {
	if !slices.Contains(o.approvals, string(o.Approval)) {
		return nil, fmt.Errorf("%w: --auto-approve is one of %s, not %q", failure.ErrUsage, strings.Join(o.approvals, " "), o.Approval)
	}
	if o.Group != api.BootstrapDefaultGroup && !token.IsGroup(o.Group) {
		return nil, fmt.Errorf("%w: --group %q is not one that tokens can have: %s, which all have, or %s: and then a-z, 0-9, colons and dashes, the last of them a letter or digit",
			failure.ErrUsage, o.Group, api.BootstrapDefaultGroup, api.BootstrapDefaultGroup)
	}
	return setup.Objects(o.Options), nil
}
