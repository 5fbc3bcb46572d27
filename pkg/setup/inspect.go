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

// State is the state of an object in the cluster.
type State struct {
	// Object is the wanted object.
	Object Object
	Exists bool
	// Managed reports whether it has the label of objects that setup created.
	Managed bool
	// Missing and Extra describe what it should grant and does not, and what it grants
	// and should not.
	Missing, Extra []string

	meta metav1.ObjectMeta
	// otherRole reports whether a binding has another role, which cannot be changed.
	otherRole bool
}

// Differs reports whether the object exists and grants something different.
func (s State) Differs() bool { return s.Exists && len(s.Missing)+len(s.Extra) > 0 }

// Difference describes what the object is missing and what it has in addition.
func (s State) Difference() string {
	var parts []string
	if len(s.Missing) > 0 {
		parts = append(parts, "it lacks "+strings.Join(s.Missing, ", "))
	}
	if len(s.Extra) > 0 {
		parts = append(parts, "it has "+strings.Join(s.Extra, ", "))
	}
	return strings.Join(parts, "; ")
}

// Inspect returns the state of each of the objects in the cluster. An object that is
// written differently and grants the same does not differ.
//
// Access: get on roles and rolebindings in kube-public, and on clusterroles and
// clusterrolebindings. It returns an [*kubeclient.MissingPermissionError] that names
// every missing permission.
func Inspect(ctx context.Context, client rbacv1client.RbacV1Interface, objects []Object) ([]State, error) {
	states := make([]State, 0, len(objects))
	var missing missingPermissions
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
	s := State{Object: wanted, Exists: true, Managed: meta.Labels[Label] == LabelValue, meta: meta}
	if wanted.Unwanted {
		s.Extra = []string{"the permission for automatic approval of new nodes"}
		return s
	}
	s.otherRole = wanted.RoleRef != found.RoleRef
	if s.otherRole {
		s.Missing = append(s.Missing, fmt.Sprintf("the %s %s", wanted.RoleRef.Kind, wanted.RoleRef.Name))
		s.Extra = append(s.Extra, fmt.Sprintf("the %s %s", found.RoleRef.Kind, found.RoleRef.Name))
	}
	s.Missing = slices.Concat(s.Missing, uncovered(found.Rules, wanted.Rules), without(wanted.Subjects, found.Subjects))
	s.Extra = slices.Concat(s.Extra, uncovered(wanted.Rules, found.Rules), without(found.Subjects, wanted.Subjects))
	return s
}

// uncovered describes what the second rules allow and the first do not.
func uncovered(by, rules []rbacv1.PolicyRule) []string {
	_, rest := validation.Covers(by, rules)
	var words []string
	for _, rule := range rest {
		words = append(words, ruleText(rule))
	}
	return words
}

// ruleText describes a rule, for example "get configmaps named cluster-info".
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

// without describes the subjects that are not among the others.
func without(subjects, others []rbacv1.Subject) []string {
	var words []string
	for _, s := range subjects {
		if !slices.Contains(others, s) {
			words = append(words, "the "+Object{Kind: strings.ToLower(s.Kind), Namespace: s.Namespace, Name: s.Name}.String())
		}
	}
	return words
}
