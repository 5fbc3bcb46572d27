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

// Conditions that a caller may act on.
var (
	ErrNotFound = errors.New("no such token")
	ErrExists   = errors.New("a token of this ID exists already")
	// ErrNotToken means that a Secret has the name of a token and another type.
	ErrNotToken = errors.New("the Secret of this name is not one of a token")
	// ErrChanged means that the token is not what was read any more.
	ErrChanged = errors.New("the token was changed at the same time")
)

// Create stores a new token and returns what the cluster holds. It never replaces
// one: it returns an error that matches ErrExists when a token has the same ID,
// and one that matches ErrInvalidSpec when the token cannot be made as asked.
// Where the answer is lost, it looks whether the token is there; with an error that
// leaves that open, the token alone is returned, so that it can be looked for later.
//
// Access: create on secrets in kube-system; get to look after a lost answer.
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
		return Info{}, fmt.Errorf("token %s: %w", b.Token.ID(), ErrExists)
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
	case errors.Is(lookErr, ErrNotFound): // the request may still be under way
		return Info{Spec: b.Spec}, err
	}
	return Info{Spec: b.Spec}, fmt.Errorf("%w; whether it was made is not known: %w", err, lookErr)
}

// CreateRandom stores a token that spec describes but for its Token, which is
// drawn from random, and again where its ID is taken. With an error that leaves open
// whether it was made, the token is returned as Create returns it.
//
// Access: create and get on secrets in kube-system.
func CreateRandom(ctx context.Context, client corev1client.SecretsGetter, spec Spec, random io.Reader) (Info, error) {
	return Batch{Spec: spec, Random: random}.createOne(ctx, client)
}

// createOne stores the token that the Spec has, or a random one.
func (b Batch) createOne(ctx context.Context, client corev1client.SecretsGetter) (Info, error) {
	if b.Random == nil {
		return b.create(ctx, client)
	}
	const draws = 5 // among 10,000 tokens, five collisions in a row have a chance of 1 in 10^26
	for range draws {
		var err error
		if b.Token, err = Generate(b.Random); err != nil {
			return Info{}, err
		}
		info, err := b.create(ctx, client)
		if !errors.Is(err, ErrExists) {
			return info, err
		}
		// A request that was sent again because its answer was lost finds the
		// token that it made: nobody else has drawn the same secret.
		switch info, lookErr := stored(ctx, client, b.Token); {
		case lookErr == nil:
			return info, nil
		case !errors.Is(lookErr, ErrNotFound) && !errors.Is(lookErr, ErrOtherSecret):
			return Info{Spec: b.Spec}, fmt.Errorf("%w; whose it is is not known: %w", err, lookErr)
		}
	}
	return Info{}, fmt.Errorf("the IDs of %d random tokens were taken: %w", draws, ErrExists)
}

// stored returns what the cluster holds under the ID of tok if that is tok.
func stored(ctx context.Context, client corev1client.SecretsGetter, tok Token) (Info, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), verifyTimeout)
	defer cancel()
	info, err := Get(ctx, client, tok.ID())
	if err != nil {
		return Info{}, err
	}
	return info, info.Matches(tok)
}

// verifyTimeout is how long a look at what became of a request may take.
const verifyTimeout = 10 * time.Second

// isOutcomeUnknown says whether a request may have been carried out although it
// failed.
func isOutcomeUnknown(err error) bool {
	connection, ok := errors.AsType[*net.OpError](err)
	neverSent := ok && connection.Op == "dial"
	return !neverSent && (kubeclient.IsTransient(err) || errors.Is(err, context.Canceled))
}

// Get returns the token with the given ID, whatever is wrong with its Secret. It
// returns an error that matches ErrNotFound when the cluster holds no such token.
//
// Access: get on secrets in kube-system.
func Get(ctx context.Context, client corev1client.SecretsGetter, id string) (Info, error) {
	secret, err := client.Secrets(metav1.NamespaceSystem).Get(ctx, secretName(id), metav1.GetOptions{})
	if err != nil {
		return Info{}, failed("get", id, err)
	}
	return Read(secret), nil
}

// List returns every token in the order of the IDs, the ill-formed ones with
// what is wrong with them. It reads page by page.
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

// Delete removes a token as it was read, at once and for good. It returns an
// error that matches ErrNotFound when it is gone, one that matches ErrChanged when it
// is not what was read any more, and one that matches ErrNotToken when it is none.
// Where the answer is lost, it looks whether the token is there.
//
// Access: delete on secrets in kube-system; get to look after a lost answer.
func Delete(ctx context.Context, client corev1client.SecretsGetter, info Info) error {
	if info.wrongType {
		return fmt.Errorf("token %s: %w", info.ID, ErrNotToken)
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

// Extend gives a token as it was read another end; the zero time means never. It
// returns an error that matches ErrNotFound when the token is gone, one that
// matches ErrChanged when it is not what was read any more, and one that matches
// ErrInvalidSpec when the time cannot be written.
//
// Access: patch on secrets in kube-system.
func Extend(ctx context.Context, client corev1client.SecretsGetter, info Info, expires time.Time) (Info, error) {
	if info.wrongType {
		return Info{}, fmt.Errorf("token %s: %w", info.ID, ErrNotToken)
	}
	if err := checkExpiration(expires); err != nil {
		return Info{}, err
	}
	var expiration any // null takes the key away
	if !expires.IsZero() {
		expiration = []byte(formatExpiration(expires))
	}
	patch, _ := json.Marshal(map[string]any{ // these types can always be encoded
		"metadata": map[string]string{"uid": info.UID, "resourceVersion": info.version},
		"data":     map[string]any{api.BootstrapTokenExpirationKey: expiration},
	})
	secret, err := client.Secrets(metav1.NamespaceSystem).Patch(ctx, info.SecretName, types.MergePatchType, patch, metav1.PatchOptions{})
	if err != nil {
		return Info{}, failed("extend", info.ID, err)
	}
	return Read(secret), nil
}

// failed says which of a token's requests failed, and why.
func failed(doing, id string, err error) error {
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Errorf("token %s: %w", id, ErrNotFound)
	case apierrors.IsConflict(err):
		return fmt.Errorf("token %s: %w", id, ErrChanged)
	}
	return fmt.Errorf("%s token %s: %w", doing, id, err)
}
