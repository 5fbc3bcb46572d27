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

// Batch describes a number of tokens with one Spec.
type Batch struct {
	Spec
	Count int
	// Random is the source of the tokens; nil means the one token of the Spec.
	Random io.Reader
	// DryRun makes the API server validate each token without storing it.
	DryRun bool
	// Progress is called with the operation and the number of tokens when an operation
	// begins. It returns a function to call for each finished token, possibly from
	// several goroutines, and one to call at the end. It may be nil.
	Progress func(doing string, n int) (done, stop func())
}

// Preview returns the tokens as Create would store them, without contacting a server.
// It returns an error that matches ErrInvalidSpec if the Spec is invalid.
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

// Create stores the tokens concurrently, each as the functions Create and CreateRandom
// do. It passes the created tokens and the errors of the others to deliver. If deliver
// fails, Create returns its error and deletes the tokens, which nobody has seen. That
// takes up to a minute, even if ctx has ended.
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

// rollback deletes the tokens, even if ctx has ended.
func (b Batch) rollback(ctx context.Context, client corev1client.SecretsGetter, created []Info) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	errs := make([]error, len(created))
	b.each(ctx, "deleted again", len(created), func(ctx context.Context, i int) { errs[i] = Delete(ctx, client, created[i]) })
	for i, err := range errs {
		if err != nil && !errors.Is(err, ErrNotFound) { // matching err would hide the exit code of the failure
			return fmt.Errorf("token %s still exists: %s", created[i].ID, err.Error())
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
