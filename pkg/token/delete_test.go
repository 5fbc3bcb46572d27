package token_test

import (
	"context"
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/pkg/token"
)

// The API server is asked to delete exactly the object that was read.
func TestDelete_Preconditions(t *testing.T) {
	for _, source := range []string{"get", "list"} {
		t.Run(source, func(t *testing.T) {
			client := fakeCore(t, secretOf(t))
			info, err := token.Get(t.Context(), client, goodID)
			if source == "list" {
				var infos []token.Info
				infos, err = token.List(t.Context(), client)
				info = infos[0]
			}
			if err != nil {
				t.Fatal(err)
			}
			client.ClearActions()
			if err := token.Delete(t.Context(), client, info); err != nil {
				t.Fatal(err)
			}
			wantVerbs(t, client, "delete")
			action := client.Actions()[0].(clienttesting.DeleteActionImpl)
			if action.Name != "bootstrap-token-abcdef" {
				t.Errorf("name = %q", action.Name)
			}
			only := action.DeleteOptions.Preconditions
			if only == nil || only.UID == nil || only.ResourceVersion == nil {
				t.Fatalf("preconditions = %+v", only)
			}
			if *only.UID != "uid-1" || *only.ResourceVersion != "7" {
				t.Errorf("preconditions = %q, %q", *only.UID, *only.ResourceVersion)
			}
		})
	}
}

func TestDelete_Errors(t *testing.T) {
	conflict := apierrors.NewConflict(corev1.Resource("secrets"), "bootstrap-token-abcdef", errors.New("the UID differs"))
	tests := []struct {
		name       string
		carriedOut bool
		err        error
		uid        types.UID // of the existing token
		lookErr    error
		wantErr    error
		wantVerbs  []string
	}{
		{"conflict", false, conflict, "uid-1", nil, token.ErrChanged, []string{"delete"}},
		{"refused", false, errForbidden, "uid-1", nil, errForbidden, []string{"delete"}},
		{"lost, gone", true, errLost, "uid-1", nil, nil, []string{"delete", "get"}},
		{"lost, still exists", false, errLost, "uid-1", nil, errLost, []string{"delete", "get"}},
		{"lost, replaced", false, errLost, "uid-2", nil, nil, []string{"delete", "get"}},
		{"lost, and the check fails", true, errLost, "uid-1", errForbidden, errLost, []string{"delete", "get"}},
		{"server error, gone", true, apierrors.NewServiceUnavailable("later"), "uid-1", nil, nil, []string{"delete", "get"}},
		{"deadline exceeded, gone", true, context.DeadlineExceeded, "uid-1", nil, nil, []string{"delete", "get"}},
		{"deadline exceeded, still exists", false, context.DeadlineExceeded, "uid-1", nil, context.DeadlineExceeded, []string{"delete", "get"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			there := secretOf(t)
			there.UID = test.uid
			client := fakeCore(t, there)
			losing(t, client, "delete", test.carriedOut, test.err)
			if test.lookErr != nil {
				failing(client, "get", test.lookErr)
			}
			err := token.Delete(t.Context(), client, token.Read(secretOf(t)))
			wantError(t, err, test.wantErr)
			noSecrets(t, err, goodSecret)
			wantVerbs(t, client, test.wantVerbs...)
		})
	}
}

// A list can contain Secrets without a token's name; each is found by its own name.
func TestDelete_WrongName(t *testing.T) {
	tests := []struct {
		name       string
		secretName string
		carriedOut bool
		wantErr    error
	}{
		{"gone", "bootstrap-token-abcdef", true, nil},
		{"still exists", "bootstrap-token-abcdef", false, errLost},
		{"invalid name, gone", "bootstrap-token-abcdefg", true, nil},
		{"invalid name, still exists", "bootstrap-token-abcdefg", false, errLost},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			secret := secretOf(t)
			secret.Name = test.secretName
			client := fakeCore(t, secret)
			infos, err := token.List(t.Context(), client)
			if err != nil || len(infos) != 1 {
				t.Fatalf("List = %v, %v", infos, err)
			}
			losing(t, client, "delete", test.carriedOut, errLost)
			wantError(t, token.Delete(t.Context(), client, infos[0]), test.wantErr)
			left, err := token.List(t.Context(), client)
			if err != nil || (len(left) == 0) != test.carriedOut {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}
