package doctor

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/pkg/csr"
)

const authenticated = "system:authenticated"

// tokenGrants says whether a bootstrap token makes an administrator of who has it.
func (e *exam) tokenGrants(ctx context.Context) ([]Finding, error) {
	groups := []string{api.BootstrapDefaultGroup, e.group(), authenticated}
	power, err := csr.PowerOf(ctx, e.Client.Authorization, api.BootstrapUserPrefix+"000000", groups)
	switch {
	case err != nil:
		return nil, err
	case power == "":
		return ok("a bootstrap token gives nobody the power of an administrator"), nil
	}
	return one(FAIL, BootstrapTokenOverprivileged, fmt.Sprintf("whoever has a bootstrap token of %s may %s", e.group(), power),
		"kubectl get clusterrolebindings -o wide; delete what binds that to "+e.groupsOfTokens()), nil
}

// groupsOfTokens are those by which a token of a node may have a right.
func (e *exam) groupsOfTokens() string {
	groups := []string{e.group()}
	if e.group() != api.BootstrapDefaultGroup {
		groups = append(groups, api.BootstrapDefaultGroup)
	}
	return strings.Join(append(groups, authenticated), " or ")
}
