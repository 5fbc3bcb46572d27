package doctor

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/pkg/approval"
)

const authenticated = "system:authenticated"

// tokenGrants checks that a bootstrap token gives nobody admin-equivalent permissions.
func (c Cluster) tokenGrants(ctx context.Context) ([]Finding, error) {
	groups := []string{api.BootstrapDefaultGroup, c.group(), authenticated}
	power, err := approval.AdminPermission(ctx, c.Client.Authorization, api.BootstrapUserPrefix+"000000", groups)
	switch {
	case err != nil:
		return nil, err
	case power == "":
		return ok("a bootstrap token gives nobody the power of an administrator"), nil
	}
	return one(FAIL, BootstrapTokenOverprivileged, fmt.Sprintf("whoever has a bootstrap token of %s may %s", c.group(), power),
		"kubectl get clusterrolebindings -o wide; delete what binds that to "+c.groupsOfTokens()), nil
}

// groupsOfTokens returns the groups that may give a node's token a permission.
func (c Cluster) groupsOfTokens() string {
	groups := []string{c.group()}
	if c.group() != api.BootstrapDefaultGroup {
		groups = append(groups, api.BootstrapDefaultGroup)
	}
	return strings.Join(append(groups, authenticated), " or ")
}
