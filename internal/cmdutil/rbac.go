package cmdutil

import (
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

// RBACFlags are the flags for the permissions of nodes.
type RBACFlags struct {
	setup.Options
	approvals []string
}

// AddFlags adds the flags. usage describes the approvals, of which the first is the default.
func (o *RBACFlags) AddFlags(fs *pflag.FlagSet, usage string, approvals ...setup.Approval) {
	for _, approval := range approvals {
		o.approvals = append(o.approvals, string(approval))
	}
	fs.StringVar(&o.Group, "group", token.DefaultGroup, "extra `group` of node tokens")
	fs.StringVar((*string)(&o.Approval), "auto-approve", string(approvals[0]), "approval `policy` "+usage)
}

// CompleteFlags completes the values of the flags.
func (o *RBACFlags) CompleteFlags(cmd *cobra.Command) {
	cli.CompleteValues(cmd, "auto-approve", o.approvals...)
}

// Objects returns the RBAC objects for the flags.
func (o RBACFlags) Objects() ([]setup.Object, error) {
	if !slices.Contains(o.approvals, string(o.Approval)) {
		return nil, failure.Usagef("--auto-approve accepts %s, not %q", strings.Join(o.approvals, " or "), o.Approval)
	}
	if o.Group != api.BootstrapDefaultGroup && !token.IsGroup(o.Group) {
		return nil, failure.Usagef("--group %q is not a group of bootstrap tokens: use %s or %s:NAME; NAME has a-z, 0-9, colons and dashes, and ends with a letter or digit",
			o.Group, api.BootstrapDefaultGroup, api.BootstrapDefaultGroup)
	}
	return setup.Objects(o.Options), nil
}
