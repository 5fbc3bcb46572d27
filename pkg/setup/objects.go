package setup

import (
	"cmp"
	"fmt"

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

// The user and the group of anonymous requests.
const (
	Anonymous       = "system:anonymous"
	Unauthenticated = "system:unauthenticated"
)

// Object is one RBAC object: a role or a binding, namespaced or not.
type Object struct {
	Kind, Namespace, Name string
	// Rules are the rules of a role.
	Rules []rbacv1.PolicyRule
	// RoleRef and Subjects are the fields of a binding.
	RoleRef  rbacv1.RoleRef
	Subjects []rbacv1.Subject
	// Unwanted means that no object with this name may exist, and Optional that it is
	// created only if none of the other objects exists.
	Unwanted, Optional bool
}

// String names the object, for example "ClusterRole NAME".
func (o Object) String() string {
	if o.Namespace != "" {
		return fmt.Sprintf("%s %s/%s", o.Kind, o.Namespace, o.Name)
	}
	return fmt.Sprintf("%s %s", o.Kind, o.Name)
}

// Binds reports whether the object is a binding of the role.
func (o Object) Binds(role Object) bool {
	return o.RoleRef == ref(role.Kind, role.Name) && o.Namespace == role.Namespace
}

// Approval specifies who approves the CSRs of new nodes.
type Approval string

// The values of Approval.
const (
	// AutoApproveNodes lets the csrapproving controller approve the CSRs of new nodes.
	AutoApproveNodes Approval = "nodes"
	// AutoApproveNone requires manual approval of each new node; nodes can still renew
	// their certificates.
	AutoApproveNone Approval = "none"
	// AutoApproveKeep keeps the setting of a cluster that has been set up, and is
	// AutoApproveNodes for a new cluster.
	AutoApproveKeep Approval = "keep"
)

// Options specify what nodes may do.
type Options struct {
	// Group is the group of node tokens; empty means token.DefaultGroup.
	Group string
	// Approval defaults to AutoApproveNodes.
	Approval Approval
}

// reading is the name of the objects that let nodes read cluster-info.
const reading = "bootstrap-signer-clusterinfo"

// The roles that the API server maintains for nodes.
const (
	bootstrapper   = "system:node-bootstrapper"
	nodeClient     = "system:certificates.k8s.io:certificatesigningrequests:nodeclient"
	selfNodeClient = "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient"
)

// Objects returns the RBAC objects that nodes need to join, and those that must not
// exist. For kubeadm's group they have kubeadm's names; for another group the names
// contain the group: a binding has one list of subjects, so replacing kubeadm's would
// lock out kubeadm's own tokens.
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

// TokenGroup returns the group of node tokens.
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
