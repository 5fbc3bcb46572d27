package doctorfaults

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// A permission is a verb on a resource.
type permission struct{ verb, resource string }

func (r permission) rule() rbacv1.PolicyRule {
	group := rbacv1.GroupName
	if r.resource == "configmaps" || r.resource == "secrets" {
		group = ""
	}
	return rbacv1.PolicyRule{Verbs: []string{r.verb}, APIGroups: []string{group}, Resources: []string{r.resource}}
}

// rbacPermissions returns the verb on each kind of RBAC object.
func rbacPermissions(verb string) []permission {
	return []permission{{verb, "roles"}, {verb, "rolebindings"}, {verb, "clusterroles"}, {verb, "clusterrolebindings"}}
}

// grantPermissions returns the permissions to grant permissions that a user lacks. The
// Role's own permission, to get cluster-info, is not among them, since setup needs it.
func grantPermissions() []permission {
	return []permission{{"escalate", "clusterroles"}, {"bind", "clusterroles"}}
}

// errorText returns the error for a user who lacks only the permission.
func (r permission) errorText() string {
	switch r.verb {
	case "escalate":
		return `clusterroles.rbac.authorization.k8s.io "kubeadm:get-nodes" is forbidden: user `
	case "bind":
		return `clusterrolebindings.rbac.authorization.k8s.io "kubeadm:kubelet-bootstrap" is forbidden: user `
	}
	return fmt.Sprintf("cannot %s resource %q", r.verb, r.resource)
}

// createUsersLacking creates one user for each missing permission and one user with all
// permissions, and returns their kubeconfigs; the last has the zero permission as its key.
func (l setupLab) createUsersLacking(t *testing.T, test string, permissions []permission) map[permission]string {
	t.Helper()
	ctx, create := t.Context(), metav1.CreateOptions{}
	users := map[permission]string{}
	name := func(lacks permission) string {
		return strings.TrimSuffix(ownPrefix+test+"-"+lacks.verb+"-"+lacks.resource, "--")
	}
	all := append(slices.Clone(permissions), permission{}) // last, because the test waits for the last user
	for _, lacks := range all {
		role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name(lacks)}}
		for _, r := range permissions {
			if r != lacks {
				role.Rules = append(role.Rules, r.rule())
			}
		}
		if _, err := l.admin.RbacV1().ClusterRoles().Create(ctx, role, create); err != nil {
			t.Fatal(err)
		}
	}
	for _, lacks := range all {
		binding := &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name(lacks)},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name(lacks)},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name(lacks)}},
		}
		if _, err := l.admin.RbacV1().ClusterRoleBindings().Create(ctx, binding, create); err != nil {
			t.Fatal(err)
		}
		users[lacks] = l.kubeconfigAs(t, name(lacks))
	}
	l.Eventually(t, "permission of the last user", func() bool {
		review, err := l.admin.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{
			Spec: authorizationv1.SubjectAccessReviewSpec{User: name(permission{}), ResourceAttributes: &authorizationv1.ResourceAttributes{
				Verb: permissions[0].verb, Group: permissions[0].rule().APIGroups[0], Resource: permissions[0].resource}},
		}, create)
		return err == nil && review.Status.Allowed
	})
	return users
}

// kubeconfigAs returns the kubeconfig of the administrator as another user.
func (l setupLab) kubeconfigAs(t *testing.T, user string) string {
	t.Helper()
	return l.WriteKubeconfig(t, func(config *clientcmdapi.Config) {
		for _, info := range config.AuthInfos {
			impersonate(info, user)
		}
	})
}

func impersonate(info *clientcmdapi.AuthInfo, user string) { info.Impersonate = user }

// wantPermissionErrors runs setup as each of the users: the error names the permission that
// the user lacks, and nothing changes; a user with all of them succeeds in a dry run.
func (l setupLab) wantPermissionErrors(t *testing.T, test string, permissions []permission, args ...string) {
	t.Helper()
	users := l.createUsersLacking(t, test, permissions)
	before := l.readState(t)
	for _, lacks := range permissions {
		code, stdout, stderr := l.Run(t, append(args, "--kubeconfig", users[lacks])...)
		if code != 8 || stdout != "" || !strings.Contains(stderr, lacks.errorText()) || !strings.Contains(stderr, "(Forbidden)") || !strings.Contains(stderr, "nothing was changed") {
			t.Errorf("without %s %s: exit code %d, stdout %q, stderr\n%s", lacks.verb, lacks.resource, code, stdout, stderr)
		}
		wantSameState(t, "without "+lacks.verb+" "+lacks.resource, l.readState(t), before)
	}
	if code, _, stderr := l.Run(t, append(args, "--dry-run", "--kubeconfig", users[permission{}])...); code != 0 {
		t.Errorf("with all permissions: exit code %d\n%s", code, stderr)
	}
}

func (l setupLab) applyWithoutPermission(t *testing.T) {
	t.Helper()
	permissions := slices.Concat(rbacPermissions("get"), rbacPermissions("create"), grantPermissions(),
		[]permission{{"get", "configmaps"}, {"create", "configmaps"}, {"list", "secrets"}})
	l.wantPermissionErrors(t, "apply", permissions, "setup", "--endpoint", l.Server.URL())
}

// forceWithoutPermission first changes an object of each kind, and finally repairs them as
// the administrator.
func (l setupLab) forceWithoutPermission(t *testing.T) {
	t.Helper()
	for _, change := range [][]string{
		{"patch", "role", "-n", "kube-public", "kubeadm:bootstrap-signer-clusterinfo", "--type=json", "-p", `[{"op":"remove","path":"/rules/0"}]`},
		{"patch", "rolebinding", "-n", "kube-public", "kubeadm:bootstrap-signer-clusterinfo", "--type=json", "-p", `[{"op":"remove","path":"/subjects/0"}]`},
		{"patch", "clusterrole", "kubeadm:get-nodes", "--type=json", "-p", `[{"op":"add","path":"/rules/0/verbs/1","value":"list"}]`},
		{"patch", "clusterrolebinding", "kubeadm:get-nodes", "--type=json", "-p", `[{"op":"remove","path":"/subjects/0"}]`},
		{"delete", "clusterrolebinding", "kubeadm:kubelet-bootstrap"},
		{"create", "clusterrolebinding", "kubeadm:kubelet-bootstrap", "--clusterrole=view", "--group=system:bootstrappers:kubeadm:default-node-token"},
		{"label", "clusterrolebinding", "kubeadm:kubelet-bootstrap", "app.kubernetes.io/managed-by=bootctl"}, // so that it is removed later
	} {
		if code, _, stderr := l.Exec(t, "kubectl", change...); code != 0 {
			t.Fatal(stderr)
		}
	}
	permissions := slices.Concat(rbacPermissions("get"), rbacPermissions("update"), grantPermissions(), []permission{
		{"create", "clusterrolebindings"}, {"delete", "clusterrolebindings"}, {"get", "configmaps"}, {"update", "configmaps"}, {"list", "secrets"},
	})
	l.wantPermissionErrors(t, "force", permissions, "setup", "--force", "--endpoint", "https://127.0.0.1:9999")
	l.MustRun(t, "setup", "--force", "--endpoint", l.Server.URL())
}

func (l setupLab) removeWithoutPermission(t *testing.T) {
	t.Helper()
	permissions := slices.Concat(rbacPermissions("get"), rbacPermissions("delete"), []permission{{"list", "roles"}, {"get", "configmaps"}, {"delete", "configmaps"}})
	l.wantPermissionErrors(t, "remove", permissions, "setup", "--remove")
}
