package e2e

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

// A right is a verb on a resource.
type right struct{ verb, resource string }

func (r right) rule() rbacv1.PolicyRule {
	group := rbacv1.GroupName
	if r.resource == "configmaps" || r.resource == "secrets" {
		group = ""
	}
	return rbacv1.PolicyRule{Verbs: []string{r.verb}, APIGroups: []string{group}, Resources: []string{r.resource}}
}

// rbacRights is the verb on each kind of RBAC object.
func rbacRights(verb string) []right {
	return []right{{verb, "roles"}, {verb, "rolebindings"}, {verb, "clusterroles"}, {verb, "clusterrolebindings"}}
}

// mayGrant lets someone grant what he has not. What the Role allows, to get
// cluster-info, he has, since setup reads it.
func mayGrant() []right { return []right{{"escalate", "clusterroles"}, {"bind", "clusterroles"}} }

// missing is what an error says of who lacks just the right.
func (r right) missing() string {
	switch r.verb {
	case "escalate":
		return `clusterroles.rbac.authorization.k8s.io "kubeadm:get-nodes" is forbidden: user `
	case "bind":
		return `clusterrolebindings.rbac.authorization.k8s.io "kubeadm:kubelet-bootstrap" is forbidden: user `
	}
	return fmt.Sprintf("cannot %s resource %q", r.verb, r.resource)
}

// lackingUsers makes a user for each of the rights who has all but it, and one
// who has all, under the name "". They have kubeconfigs.
func (l setupLab) lackingUsers(t *testing.T, test string, rights []right) map[right]string {
	t.Helper()
	ctx, create := t.Context(), metav1.CreateOptions{}
	users := map[right]string{}
	name := func(lacks right) string {
		return strings.TrimSuffix(ownPrefix+test+"-"+lacks.verb+"-"+lacks.resource, "--")
	}
	all := append(slices.Clone(rights), right{}) // last, since the last is waited for
	for _, lacks := range all {
		role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name(lacks)}}
		for _, r := range rights {
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
		users[lacks] = l.impersonating(t, name(lacks))
	}
	l.eventually(t, "right of the last user", func() bool {
		review, err := l.admin.AuthorizationV1().SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{
			Spec: authorizationv1.SubjectAccessReviewSpec{User: name(right{}), ResourceAttributes: &authorizationv1.ResourceAttributes{
				Verb: rights[0].verb, Group: rights[0].rule().APIGroups[0], Resource: rights[0].resource}},
		}, create)
		return err == nil && review.Status.Allowed
	})
	return users
}

// impersonating returns the kubeconfig of the administrator as another user.
func (l setupLab) impersonating(t *testing.T, user string) string {
	t.Helper()
	return l.changedKubeconfig(t, func(config *clientcmdapi.Config) {
		for _, info := range config.AuthInfos {
			impersonate(info, user)
		}
	})
}

func impersonate(info *clientcmdapi.AuthInfo, user string) { info.Impersonate = user }

// eachIsNamed runs setup as each of the users: who lacks a right is told which,
// and nothing is changed; who lacks none succeeds in a dry run.
func (l setupLab) eachIsNamed(t *testing.T, test string, rights []right, args ...string) {
	t.Helper()
	users := l.lackingUsers(t, test, rights)
	before := l.dump(t)
	for _, lacks := range rights {
		code, stdout, stderr := l.run(t, append(args, "--kubeconfig", users[lacks])...)
		if code != 8 || stdout != "" || !strings.Contains(stderr, lacks.missing()) || !strings.Contains(stderr, "(Forbidden)") || !strings.Contains(stderr, "nothing was changed") {
			t.Errorf("who lacks %s %s: exit code %d, stdout %q, stderr\n%s", lacks.verb, lacks.resource, code, stdout, stderr)
		}
		same(t, "who lacks "+lacks.verb+" "+lacks.resource, l.dump(t), before)
	}
	if code, _, stderr := l.run(t, append(args, "--dry-run", "--kubeconfig", users[right{}])...); code != 0 {
		t.Errorf("who lacks nothing: exit code %d\n%s", code, stderr)
	}
}

func (l setupLab) lacksOneRight(t *testing.T) {
	t.Helper()
	rights := slices.Concat(rbacRights("get"), rbacRights("create"), mayGrant(),
		[]right{{"get", "configmaps"}, {"create", "configmaps"}, {"list", "secrets"}})
	l.eachIsNamed(t, "apply", rights, "setup", "--endpoint", l.server.URL())
}

// forceLacksOneRight makes an object of each kind differ first, and in the end
// lets the administrator mend them.
func (l setupLab) forceLacksOneRight(t *testing.T) {
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
		if code, _, stderr := l.exec(t, "kubectl", change...); code != 0 {
			t.Fatal(stderr)
		}
	}
	rights := slices.Concat(rbacRights("get"), rbacRights("update"), mayGrant(), []right{
		{"create", "clusterrolebindings"}, {"delete", "clusterrolebindings"}, {"get", "configmaps"}, {"update", "configmaps"}, {"list", "secrets"},
	})
	l.eachIsNamed(t, "force", rights, "setup", "--force", "--endpoint", "https://127.0.0.1:9999")
	l.must(t, "setup", "--force", "--endpoint", l.server.URL())
}

func (l setupLab) removeLacksOneRight(t *testing.T) {
	t.Helper()
	rights := slices.Concat(rbacRights("get"), rbacRights("delete"), []right{{"list", "roles"}, {"get", "configmaps"}, {"delete", "configmaps"}})
	l.eachIsNamed(t, "remove", rights, "setup", "--remove")
}
