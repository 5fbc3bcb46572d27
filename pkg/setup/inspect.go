package setup

import (
	"context"
	"fmt"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	rbacv1client "k8s.io/client-go/kubernetes/typed/rbac/v1"
	"k8s.io/component-helpers/auth/rbac/validation"
)

// State is an object as it stands in the cluster.
type State struct {
	// Object is as it should be.
	Object Object
	Exists bool
	// Ours says that it carries the label of what setup created.
	Ours bool
	// Lacks and Extra are, in words, what it does not grant though it should, and
	// what it grants besides.
	Lacks, Extra []string

	meta metav1.ObjectMeta
	// otherRole says that a binding is of another role, which cannot be changed.
	otherRole bool
}

// Differs says whether something of the name is there that should not be so.
func (s State) Differs() bool { return s.Exists && len(s.Lacks)+len(s.Extra) > 0 }

// Difference tells what it lacks and what it has besides.
func (s State) Difference() string {
	var parts []string
	if len(s.Lacks) > 0 {
		parts = append(parts, "it lacks "+strings.Join(s.Lacks, ", "))
	}
	if len(s.Extra) > 0 {
		parts = append(parts, "it has "+strings.Join(s.Extra, ", "))
	}
	return strings.Join(parts, "; ")
}

// Inspect returns how each of the objects stands in the cluster. What is written
// otherwise and grants the same does not differ.
//
// Access: get on roles and rolebindings in kube-public, and on clusterroles and
// clusterrolebindings. It returns an [*kubeclient.MissingPermissionError] that names all that is missing.
func Inspect(ctx context.Context, client rbacv1client.RbacV1Interface, objects []Object) ([]State, error) {
	states := make([]State, 0, len(objects))
	var missing rights
	for _, o := range objects {
		found, err := storeOf(client, o).get(ctx, o.Name)
		switch {
		case apierrors.IsNotFound(err):
			states = append(states, State{Object: o})
		case err != nil:
			if err := missing.note(err); err != nil {
				return nil, fmt.Errorf("get %s: %w", o, err)
			}
		default:
			states = append(states, compared(o, found))
		}
	}
	return states, missing.err()
}

func compared(wanted Object, object any) State {
	found, meta := Read(object)
	s := State{Object: wanted, Exists: true, Ours: meta.Labels[Label] == LabelValue, meta: meta}
	if wanted.Unwanted {
		s.Extra = []string{"the right of new nodes to be approved at once"}
		return s
	}
	s.otherRole = wanted.RoleRef != found.RoleRef
	if s.otherRole {
		s.Lacks = append(s.Lacks, fmt.Sprintf("the %s %s", wanted.RoleRef.Kind, wanted.RoleRef.Name))
		s.Extra = append(s.Extra, fmt.Sprintf("the %s %s", found.RoleRef.Kind, found.RoleRef.Name))
	}
	s.Lacks = slices.Concat(s.Lacks, uncovered(found.Rules, wanted.Rules), without(wanted.Subjects, found.Subjects))
	s.Extra = slices.Concat(s.Extra, uncovered(wanted.Rules, found.Rules), without(found.Subjects, wanted.Subjects))
	return s
}

// uncovered returns, in words, what the second rules allow and the first do not.
func uncovered(by, rules []rbacv1.PolicyRule) []string {
	_, rest := validation.Covers(by, rules)
	var words []string
	for _, rule := range rest {
		words = append(words, ruleText(rule))
	}
	return words
}

// ruleText is a rule as it is spoken, such as get configmaps named cluster-info.
func ruleText(rule rbacv1.PolicyRule) string {
	text := strings.Join(rule.Verbs, ",") + " " + strings.Join(append(slices.Clone(rule.Resources), rule.NonResourceURLs...), ",")
	if groups := strings.Join(rule.APIGroups, ","); groups != "" {
		text += " in the API group " + groups
	}
	if len(rule.ResourceNames) > 0 {
		text += " named " + strings.Join(rule.ResourceNames, ",")
	}
	return text
}

// without returns, in words, the subjects that are not among the others.
func without(subjects, others []rbacv1.Subject) []string {
	var words []string
	for _, s := range subjects {
		if !slices.Contains(others, s) {
			words = append(words, "the "+Object{Kind: strings.ToLower(s.Kind), Namespace: s.Namespace, Name: s.Name}.String())
		}
	}
	return words
}
