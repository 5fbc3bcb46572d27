package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/bootctl/bootctl/internal/safe"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/setup"
	"github.com/bootctl/bootctl/pkg/token"
)

// object judges one of the objects of setup.
func (e *exam) object(ctx context.Context, o setup.Object) ([]Finding, error) {
	states, err := setup.Look(ctx, e.Client.RBAC, []setup.Object{o})
	if err != nil {
		return nil, err
	}
	state := states[0]
	command := e.setupCommand(states)
	switch {
	case o.Unwanted && state.Exists:
		return one(WARN, AutoApprovalOn, state.Difference()+", though --auto-approve=none is wanted", command), nil
	case o.Unwanted:
		return e.unwanted(ctx, o)
	case !state.Exists:
		return e.missing(ctx, o, command)
	case len(state.Lacks) > 0:
		return one(FAIL, RBACDiffers, state.Difference(), command), nil
	}
	switch gone, err := e.isRoleGone(ctx, o); {
	case err != nil:
		return nil, err
	case gone:
		return one(FAIL, RBACMissing, fmt.Sprintf("the ClusterRole %s that it binds is not there", o.RoleRef.Name),
			"restart the API server, which makes it anew when it starts"), nil
	case len(state.Extra) > 0:
		return one(WARN, RBACTooPermissive, state.Difference(), command), nil
	}
	return ok("it grants what it should"), nil
}

// unwanted says whether what must not be there has another name.
func (e *exam) unwanted(ctx context.Context, o setup.Object) ([]Finding, error) {
	switch granted, err := setup.GrantedOtherwise(ctx, e.Client.Authorization, e.objects, o); {
	case err != nil:
		return nil, err
	case granted:
		return one(WARN, AutoApprovalOn, "it is not there, and another binding grants the same, though --auto-approve=none is wanted",
			fmt.Sprintf("kubectl get clusterrolebindings -o wide; look for %s, and delete what binds it to %s", o.RoleRef.Name, e.groupsOfTokens())), nil
	}
	return ok("it is not there, as --auto-approve=none wants"), nil
}

// isRoleGone says whether the object binds a role that the API server keeps, and
// that is not there.
func (e *exam) isRoleGone(ctx context.Context, o setup.Object) (bool, error) {
	isOwn := func(role setup.Object) bool { return role.Kind == o.RoleRef.Kind && role.Name == o.RoleRef.Name }
	if o.RoleRef.Name == "" || slices.ContainsFunc(e.objects, isOwn) {
		return false, nil
	}
	states, err := setup.Look(ctx, e.Client.RBAC, []setup.Object{{Kind: o.RoleRef.Kind, Name: o.RoleRef.Name}})
	return err == nil && !states[0].Exists, err
}

// missing says whether an object that is not there is missed.
func (e *exam) missing(ctx context.Context, o setup.Object, command string) ([]Finding, error) {
	granted, err := setup.GrantedOtherwise(ctx, e.Client.Authorization, e.objects, o)
	switch {
	case err != nil:
		return one(FAIL, RBACMissing, "it is not there; whether another one grants the same is not known: "+err.Error(), command), nil
	case granted:
		return ok("it is not there, and the same is granted otherwise"), nil
	case setup.IsAutoApproval(o):
		return one(WARN, AutoApprovalOff, "it is not there: each new node waits until someone runs bootctl csr approve", command+" --auto-approve nodes"), nil
	}
	return one(FAIL, RBACMissing, "it is not there", command), nil
}

// setupCommand is the command that mends the objects.
func (e *exam) setupCommand(states []setup.State) string {
	command := "bootctl setup" + e.setupFlags()
	if _, err := e.document(); errors.Is(err, clusterinfo.ErrNotFound) || errors.Is(err, clusterinfo.ErrDocument) {
		command += " --endpoint " + e.address() // where setup cannot keep the one that is there
	}
	if slices.ContainsFunc(states, setup.State.Differs) {
		command += " --force"
	}
	return command
}

// group is that of the tokens of nodes.
func (e *exam) group() string { return cmp.Or(e.Setup.Group, token.DefaultGroup) }

// groupFlag is the flag of setup for the group of the tokens of nodes, where it takes
// one.
func groupFlag(group string) string {
	if group == "" || group == token.DefaultGroup {
		return ""
	}
	return " --group " + safe.Word(group)
}

// setupFlags are the flags of setup for what nodes shall be able to do.
func (e *exam) setupFlags() string {
	flags := groupFlag(e.group())
	if e.Setup.Approval == setup.AutoApproveNone {
		flags += " --auto-approve none"
	}
	return flags
}
