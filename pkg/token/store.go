package token

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/cluster-bootstrap/token/api"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// Errors that a caller may handle.
var (
	ErrNotFound = errors.New("no such token")
	ErrExists   = errors.New("a token with this ID already exists")
	// ErrNotToken means that a Secret has a token's name and another type.
	ErrNotToken = errors.New("the Secret with this name is not a bootstrap token")
	// ErrChanged means that the token has changed since it was read.
	ErrChanged = errors.New("the token has changed since it was read")
)

// IDError is an error about the token with this ID.
type IDError struct {
	ID  string
	Err error
}

func (e *IDError) Error() string { return fmt.Sprintf("token %s: %v", e.ID, e.Err) }

// Unwrap returns Err.
func (e *IDError) Unwrap() error { return e.Err }

// Create stores a new token and returns it as stored in the cluster. It never replaces
// a token: it returns an error that matches ErrExists if a token has the same ID, and
// one that matches ErrInvalidSpec if the Spec is invalid. If the response is lost, it
// checks whether the token exists. If that remains unknown, it returns an Info with
// only the Spec along with the error, so that the caller can check later.
//
// Access: create on secrets in kube-system; get to check after a lost response.
func Create(ctx context.Context, client corev1client.SecretsGetter, spec Spec) (Info, error) {
	return Batch{Spec: spec}.create(ctx, client)
}

func (b Batch) create(ctx context.Context, client corev1client.SecretsGetter) (Info, error) {
	if err := b.Validate(); err != nil {
		return Info{}, err
	}
	var opts metav1.CreateOptions
	if b.DryRun {
		opts.DryRun = []string{metav1.DryRunAll}
	}
	secret, err := client.Secrets(metav1.NamespaceSystem).Create(ctx, b.Secret(), opts)
	switch {
	case err == nil:
		return Read(secret), nil
	case apierrors.IsAlreadyExists(err):
		return Info{}, &IDError{b.Token.ID(), ErrExists}
	}
	err = fmt.Errorf("create token %s: %w", b.Token.ID(), err)
	if !isOutcomeUnknown(err) {
		return Info{}, err
	}
	info, lookErr := stored(ctx, client, b.Token)
	switch {
	case lookErr == nil:
		return info, nil
	case errors.Is(lookErr, ErrOtherSecret):
		return Info{}, err
	case errors.Is(lookErr, ErrNotFound): // the server may still be processing the request
		return Info{Spec: b.Spec}, err
	}
	return Info{Spec: b.Spec}, fmt.Errorf("%w; it is unknown whether the token was created: %w", err, lookErr)
}

// CreateRandom stores a token with the settings of spec and a Token generated from
// random. It generates another one if the ID is taken. If it is unknown whether the
// token was created, it returns what Create returns in that case.
//
// Access: create and get on secrets in kube-system.
func CreateRandom(ctx context.Context, client corev1client.SecretsGetter, spec Spec, random io.Reader) (Info, error) {
	return Batch{Spec: spec, Random: random}.createOne(ctx, client)
}

// createOne stores the token of the Spec, or a random one.
func (b Batch) createOne(ctx context.Context, client corev1client.SecretsGetter) (Info, error) {
	if b.Random == nil {
		return b.create(ctx, client)
	}
	const attempts = 5 // with 10,000 tokens, the chance of five collisions in a row is 1 in 10^26
	for range attempts {
		var err error
		if b.Token, err = Generate(b.Random); err != nil {
			return Info{}, err
		}
		info, err := b.create(ctx, client)
		if !errors.Is(err, ErrExists) {
			return info, err
		}
		// If a response was lost, the client's retry finds the token of the first
		// attempt: nobody else has generated the same secret.
		switch info, lookErr := stored(ctx, client, b.Token); {
		case lookErr == nil:
			return info, nil
		case !errors.Is(lookErr, ErrNotFound) && !errors.Is(lookErr, ErrOtherSecret):
			return Info{Spec: b.Spec}, fmt.Errorf("%w; it is unknown who created it: %w", err, lookErr)
		}
	}
	return Info{}, fmt.Errorf("all IDs of %d random tokens were taken: %w", attempts, ErrExists)
}

// stored returns the cluster's token with the ID of tok if its secret matches.
func stored(ctx context.Context, client corev1client.SecretsGetter, tok Token) (Info, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), verifyTimeout)
	defer cancel()
	info, err := Get(ctx, client, tok.ID())
	if err != nil {
		return Info{}, err
	}
	return info, info.Matches(tok)
}

// verifyTimeout limits the check of whether a request took effect.
const verifyTimeout = 10 * time.Second

// isOutcomeUnknown reports whether a failed request may have taken effect.
func isOutcomeUnknown(err error) bool {
	connection, ok := errors.AsType[*net.OpError](err)
	neverSent := ok && connection.Op == "dial"
	return !neverSent && (kubeclient.IsTransient(err) || errors.Is(err, context.Canceled))
}

// Get returns the token with the given ID, even if its Secret is invalid. It returns
// an error that matches ErrNotFound if the cluster has no such token.
//
// Access: get on secrets in kube-system.
func Get(ctx context.Context, client corev1client.SecretsGetter, id string) (Info, error) {
	secret, err := client.Secrets(metav1.NamespaceSystem).Get(ctx, secretName(id), metav1.GetOptions{})
	if err != nil {
		return Info{}, failed("get", id, err)
	}
	return Read(secret), nil
}

// List returns all tokens in the order of their IDs, including invalid ones, whose
// Problem is set. It reads the list in pages.
//
// Access: list on secrets in kube-system.
func List(ctx context.Context, client corev1client.SecretsGetter) ([]Info, error) {
	var infos []Info
	opts := metav1.ListOptions{FieldSelector: "type=" + string(api.SecretTypeBootstrapToken)}
	err := kubeclient.EachItem(ctx, client.Secrets(metav1.NamespaceSystem).List, opts, func(secret *corev1.Secret) error {
		if secret.Type == api.SecretTypeBootstrapToken {
			infos = append(infos, Read(secret))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	return infos, nil
}

// Delete deletes a token immediately and permanently. It returns an error that matches
// ErrNotFound if the token does not exist, one that matches ErrChanged if it has
// changed since it was read, and one that matches ErrNotToken if the Secret has
// another type. If the response is lost, it checks whether the token still exists.
//
// Access: delete on secrets in kube-system; get to check after a lost response.
func Delete(ctx context.Context, client corev1client.SecretsGetter, info Info) error {
	if info.wrongType {
		return &IDError{info.ID, ErrNotToken}
	}
	err := client.Secrets(metav1.NamespaceSystem).Delete(ctx, info.SecretName, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: (*types.UID)(&info.UID), ResourceVersion: &info.version},
	})
	if err == nil {
		return nil
	}
	err = failed("delete", info.ID, err)
	if isOutcomeUnknown(err) {
		look, cancel := context.WithTimeout(context.WithoutCancel(ctx), verifyTimeout)
		defer cancel()
		now, lookErr := client.Secrets(metav1.NamespaceSystem).Get(look, info.SecretName, metav1.GetOptions{})
		if apierrors.IsNotFound(lookErr) || lookErr == nil && string(now.UID) != info.UID {
			return nil
		}
	}
	return err
}

// Extend changes the expiration of a token; the zero time means never. It returns an
// error that matches ErrNotFound if the token does not exist, one that matches
// ErrChanged if it has changed since it was read, and one that matches ErrInvalidSpec
// if the time cannot be formatted.
//
// Access: patch on secrets in kube-system.
func Extend(ctx context.Context, client corev1client.SecretsGetter, info Info, expires time.Time) (Info, error) {
	if info.wrongType {
		return Info{}, &IDError{info.ID, ErrNotToken}
	}
	if err := checkExpiration(expires); err != nil {
		return Info{}, err
	}
	var expiration any // null removes the key
	if !expires.IsZero() {
		expiration = []byte(formatExpiration(expires))
	}
	patch, _ := json.Marshal(map[string]any{ // these types always encode
		"metadata": map[string]string{"uid": info.UID, "resourceVersion": info.version},
		"data":     map[string]any{api.BootstrapTokenExpirationKey: expiration},
	})
	secret, err := client.Secrets(metav1.NamespaceSystem).Patch(ctx, info.SecretName, types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		return Info{}, failed("extend", info.ID, err)
	}
	return Read(secret), nil
}

// failed adds the operation and the token to err and maps it to an error of this package.
func failed(doing, id string, err error) error {
	switch {
	case apierrors.IsNotFound(err):
		return &IDError{id, ErrNotFound}
	case apierrors.IsConflict(err):
		return &IDError{id, ErrChanged}
	}
	return fmt.Errorf("%s token %s: %w", doing, id, err)
}
