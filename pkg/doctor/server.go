package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/bootctl/bootctl/internal/escape"
	"github.com/bootctl/bootctl/pkg/approval"
	"github.com/bootctl/bootctl/pkg/clusterinfo"
	"github.com/bootctl/bootctl/pkg/discovery"
	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/setup"
	"github.com/bootctl/bootctl/pkg/token"
)

// server checks that the API server can be reached and accepts the credentials.
func (c Cluster) server(ctx context.Context) ([]Finding, error) {
	version, err := c.Client.Version(ctx)
	evidence := fmt.Sprintf("%s: %v", c.Address, err)
	switch {
	case err == nil:
		return ok("%s at %s", version.GitVersion, c.Address), nil
	case apierrors.IsForbidden(err): // so it has authenticated the caller
		return []Finding{forbidden(evidence)}, nil
	}
	return one(FAIL, diagnoseAdmin(err).Reason, evidence, diagnoseAdmin(err).Remedy), nil
}

// skew compares this machine's clock with the API server's.
func skew(clock *discovery.Clock) []Finding {
	behind := clock.Behind()
	evidence := fmt.Sprintf("the clock of this machine is %s the API server's", discovery.Skew(behind))
	switch {
	case behind == 0:
		return ok("within a minute of the API server's")
	case behind.Abs() >= discovery.HarmfulSkew:
		return one(FAIL, ClockSkew, evidence, setClock)
	}
	return one(WARN, ClockSkew, evidence, setClock)
}

// tries is how many tokens are tried: one may have been deleted at that moment.
const tries = 2

// tokenAuthentication tries tokens of the cluster, if the administrator's own CA
// verifies the connection.
func (c *clusterChecker) tokenAuthentication(ctx context.Context) ([]Finding, error) {
	tokens, err := c.allTokens()
	if err != nil {
		return nil, err
	}
	tokens = slices.DeleteFunc(slices.Clone(tokens), func(t token.Info) bool { return t.IsProxy() || !t.Authenticates(c.now()) })
	switch {
	case len(tokens) == 0:
		return ok("not known without a live token; --probe tells"), nil
	case c.Server == "" || len(c.CAs) == 0:
		return ok("not known: no CA in the kubeconfig verifies the connection, so no token is sent over it"), nil
	}
	// The API server sees the newest tokens last.
	slices.SortFunc(tokens, func(a, b token.Info) int { return a.Created.Compare(b.Created) })
	opts := discovery.Options{Endpoints: []clusterinfo.Endpoint{c.Server}, Trust: discovery.Trust{CAs: c.CAs}, Client: c.NodeClient}
	var refused error
	for _, tok := range tokens[:min(tries, len(tokens))] {
		opts.Token = tok.Token
		identity, err := discovery.Identify(ctx, opts)
		switch {
		case errors.Is(err, discovery.ErrTokenRejected):
			refused = err
		case apierrors.IsForbidden(err):
			return ok("token %s is accepted", tok.ID), nil
		case err != nil:
			return ok("not known: %v", err), nil
		default:
			return ok("token %s is accepted as %s", tok.ID, identity.Username), nil
		}
	}
	return one(FAIL, TokenAuthenticationOff, refused.Error(), bootstrapAuth), nil
}

// anonymous reads cluster-info as a node does. The connection need not be verified:
// nothing secret is sent over it, and nothing read from it is trusted.
func (c *clusterChecker) anonymous(ctx context.Context) ([]Finding, error) {
	at := c.Server
	if at == "" {
		document, err := c.document()
		if err != nil {
			return nil, err
		}
		at = document.Server
	}
	_, err := discovery.FetchAnonymous(ctx, at, nil, c.NodeClient)
	switch {
	case err == nil:
		return ok("a request without credentials reads cluster-info"), nil
	case errors.Is(err, clusterinfo.ErrNotFound):
		return ok("a request without credentials may read cluster-info"), nil
	case apierrors.IsUnauthorized(err):
		return one(FAIL, AnonymousDisabled, err.Error(), takeAnonymous), nil
	case apierrors.IsForbidden(err):
		return c.anonymousForbidden(ctx, err)
	case kubeclient.IsServerError(err):
		return nil, err
	}
	return ok("not known: %v", err), nil
}

func (c *clusterChecker) anonymousForbidden(ctx context.Context, refusal error) ([]Finding, error) {
	readers := slices.DeleteFunc(slices.Clone(c.objects), func(o setup.Object) bool { return o.Namespace == "" })
	states, err := setup.Inspect(ctx, c.Client.RBAC, readers)
	asTheyShould := err == nil
	for _, s := range states {
		asTheyShould = asTheyShould && s.Exists && len(s.Lacks) == 0
	}
	if asTheyShould {
		return one(FAIL, AnonymousForbidden, refusal.Error()+"; the Role and the RoleBinding for it are as they should be",
			"look at the API server's --authorization-mode, which must contain RBAC, or at its --authorization-config"), nil
	}
	return one(FAIL, AnonymousForbidden, refusal.Error(), c.setupCommand(states)), nil
}

// anonymousGrants checks what else requests without credentials may do.
func (c Cluster) anonymousGrants(ctx context.Context) ([]Finding, error) {
	bindings, err := anonymousBindings(ctx, c.Client.RBAC)
	if err != nil {
		return nil, err
	}
	power, err := approval.AdminPermission(ctx, c.Client.Authorization, setup.Anonymous, []string{setup.Unauthenticated})
	if err != nil && len(bindings) == 0 {
		return nil, err
	}
	var texts, commands []string
	for _, b := range bindings {
		texts = append(texts, fmt.Sprintf("%s gives them the %s %s", b, b.RoleRef.Kind, b.RoleRef.Name))
		commands = append(commands, withoutAnonymous(b))
	}
	evidence, remedy := "requests without credentials have more than nodes need: "+listed(texts, ", "), listed(commands, "; ")
	switch {
	case power == "" && len(bindings) == 0:
		return ok("requests without credentials have no more than nodes need"), nil
	case power == "":
		return one(WARN, AnonymousAccessTooBroad, evidence, remedy), nil
	case len(bindings) == 0:
		return one(FAIL, AnonymousAccessTooBroad, "requests without credentials may "+power+", and no binding lets them",
			"look at the API server's --authorization-mode, which must not contain AlwaysAllow, and its --authorization-config"), nil
	}
	return one(FAIL, AnonymousAccessTooBroad, "requests without credentials may "+power+"; "+evidence, remedy), nil
}

// withoutAnonymous returns the command that removes requests without credentials from
// a binding.
func withoutAnonymous(b setup.Object) string {
	verb, name := "delete", escape.ShellQuote(b.Name)
	if name == "" {
		return "delete " + b.String() + ", whose name does not fit on a command line"
	}
	if slices.ContainsFunc(b.Subjects, func(s rbacv1.Subject) bool { return !isAnonymous(s) }) {
		verb = "edit" // for others it may be right
	}
	command := "kubectl " + verb + " " + strings.ToLower(b.Kind) + " " + name
	if b.Namespace != "" {
		command += " -n " + escape.ShellQuote(b.Namespace)
	}
	return command
}
