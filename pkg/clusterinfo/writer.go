package clusterinfo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/wait"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/util/retry"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/pkg/kubeclient"
	"github.com/bootctl/bootctl/pkg/token"
)

// Client is the part of the API that a Writer uses.
type Client interface {
	corev1client.ConfigMapsGetter
	corev1client.SecretsGetter
}

// Writer writes cluster-info. Each write is one request that fails if the ConfigMap has
// changed since it was read. It includes the signatures that the bootstrap signer would
// add, so no reader sees a kubeconfig without them and the signer has nothing to
// change. Other data in the ConfigMap is kept.
//
// Access: get, create and update on configmaps in kube-public; list on secrets
// in kube-system.
type Writer struct {
	Client Client
	// Now is the clock for expirations.
	Now func() time.Time
	// Confirm is called before a change is written, and again if a conflict leads to
	// another change. Its error ends the write. nil means that no confirmation is
	// needed.
	Confirm func(Change) error
	// Labels are set on a ConfigMap that is created.
	Labels map[string]string
	// PlanOnly returns the change without calling Confirm and without writing.
	PlanOnly bool
	// DryRun is the DryRun option of the write: with metav1.DryRunAll in it, the API
	// server validates the write without storing it.
	DryRun []string
}

// Change is what a write changes. The zero value is no change.
type Change struct {
	// Written reports whether the API server accepted the write.
	Written bool
	// Creates reports whether the ConfigMap was missing.
	Creates bool
	// Before and After are the kubeconfig; Before is nil if it was missing.
	Before, After []byte
	// Added, Replaced and Removed are the IDs of signatures, in order.
	Added, Replaced, Removed []string
}

// IsEmpty reports whether nothing changes.
func (c Change) IsEmpty() bool {
	return !c.ChangesDocument() && len(c.Added)+len(c.Replaced)+len(c.Removed) == 0
}

// ChangesDocument reports whether the kubeconfig changes.
func (c Change) ChangesDocument() bool { return !bytes.Equal(c.Before, c.After) }

// Publish makes document the kubeconfig in cluster-info, signed with every valid
// signing token. It returns an error that matches ErrDocument if a node would reject
// the document.
func (w Writer) Publish(ctx context.Context, document []byte) (Change, error) {
	if _, err := ParseDocument(document); err != nil {
		return Change{}, err
	}
	return w.write(ctx, document)
}

// Sign signs the existing kubeconfig in cluster-info with every valid signing token, as
// the bootstrap signer does. It returns an error that matches ErrNotFound if
// cluster-info is missing.
func (w Writer) Sign(ctx context.Context) (Change, error) {
	return w.write(ctx, nil)
}

// write makes document the kubeconfig; nil keeps the existing one.
func (w Writer) write(ctx context.Context, document []byte) (Change, error) {
	var change, confirmed Change
	backoff := wait.Backoff{Steps: 50, Duration: 20 * time.Millisecond, Factor: 1.1, Jitter: 1} // about 30 s
	err := retry.OnError(backoff, kubeclient.IsConflict, func() error {
		wanted, planned, err := w.plan(ctx, document)
		if err != nil {
			return err
		}
		change = planned
		if change.IsEmpty() || w.PlanOnly {
			return nil
		}
		if w.Confirm != nil && !reflect.DeepEqual(change, confirmed) {
			if err := w.Confirm(change); err != nil {
				return err
			}
			confirmed = change
		}
		err = w.store(ctx, change.Creates, wanted)
		change.Written = err == nil
		return err
	})
	return change, err
}

// plan returns the wanted cluster-info, and what it changes. It reads the tokens after
// cluster-info: a token that has already signed it cannot be missed, and a later
// signature makes the write fail with a conflict.
func (w Writer) plan(ctx context.Context, document []byte) (*corev1.ConfigMap, Change, error) {
	old, err := get(ctx, w.Client)
	isAbsent := errors.Is(err, ErrNotFound)
	switch {
	case isAbsent:
		old = &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: api.ConfigMapClusterInfo, Namespace: metav1.NamespacePublic, Labels: w.Labels}}
	case err != nil:
		return nil, Change{}, err
	}
	wanted := old.DeepCopy()
	if document == nil {
		document = []byte(wanted.Data[api.KubeConfigKey])
	}
	if len(document) == 0 {
		return nil, Change{}, fmt.Errorf("configmap kube-public/cluster-info: %w", ErrNotFound)
	}
	tokens, err := token.List(ctx, w.Client)
	if err != nil {
		return nil, Change{}, err
	}
	wanted.Data = signed(wanted.Data, document, tokens, w.Now())
	change := changeOf(old, wanted)
	change.Creates = isAbsent
	return wanted, change, nil
}

// signed returns data with document and exactly the signatures that belong to it.
func signed(data map[string]string, document []byte, tokens []token.Info, now time.Time) map[string]string {
	out := map[string]string{api.KubeConfigKey: string(document)}
	for key, value := range data {
		if key != api.KubeConfigKey && !strings.HasPrefix(key, api.JWSSignatureKeyPrefix) {
			out[key] = value
		}
	}
	for _, info := range tokens {
		if info.Signs(now) {
			out[api.JWSSignatureKeyPrefix+info.ID] = Sign(document, info.Token)
		}
	}
	return out
}

// store creates or updates cluster-info.
func (w Writer) store(ctx context.Context, absent bool, wanted *corev1.ConfigMap) error {
	configMaps := w.Client.ConfigMaps(metav1.NamespacePublic)
	var err error
	if absent {
		_, err = configMaps.Create(ctx, wanted, metav1.CreateOptions{DryRun: w.DryRun})
	} else {
		_, err = configMaps.Update(ctx, wanted, metav1.UpdateOptions{DryRun: w.DryRun})
	}
	if err != nil {
		return fmt.Errorf("write configmap kube-public/cluster-info: %w", err)
	}
	return nil
}

// changeOf compares the existing cluster-info with the wanted one.
func changeOf(old, wanted *corev1.ConfigMap) Change {
	c := Change{After: []byte(wanted.Data[api.KubeConfigKey])}
	if text, ok := old.Data[api.KubeConfigKey]; ok {
		c.Before = []byte(text)
	}
	before, _ := read(old)
	after, _ := read(wanted)
	had, has := sets.KeySet(before.Signatures), sets.KeySet(after.Signatures)
	c.Added, c.Removed = sets.List(has.Difference(had)), sets.List(had.Difference(has))
	for _, id := range sets.List(had.Intersection(has)) {
		if before.Signatures[id] != after.Signatures[id] {
			c.Replaced = append(c.Replaced, id)
		}
	}
	return c
}
