package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/setup"
	"github.com/bootctl/bootctl/pkg/token"
)

// object checks one of the objects of setup.
func (c *clusterChecker) object(ctx context.Context, o setup.Object) ([]Finding, error) {
	states, err := setup.Inspect(ctx, c.Client.RBAC, []setup.Object{o})
	if err != nil {
		return nil, err
	}
	state := states[0]
	command := c.setupCommand(states)
	switch {
	case o.Unwanted && state.Exists:
		return one(WARN, AutoApprovalOn, state.Difference()+", though --auto-approve=none is wanted", command), nil
	case o.Unwanted:
		return c.unwanted(ctx, o)
	case !state.Exists:
		return c.missing(ctx, o, command)
	case len(state.Lacks) > 0:
		return one(FAIL, RBACDiffers, state.Difference(), command), nil
	}
	switch missing, err := c.isRoleMissing(ctx, o); {
	case err != nil:
		return nil, err
	case missing:
		return one(FAIL, RBACMissing, fmt.Sprintf("the ClusterRole %s that it binds is not there", o.RoleRef.Name),
			"restart the API server, which makes it anew when it starts"), nil
	case len(state.Extra) > 0:
		return one(WARN, RBACTooPermissive, state.Difference(), command), nil
	}
	return ok("it grants what it should"), nil
}

// unwanted checks that an object that must not exist does not exist under another name.
func (c *clusterChecker) unwanted(ctx context.Context, o setup.Object) ([]Finding, error) {
	switch granted, err := grantedElsewhere(ctx, c.Client.Authorization, c.objects, o); {
	case err != nil:
		return nil, err
	case granted:
		return one(WARN, AutoApprovalOn, "it is not there, and another binding grants the same, though --auto-approve=none is wanted",
			fmt.Sprintf("kubectl get clusterrolebindings -o wide; look for %s, and delete what binds it to %s", o.RoleRef.Name, c.groupsOfTokens())), nil
	}
	return ok("it is not there, as --auto-approve=none wants"), nil
}

// isRoleMissing reports whether the object binds a role that the API server itself
// creates, and that does not exist.
func (c *clusterChecker) isRoleMissing(ctx context.Context, o setup.Object) (bool, error) {
	isOwn := func(role setup.Object) bool { return role.Kind == o.RoleRef.Kind && role.Name == o.RoleRef.Name }
	if o.RoleRef.Name == "" || slices.ContainsFunc(c.objects, isOwn) {
		return false, nil
	}
	states, err := setup.Inspect(ctx, c.Client.RBAC, []setup.Object{{Kind: o.RoleRef.Kind, Name: o.RoleRef.Name}})
	return err == nil && !states[0].Exists, err
}

// missing reports an object that does not exist, unless its permissions are granted
// elsewhere.
func (c *clusterChecker) missing(ctx context.Context, o setup.Object, command string) ([]Finding, error) {
	granted, err := grantedElsewhere(ctx, c.Client.Authorization, c.objects, o)
	switch {
	case err != nil:
		return one(FAIL, RBACMissing, "it is not there; whether another one grants the same is not known: "+err.Error(), command), nil
	case granted:
		return ok("it is not there, and the same is granted otherwise"), nil
	case isAutoApproval(o):
		return one(WARN, AutoApprovalOff, "it is not there: each new node waits until someone runs bootctl csr approve", command+" --auto-approve nodes"), nil
	}
	return one(FAIL, RBACMissing, "it is not there", command), nil
}

// setupCommand returns the command that repairs the objects.
func (c *clusterChecker) setupCommand(states []setup.State) string {
	command := "bootctl setup" + c.setupFlags()
	if _, err := c.document(); errors.Is(err, clusterinfo.ErrNotFound) || errors.Is(err, clusterinfo.ErrDocument) {
		command += " --endpoint " + c.address() // setup cannot keep the existing one
	}
	if slices.ContainsFunc(states, setup.State.Differs) {
		command += " --force"
	}
	return command
}

// group returns the group of nodes' tokens.
func (c Cluster) group() string { return cmp.Or(c.Setup.Group, token.DefaultGroup) }

// groupFlag returns setup's flag for the group of nodes' tokens; empty for the default
// group.
func groupFlag(group string) string {
	if group == "" || group == token.DefaultGroup {
		return ""
	}
	return " --group " + escape.ShellQuote(group)
}

// setupFlags returns setup's flags for what nodes should be able to do.
func (c Cluster) setupFlags() string {
	flags := groupFlag(c.group())
	if c.Setup.Approval == setup.AutoApproveNone {
		flags += " --auto-approve none"
	}
	return flags
}
