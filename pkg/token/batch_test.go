package token_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/pkg/token"
)

func TestBatch_PreviewOffline(t *testing.T) {
	noUsage := func(s *token.Spec) { s.Usages = nil }
	tests := []struct {
		name    string
		batch   token.Batch
		want    int
		wantErr error
	}{
		{"random", token.Batch{Spec: spec(t), Count: 3, Random: rand.Reader}, 3, nil},
		{"given token", token.Batch{Spec: spec(t), Count: 1}, 1, nil},
		{"no usage", token.Batch{Spec: spec(t, noUsage), Count: 3, Random: rand.Reader}, 0, token.ErrInvalidSpec},
		{"no randomness", token.Batch{Spec: spec(t), Count: 3, Random: iotest.ErrReader(errRandom)}, 0, errRandom},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			infos, err := test.batch.Preview()
			wantError(t, err, test.wantErr)
			ids := map[string]bool{}
			for _, info := range infos {
				ids[info.ID] = true
				if info.Problem != "" || info.Token.ID() != info.ID {
					t.Errorf("token %s: %s", info.ID, info.Problem)
				}
			}
			if len(ids) != test.want {
				t.Errorf("%d tokens, want %d", len(ids), test.want)
			}
		})
	}
}

// Created tokens are delivered with the errors of the others, and deleted if the
// delivery fails.
func TestBatch_CreateAndRollback(t *testing.T) {
	client := fakeCore(t)
	var calls, observed atomic.Int32
	client.PrependReactor("create", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
		return calls.Add(1)%3 == 0, nil, errForbidden // every third request is rejected
	})
	progress := func(string, int) (done, stop func()) { return func() { observed.Add(1) }, func() {} }
	batch := token.Batch{Spec: spec(t), Count: 9, Random: rand.Reader, Progress: progress}
	ended, cancel := context.WithCancel(t.Context())
	err := batch.Create(ended, client, func(created []token.Info, failed []error) error {
		if len(created) != 6 || len(failed) != 3 || observed.Load() != 9 {
			t.Fatalf("%d created, %d failed, %d observed", len(created), len(failed), observed.Load())
		}
		for _, err := range failed {
			wantError(t, err, errForbidden)
		}
		if stored, err := token.List(t.Context(), client); err != nil || len(stored) != 6 {
			t.Fatalf("%d stored, %v", len(stored), err)
		}
		cancel()
		wantError(t, token.Delete(t.Context(), client, created[0]), nil) // the rollback ignores a missing token
		return errServer
	})
	if !errors.Is(err, errServer) || err.Error() != errServer.Error() {
		t.Errorf("error = %v, want only %v", err, errServer)
	}
	if stored, err := token.List(t.Context(), client); err != nil || len(stored) != 0 {
		t.Errorf("%d stored, %v", len(stored), err)
	}
}

func TestBatch_KeepsDelivered(t *testing.T) {
	client := fakeCore(t)
	deliver := func([]token.Info, []error) error { return nil }
	wantError(t, token.Batch{Spec: spec(t), Count: 1}.Create(t.Context(), client, deliver), nil)
	wantVerbs(t, client, "create")
}

func TestBatch_RollbackNamesRemaining(t *testing.T) {
	client := fakeCore(t)
	failing(client, "delete", apierrors.NewForbidden(corev1.Resource("secrets"), "x", errors.New("no")))
	deliver := func([]token.Info, []error) error { return errServer }
	err := token.Batch{Spec: spec(t), Count: 1}.Create(t.Context(), client, deliver)
	wantError(t, err, errServer)
	if apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "token abcdef still exists") {
		t.Errorf("error = %v, want one that names the token and does not match Forbidden", err)
	}
	noSecrets(t, err, goodSecret)
}

func TestBatch_CreateContextCanceled(t *testing.T) {
	client := fakeCore(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	err := token.Batch{Spec: spec(t), Count: 2, Random: rand.Reader}.Create(ended, client, func(created []token.Info, failed []error) error {
		if len(created) != 0 || len(failed) != 2 || !errors.Is(failed[0], context.Canceled) {
			t.Errorf("created %v, failed %v", created, failed)
		}
		return nil
	})
	wantError(t, err, nil)
	wantVerbs(t, client)
}

// A dry run stores nothing, so nothing is deleted if the delivery fails.
func TestBatch_DryRun(t *testing.T) {
	for dryRun, want := range map[bool]int{true: 1, false: 0} {
		client := fakeCore(t)
		err := token.Batch{Spec: spec(t), Count: 1, DryRun: dryRun}.Create(t.Context(), client, func([]token.Info, []error) error {
			wantVerbs(t, client, "create")
			return errServer
		})
		wantError(t, err, errServer)
		if got := client.Actions()[0].(clienttesting.CreateActionImpl).CreateOptions.DryRun; len(got) != want {
			t.Errorf("dry run %v: options %q", dryRun, got)
		}
		if rolledBack := len(client.Actions()) == 2; rolledBack == dryRun {
			t.Errorf("dry run %v: requests %v", dryRun, client.Actions())
		}
	}
}
