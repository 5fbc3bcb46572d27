package doctor

import (
	"slices"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/pkg/setup"
)

func TestAnonymousBindings(t *testing.T) {
	builtin := map[string]string{"kubernetes.io/bootstrapping": "rbac-defaults"}
	anonymous := rbacv1.Subject{Kind: "User", Name: "system:anonymous"}
	group := rbacv1.Subject{Kind: "Group", Name: "system:unauthenticated"}
	wide := func(name, role string, labels map[string]string, subjects ...rbacv1.Subject) runtime.Object {
		return &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}, Subjects: subjects,
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
		}
	}
	local := func(namespace, name, kind, role string) runtime.Object {
		return &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Subjects: []rbacv1.Subject{anonymous},
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: role},
		}
	}
	const reader, ofGroup = "kubeadm:bootstrap-signer-clusterinfo", "bootctl:bootstrap-signer-clusterinfo:system:bootstrappers:nodes"
	role := func(name string, rules ...rbacv1.PolicyRule) runtime.Object {
		return &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-public", Name: name}, Rules: rules}
	}
	read := rbacv1.PolicyRule{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: []string{"cluster-info"}}
	changed := func(change func(*rbacv1.PolicyRule)) rbacv1.PolicyRule {
		rule := *read.DeepCopy()
		change(&rule)
		return rule
	}
	roles := []runtime.Object{
		role("narrow", read), role("nothing"), role("more", read, rbacv1.PolicyRule{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"secrets"}}),
		role("writes", changed(func(r *rbacv1.PolicyRule) { r.Verbs = append(r.Verbs, "update") })),
		role("all of them", changed(func(r *rbacv1.PolicyRule) { r.ResourceNames = nil })),
		&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "narrow"}, Rules: []rbacv1.PolicyRule{read}},
	}
	tests := []struct {
		name    string
		binding runtime.Object
		found   bool
	}{
		{"the API server's", wide("system:public-info-viewer", "system:public-info-viewer", builtin, group), false},
		{"its name without its label", wide("system:public-info-viewer", "system:public-info-viewer", nil, group), true},
		{"its name with another role", wide("system:public-info-viewer", "cluster-admin", builtin, group), true},
		{"its label with another name", wide("x", "x", builtin, group), true},
		{"user", wide("x", "view", nil, anonymous), true},
		{"group and others", wide("x", "view", nil, rbacv1.Subject{Kind: "User", Name: "jane"}, group), true},
		{"only others", wide("x", "view", nil, rbacv1.Subject{Kind: "User", Name: "jane"}, rbacv1.Subject{Kind: "Group", Name: "system:authenticated"}), false},
		{"a service account with that name", wide("x", "view", nil, rbacv1.Subject{Kind: "ServiceAccount", Name: "system:anonymous"}), false},
		{"in a namespace", local("default", "x", "Role", "x"), true},
		{"kubeadm's", local("kube-public", reader, "Role", reader), false},
		{"for another group", local("kube-public", ofGroup, "Role", ofGroup), false},
		{"kubeadm's name in another namespace", local("default", reader, "Role", reader), true},
		{"kubeadm's name with another role", local("kube-public", reader, "ClusterRole", "view"), true},
		{"another that reads only cluster-info", local("kube-public", "x", "Role", "narrow"), false},
		{"another that reads nothing", local("kube-public", "x", "Role", "nothing"), false},
		{"another that reads more", local("kube-public", "x", "Role", "more"), true},
		{"another that writes", local("kube-public", "x", "Role", "writes"), true},
		{"another that reads all configmaps", local("kube-public", "x", "Role", "all of them"), true},
		{"another whose role is missing", local("kube-public", "x", "Role", "gone"), true},
		{"another with a ClusterRole", local("kube-public", "x", "ClusterRole", "narrow"), true},
		{"another in another namespace", local("default", "x", "Role", "narrow"), true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := anonymousBindings(t.Context(), fake.NewClientset(append(roles, test.binding)...).RbacV1())
			if err != nil || (len(got) == 1) != test.found {
				t.Errorf("bindings %v, error %v", got, err)
			}
		})
	}
}

func TestGrantedElsewhere(t *testing.T) {
	const group = "system:bootstrappers:kubeadm:default-node-token"
	type spec = authorizationv1.SubjectAccessReviewSpec
	tests := []struct {
		name   string
		object string
		allow  func(spec) bool
		want   bool
	}{
		{"nothing", "ClusterRoleBinding kubeadm:kubelet-bootstrap", func(spec) bool { return false }, false},
		{"everything", "ClusterRoleBinding kubeadm:kubelet-bootstrap", func(s spec) bool {
			return slices.Contains(s.Groups, group) && slices.Contains(s.Groups, "system:bootstrappers") && s.ResourceAttributes.Resource == "certificatesigningrequests"
		}, true},
		{"a part", "ClusterRoleBinding kubeadm:kubelet-bootstrap", func(s spec) bool { return s.ResourceAttributes.Verb != "watch" }, false},
		{"a role granted otherwise", "ClusterRole kubeadm:get-nodes", func(s spec) bool {
			return slices.Contains(s.Groups, group) && s.ResourceAttributes.Resource == "nodes" && s.ResourceAttributes.Verb == "get"
		}, true},
		{"a subresource", "ClusterRoleBinding kubeadm:node-autoapprove-certificate-rotation", func(s spec) bool {
			return s.ResourceAttributes.Resource == "certificatesigningrequests" && s.ResourceAttributes.Subresource == "selfnodeclient" && slices.Contains(s.Groups, "system:nodes")
		}, true},
		{"cluster-info for everyone", "RoleBinding kube-public/kubeadm:bootstrap-signer-clusterinfo", func(s spec) bool {
			return s.User == "system:anonymous" && slices.Equal(s.Groups, []string{"system:unauthenticated"}) && s.ResourceAttributes.Name == "cluster-info" && s.ResourceAttributes.Namespace == "kube-public"
		}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client := fake.NewClientset()
			client.PrependReactor("create", "subjectaccessreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
				review := action.(clienttesting.CreateAction).GetObject().(*authorizationv1.SubjectAccessReview).DeepCopy()
				review.Status.Allowed = test.allow(review.Spec)
				return true, review, nil
			})
			objects := setup.Objects(setup.Options{})
			at := slices.IndexFunc(objects, func(o setup.Object) bool { return o.String() == test.object })
			if got, err := grantedElsewhere(t.Context(), client.AuthorizationV1(), objects, objects[at]); got != test.want || err != nil {
				t.Errorf("granted: %t, %v", got, err)
			}
		})
	}
}
