package setup

import (
	"cmp"
	"fmt"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/pkg/token"
)

// Label marks what setup created.
const (
	Label      = "app.kubernetes.io/managed-by"
	LabelValue = "bootctl"
)

// The user and the group of requests without credentials.
const (
	Anonymous       = "system:anonymous"
	Unauthenticated = "system:unauthenticated"
)

// Object is one RBAC object: a role or a binding, in a namespace or not.
type Object struct {
	Kind, Namespace, Name string
	// Rules are those of a role.
	Rules []rbacv1.PolicyRule
	// RoleRef and Subjects are those of a binding.
	RoleRef  rbacv1.RoleRef
	Subjects []rbacv1.Subject
	// Unwanted says that no object of the name may be there, and Optional that it is
	// made only where none of the others is there yet.
	Unwanted, Optional bool
}

// String names the object, as in ClusterRole NAME.
func (o Object) String() string {
	if o.Namespace != "" {
		return fmt.Sprintf("%s %s/%s", o.Kind, o.Namespace, o.Name)
	}
	return fmt.Sprintf("%s %s", o.Kind, o.Name)
}

// Binds says whether the object is a binding of the role.
func (o Object) Binds(role Object) bool {
	return o.RoleRef == ref(role.Kind, role.Name) && o.Namespace == role.Namespace
}

// Approval says whether nodes get their certificates without a person's yes.
type Approval string

// The ways.
const (
	// AutoApproveNodes lets the cluster's own controller approve what the
	// tokens of nodes ask for.
	AutoApproveNodes Approval = "nodes"
	// AutoApproveNone leaves each new node to a person; nodes still renew the
	// certificates that they have.
	AutoApproveNone Approval = "none"
	// AutoApproveKeep leaves a cluster that was set up as it is in this, and is
	// AutoApproveNodes for a bare one.
	AutoApproveKeep Approval = "keep"
)

// Options say what nodes shall be able to do.
type Options struct {
	// Group is that of the tokens of nodes; empty means token.DefaultGroup.
	Group string
	// Approval is AutoApproveNodes where it is empty.
	Approval Approval
}

// reading is what the objects are called by which nodes read cluster-info.
const reading = "bootstrap-signer-clusterinfo"

// The roles that the API server keeps for nodes.
const (
	bootstrapper   = "system:node-bootstrapper"
	nodeClient     = "system:certificates.k8s.io:certificatesigningrequests:nodeclient"
	selfNodeClient = "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient"
)

// Objects returns the RBAC that nodes need to join, and what must not be there.
// For kubeadm's group the names are kubeadm's; for another one they have the
// group in them, since a binding's subjects are one list: who replaced kubeadm's
// would lock kubeadm's own tokens out.
func Objects(o Options) []Object {
	nodes := subject(rbacv1.GroupKind, o.TokenGroup())
	reader, getNodes := o.name(reading), o.name("get-nodes")
	objects := []Object{
		{Kind: "Role", Namespace: metav1.NamespacePublic, Name: reader, Rules: []rbacv1.PolicyRule{
			{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: []string{api.ConfigMapClusterInfo}},
		}},
		{Kind: "RoleBinding", Namespace: metav1.NamespacePublic, Name: reader, RoleRef: ref("Role", reader),
			Subjects: []rbacv1.Subject{subject(rbacv1.UserKind, Anonymous)}},
		{Kind: "ClusterRole", Name: getNodes, Rules: []rbacv1.PolicyRule{
			{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"nodes"}},
		}},
		binding(getNodes, getNodes, nodes),
		binding(o.name("kubelet-bootstrap"), bootstrapper, nodes),
		binding(o.name("node-autoapprove-certificate-rotation"), selfNodeClient, subject(rbacv1.GroupKind, "system:nodes")),
	}
	autoApprove := binding(o.name("node-autoapprove-bootstrap"), nodeClient, nodes)
	autoApprove.Unwanted, autoApprove.Optional = o.Approval == AutoApproveNone, o.Approval == AutoApproveKeep
	return append(objects, autoApprove)
}

// TokenGroup returns the group of the tokens of nodes.
func (o Options) TokenGroup() string { return cmp.Or(o.Group, token.DefaultGroup) }

func (o Options) name(what string) string {
	if o.TokenGroup() == token.DefaultGroup {
		return "kubeadm:" + what
	}
	return "bootctl:" + what + ":" + o.TokenGroup()
}

func binding(name, role string, to rbacv1.Subject) Object {
	return Object{Kind: "ClusterRoleBinding", Name: name, RoleRef: ref("ClusterRole", role), Subjects: []rbacv1.Subject{to}}
}

func subject(kind, name string) rbacv1.Subject {
	return rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: kind, Name: name}
}

func ref(kind, name string) rbacv1.RoleRef {
	return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: name}
}
