package token

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
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
	// Progress is told what begins, and with how many tokens. It returns what is called
	// when one is done, from several goroutines, and in the end. Nil means that nobody
	// listens.
	Progress func(doing string, n int) (done, stop func())
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
// CreateRandom do. It hands those that were created to deliver, with the error of each
// other one. When deliver fails, it returns that error and deletes the tokens again,
// which nobody has seen: that takes up to a minute, also after ctx has ended.
//
// Access: create, get and delete on secrets in kube-system.
func (b Batch) Create(ctx context.Context, client corev1client.SecretsGetter, deliver func(created []Info, failed []error) error) error {
	infos, errs := make([]Info, b.Count), make([]error, b.Count)
	b.each(ctx, "created", b.Count, func(ctx context.Context, i int) {
		if errs[i] = ctx.Err(); errs[i] == nil {
			infos[i], errs[i] = b.createOne(ctx, client)
		}
	})
	var created []Info
	for i, info := range infos {
		if errs[i] == nil {
			created = append(created, info)
		}
	}
	err := deliver(created, slices.DeleteFunc(errs, func(err error) bool { return err == nil }))
	if err != nil && !b.DryRun {
		if left := b.rollback(ctx, client, created); left != nil {
			return fmt.Errorf("%w; %w", err, left)
		}
	}
	return err
}

// rollback deletes the tokens, also after ctx has ended.
func (b Batch) rollback(ctx context.Context, client corev1client.SecretsGetter, created []Info) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	errs := make([]error, len(created))
	b.each(ctx, "deleted again", len(created), func(ctx context.Context, i int) { errs[i] = Delete(ctx, client, created[i]) })
	for i, err := range errs {
		if err != nil && !errors.Is(err, ErrNotFound) { // its own exit code would hide that of the failure
			return fmt.Errorf("token %s is still there: %s", created[i].ID, err.Error())
		}
	}
	return nil
}

func (b Batch) each(ctx context.Context, doing string, n int, do func(ctx context.Context, i int)) {
	done, stop := func() {}, func() {}
	if b.Progress != nil {
		done, stop = b.Progress(doing, n)
	}
	defer stop()
	kubeclient.Concurrently(ctx, n, func(ctx context.Context, i int) {
		do(ctx, i)
		done()
	})
}
