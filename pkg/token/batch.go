package token

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/bootctl/bootctl/pkg/kubeclient"
)

// Batch is a number of tokens that one Spec describes.
type Batch struct {
	Spec
	Count int
	// Random is the source of the tokens; nil means that Spec has the one token.
	Random io.Reader
	// DryRun makes the API server validate each token without storing it.
	DryRun bool
	// Observer is called for each token that Create or Rollback has finished with,
	// from several goroutines; nil means that nobody listens.
	Observer func()
}

// Preview returns tokens as Create stores them, without asking a server. It returns
// an error that matches ErrInvalidSpec when they cannot be made as asked.
func (b Batch) Preview() ([]Info, error) {
	infos := make([]Info, b.Count)
	for i := range infos {
		if b.Random != nil {
			var err error
			if b.Token, err = Generate(b.Random); err != nil {
				return nil, err
			}
		}
		if err := b.Validate(); err != nil {
			return nil, err
		}
		infos[i] = Read(b.Secret())
	}
	return infos, nil
}

// Create stores the tokens, several at a time, each as the functions Create and
// CreateRandom do. It returns those that were created, and the error of each other
// one.
//
// Access: create and get on secrets in kube-system.
func (b Batch) Create(ctx context.Context, client corev1client.SecretsGetter) (created []Info, failed []error) {
	infos, errs := make([]Info, b.Count), make([]error, b.Count)
	b.each(ctx, b.Count, func(ctx context.Context, i int) {
		switch errs[i] = ctx.Err(); {
		case errs[i] != nil:
		case b.Random != nil:
			infos[i], errs[i] = b.createRandom(ctx, client)
		default:
			infos[i], errs[i] = b.create(ctx, client)
		}
	})
	for i, err := range errs {
		if err == nil {
			created = append(created, infos[i])
		} else {
			failed = append(failed, err)
		}
	}
	return created, failed
}

// Rollback deletes the tokens that Create returned, which nobody has seen. It takes
// up to a minute, also after ctx has ended.
//
// Access: delete on secrets in kube-system; get to look after a lost answer.
func (b Batch) Rollback(ctx context.Context, client corev1client.SecretsGetter, created []Info) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	errs := make([]error, len(created))
	b.each(ctx, len(created), func(ctx context.Context, i int) { errs[i] = Delete(ctx, client, created[i]) })
	for i, err := range errs {
		if err != nil && !errors.Is(err, ErrNotFound) { // its own exit code would hide that of the failure
			return fmt.Errorf("token %s is still there: %s", created[i].ID, err.Error())
		}
	}
	return nil
}

func (b Batch) each(ctx context.Context, n int, do func(ctx context.Context, i int)) {
	kubeclient.Concurrently(ctx, n, func(ctx context.Context, i int) {
		do(ctx, i)
		if b.Observer != nil {
			b.Observer()
		}
	})
}
