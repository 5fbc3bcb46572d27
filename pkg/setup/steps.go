package setup

import (
	"context"
	"maps"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// changes returns the steps to apply all objects.
func (s Setup) changes(states []State) []step {
	isSetUp := slices.ContainsFunc(states, func(s State) bool { return s.Exists && !s.Object.Optional })
	var steps []step
	for _, state := range states {
		switch o := state.Object; {
		case o.Optional && !state.Exists && isSetUp:
			steps = append(steps, step{result: Result{o, Skipped, "new nodes still need manual approval"}})
		case state.Exists || !o.Unwanted:
			steps = append(steps, s.change(state))
		}
	}
	return steps
}

func (s Setup) change(state State) step {
	o, difference := state.Object, state.Difference()
	switch {
	case !state.Exists:
		return step{Result{o, Created, difference}, state, s.create}
	case !state.Differs():
		return step{result: Result{o, Unchanged, difference}}
	case !s.Force:
		return step{result: Result{o, differs, difference}}
	case o.Unwanted:
		return step{Result{o, Deleted, difference}, state, s.remove}
	case state.otherRole:
		return step{Result{o, Updated, difference}, state, s.recreate}
	}
	return step{Result{o, Updated, difference}, state, s.update}
}

// removals returns the steps to delete all objects that setup created.
func (s Setup) removals(states []State) []step {
	var steps []step
	for _, state := range slices.Backward(states) { // bindings before their roles
		switch o := state.Object; {
		case !state.Exists:
		case !state.Managed:
			steps = append(steps, step{result: Result{o, Kept, "setup did not create it"}})
		default:
			steps = append(steps, step{Result{o, Deleted, ""}, state, s.remove})
		}
	}
	return steps
}

func (s Setup) remove(ctx context.Context, state State, dryRun []string) error {
	return storeOf(s.RBAC, state.Object).remove(ctx, state.meta, dryRun)
}

func (s Setup) update(ctx context.Context, state State, dryRun []string) error {
	return storeOf(s.RBAC, state.Object).update(ctx, state.Object.manifest(state.meta), dryRun)
}

// recreate replaces a binding, because its role cannot be changed.
func (s Setup) recreate(ctx context.Context, state State, dryRun []string) error {
	if err := s.remove(ctx, state, dryRun); err != nil {
		return err
	}
	err := s.create(ctx, state, dryRun)
	if len(dryRun) > 0 && apierrors.IsAlreadyExists(err) { // it was validated, and the old one still exists
		return nil
	}
	return err
}

// create creates an object, with the labels and annotations of the object that it
// replaces. In a dry run, the API server cannot find a role that the same setup is about
// to create, so create checks the permission to bind it.
func (s Setup) create(ctx context.Context, state State, dryRun []string) error {
	o := state.Object
	meta := newObjectMeta(o.Namespace, o.Name)
	maps.Copy(meta.Labels, state.meta.Labels)
	meta.Labels[Label] = LabelValue
	meta.Annotations = state.meta.Annotations
	err := storeOf(s.RBAC, o).create(ctx, o.manifest(meta), dryRun)
	if len(dryRun) == 0 || !apierrors.IsNotFound(err) {
		return err
	}
	if i := slices.IndexFunc(s.Objects, o.Binds); i >= 0 {
		return s.canBind(ctx, o, s.Objects[i])
	}
	return err
}
