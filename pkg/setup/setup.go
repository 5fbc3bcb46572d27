package setup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	authorizationv1client "k8s.io/client-go/kubernetes/typed/authorization/v1"
	rbacv1client "k8s.io/client-go/kubernetes/typed/rbac/v1"
	"k8s.io/client-go/util/retry"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/pkg/clusterinfo"
)

// ErrDiffers means that an object of the name exists and is another one.
var ErrDiffers = errors.New("it exists already and is not what setup makes")

// DiffersError names the objects that differ, and how. It matches ErrDiffers.
type DiffersError struct{ Differences []string }

func (e *DiffersError) Error() string { return strings.Join(e.Differences, "; ") }

// Unwrap returns ErrDiffers.
func (e *DiffersError) Unwrap() error { return ErrDiffers }

// Action is what was done about an object, or in a dry run would be.
type Action string

// The actions.
const (
	Created   Action = "created"
	Updated   Action = "updated"
	Signed    Action = "signed" // cluster-info, whose signatures alone were not right
	Unchanged Action = "unchanged"
	Deleted   Action = "deleted"
	Kept      Action = "kept"     // since setup did not make it, or it is needed
	Skipped   Action = "left out" // which is optional, and the others were there
)

// Result says what was done about an object.
type Result struct {
	Kind, Namespace, Name string
	Action                Action
	// Why says in words how an updated object differed, or why one was kept or left
	// out.
	Why string
}

// Setup prepares a cluster, and takes that back. Several at a time do no harm.
type Setup struct {
	RBAC          rbacv1client.RbacV1Interface
	Core          clusterinfo.Client
	Authorization authorizationv1client.SelfSubjectAccessReviewsGetter
	// Now is the clock that tokens expire by.
	Now func() time.Time
	// Objects are those of Objects.
	Objects []Object
	// Document returns the kubeconfig for cluster-info. It is not called where
	// Keep says that one which is there is right, and a node would take it.
	Document func() ([]byte, error)
	Keep     bool
	// Force makes what differs as it should be.
	Force bool
	// DryRun changes nothing; the API server judges each change all the same.
	DryRun bool
}

// Apply creates what is absent, and leaves alone what is there and grants the
// same. It changes nothing when something is there and differs, which is then a
// *DiffersError, unless Force is set; nor when the caller lacks a right, which is
// an [*kubeclient.MissingPermissionError].
//
// Access: get, create, update and delete on roles and rolebindings in
// kube-public, and on clusterroles and clusterrolebindings; every right that the
// objects grant, or bind and escalate; and what clusterinfo.Writer takes.
func (s Setup) Apply(ctx context.Context) ([]Result, error) {
	return s.run(ctx, s.plan)
}

// Remove deletes those of the objects that setup created, as their label says,
// and cluster-info where it created that and no other group's objects are left.
//
// Access: get and delete on the objects and on the configmap cluster-info, and
// list on roles in kube-public.
func (s Setup) Remove(ctx context.Context) ([]Result, error) {
	return s.run(ctx, s.planRemoval)
}

// step is one change, or none where do is nil.
type step struct {
	result Result
	// do makes the change, or lets the API server judge it.
	do func(ctx context.Context, dryRun bool) error
}

// run plans, lets the API server judge every change, and only then makes them.
// When someone else changed something meanwhile, it starts again.
func (s Setup) run(ctx context.Context, plan func(context.Context) ([]step, error)) ([]Result, error) {
	done := map[string]Result{}
	var results []Result
	backoff := wait.Backoff{Steps: 10, Duration: 20 * time.Millisecond, Factor: 1.5, Jitter: 1}
	err := retry.OnError(backoff, isConflict, func() error {
		steps, err := plan(ctx)
		if err != nil {
			return err
		}
		if err := rehearse(ctx, steps); err != nil {
			return err
		}
		results = nil
		for _, step := range steps {
			r := step.result
			key := named(r.Kind, r.Namespace, r.Name)
			if step.do != nil && !s.DryRun {
				if err := step.do(ctx, false); err != nil {
					return fmt.Errorf("%s: %w", key, err)
				}
				done[key] = r
			} else if before, ok := done[key]; ok {
				r = before
			}
			results = append(results, r)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// isConflict says whether someone else made a change first.
func isConflict(err error) bool {
	return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || (apierrors.IsNotFound(err) && !errors.Is(err, clusterinfo.ErrNotFound))
}

// rehearse lets the API server judge every change without making it.
func rehearse(ctx context.Context, steps []step) error {
	var missing rights
	for _, step := range steps {
		if step.do == nil {
			continue
		}
		r := step.result
		if err := missing.note(step.do(ctx, true)); err != nil && !dryRunUnsupported(err) {
			return fmt.Errorf("%s: %w", named(r.Kind, r.Namespace, r.Name), err)
		}
	}
	return missing.err()
}

// dryRunUnsupported says whether an admission webhook does not judge dry runs.
func dryRunUnsupported(err error) bool {
	return apierrors.IsBadRequest(err) && strings.Contains(err.Error(), "dry run")
}

// plan says what it takes to have all the objects as they should be.
func (s Setup) plan(ctx context.Context) ([]step, error) {
	states, err := Inspect(ctx, s.RBAC, s.Objects)
	var missing rights
	if err := missing.note(err); err != nil {
		return nil, err
	}
	info, err := s.planClusterInfo(ctx)
	var differs *DiffersError
	if err := missing.note(err); err != nil && !errors.As(err, &differs) {
		return nil, err
	}
	if err := missing.err(); err != nil {
		return nil, err
	}
	isSetUp := slices.ContainsFunc(states, func(s State) bool { return s.Exists && !s.Object.Optional })
	var steps []step
	var differences []string
	for _, state := range states {
		o := state.Object
		switch {
		case o.Optional && !state.Exists && isSetUp:
			steps = append(steps, step{result: Result{o.Kind, o.Namespace, o.Name, Skipped, "new nodes wait for a person, as before"}})
		case state.Differs() && !s.Force:
			differences = append(differences, fmt.Sprintf("%s: %v: %s", o, ErrDiffers, state.Difference()))
		case state.Exists || !o.Unwanted:
			steps = append(steps, s.stepFor(state))
		}
	}
	if differs != nil {
		differences = append(differences, differs.Differences...)
	}
	if len(differences) > 0 {
		return nil, &DiffersError{differences}
	}
	return append(steps, info), nil
}

func (s Setup) stepFor(state State) step {
	o := state.Object
	at := storeOf(s.RBAC, o)
	result := Result{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name, Why: state.Difference()}
	switch {
	case !state.Exists:
		result.Action = Created
		return step{result, func(ctx context.Context, dryRun bool) error {
			err := at.create(ctx, newObjectMeta(o.Namespace, o.Name), o, dryRunOf(dryRun))
			return s.judgedWithoutRole(ctx, o, err, dryRun)
		}}
	case !state.Differs():
		result.Action = Unchanged
		return step{result: result}
	case o.Unwanted:
		result.Action = Deleted
		return step{result, func(ctx context.Context, dryRun bool) error { return at.remove(ctx, state.meta, dryRunOf(dryRun)) }}
	case state.otherRole:
		result.Action = Updated
		return step{result, func(ctx context.Context, dryRun bool) error { return s.recreate(ctx, at, state, dryRun) }}
	}
	result.Action = Updated
	return step{result, func(ctx context.Context, dryRun bool) error { return at.update(ctx, state.meta, o, dryRunOf(dryRun)) }}
}

func dryRunOf(dryRun bool) []string {
	if dryRun {
		return []string{metav1.DryRunAll}
	}
	return nil
}

// recreate makes a binding anew, since its role cannot be changed.
func (s Setup) recreate(ctx context.Context, at store, state State, dryRun bool) error {
	if err := at.remove(ctx, state.meta, dryRunOf(dryRun)); err != nil {
		return err
	}
	meta := newObjectMeta(state.meta.Namespace, state.meta.Name)
	for key, value := range state.meta.Labels {
		if key != Label {
			meta.Labels[key] = value
		}
	}
	meta.Annotations = state.meta.Annotations
	err := at.create(ctx, meta, state.Object, dryRunOf(dryRun))
	if dryRun && apierrors.IsAlreadyExists(err) { // it was judged, and the old one is still there
		return nil
	}
	return s.judgedWithoutRole(ctx, state.Object, err, dryRun)
}

// judgedWithoutRole judges in the API server's place a binding whose role the same
// setup is about to create, which a dry run does not find.
func (s Setup) judgedWithoutRole(ctx context.Context, o Object, err error, dryRun bool) error {
	if !dryRun || !apierrors.IsNotFound(err) {
		return err
	}
	for _, role := range s.Objects {
		if role.Kind == o.RoleRef.Kind && role.Name == o.RoleRef.Name && role.Namespace == o.Namespace {
			return s.mayBind(ctx, o, role)
		}
	}
	return err
}

// Manifests returns what setup creates, cluster-info last and without signatures,
// for tools that bring manifests into a cluster. It asks no server.
func Manifests(objects []Object, document []byte) []any {
	var all []any
	for _, o := range objects {
		if !o.Unwanted {
			all = append(all, o.Manifest())
		}
	}
	return append(all, &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: newObjectMeta(metav1.NamespacePublic, api.ConfigMapClusterInfo),
		Data:       map[string]string{api.KubeConfigKey: string(document)},
	})
}
