package setup

import (
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/pkg/token"
)

// Label marks the objects that setup created.
const (
	Label      = "app.kubernetes.io/managed-by"
	LabelValue = "bootctl"
)

// Names of kubeadm's objects.
const (
	clusterInfoName  = "kubeadm:bootstrap-signer-clusterinfo"
	bootstrapName    = "kubeadm:kubelet-bootstrap"
	getNodesName     = "kubeadm:get-nodes"
	autoApproveName  = "kubeadm:node-autoapprove-bootstrap"
	autoRotationName = "kubeadm:node-autoapprove-certificate-rotation"
)

// Object is one RBAC object: a role or a binding, in a namespace or not.
type Object struct {
	Kind, Namespace, Name string
	// Rules are those of a role.
	Rules []rbacv1.PolicyRule
	// RoleRef and Subjects are those of a binding.
	RoleRef  rbacv1.RoleRef
	Subjects []rbacv1.Subject
	// Unwanted says that no object of the name may be there.
	Unwanted bool
}

// Approval says whether nodes get their certificates without a person's yes.
type Approval string

// The two ways.
const (
	// AutoApproveNodes lets the cluster's own controller approve what the
	// tokens of nodes ask for.
	AutoApproveNodes Approval = "nodes"
	// AutoApproveNone leaves each new node to a person; nodes still renew the
	// certificates that they have.
	AutoApproveNone Approval = "none"
)

// Objects returns the RBAC that nodes need to join, and what must not be there.
func Objects(approval Approval) []Object {
	nodes := group(token.DefaultGroup)
	objects := []Object{
		{Kind: "Role", Namespace: metav1.NamespacePublic, Name: clusterInfoName, Rules: []rbacv1.PolicyRule{
			{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: []string{api.ConfigMapClusterInfo}},
		}},
		{Kind: "RoleBinding", Namespace: metav1.NamespacePublic, Name: clusterInfoName, RoleRef: ref("Role", clusterInfoName),
			Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "system:anonymous"}}},
		{Kind: "ClusterRole", Name: getNodesName, Rules: []rbacv1.PolicyRule{
			{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"nodes"}},
		}},
		binding(getNodesName, getNodesName, nodes),
		binding(bootstrapName, "system:node-bootstrapper", nodes),
		binding(autoRotationName, "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient", group("system:nodes")),
	}
	autoApprove := binding(autoApproveName, "system:certificates.k8s.io:certificatesigningrequests:nodeclient", nodes)
	autoApprove.Unwanted = approval != AutoApproveNodes
	return append(objects, autoApprove)
}

func binding(name, role string, subject rbacv1.Subject) Object {
	return Object{Kind: "ClusterRoleBinding", Name: name, RoleRef: ref("ClusterRole", role), Subjects: []rbacv1.Subject{subject}}
}

func group(name string) rbacv1.Subject {
	return rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: name}
}

func ref(kind, name string) rbacv1.RoleRef {
	return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: name}
}
