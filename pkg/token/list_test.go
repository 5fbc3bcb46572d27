package token_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/bootctl/bootctl/pkg/token"
)

// secretList returns a page of n tokens that begin with the given letter.
func secretList(t *testing.T, letter string, n int, next string) *corev1.SecretList {
	t.Helper()
	list := &corev1.SecretList{ListMeta: metav1.ListMeta{Continue: next}}
	for i := range n {
		tok := parse(t, fmt.Sprintf("%s%05d.%s", letter, i, goodSecret))
		list.Items = append(list.Items, *spec(t, func(s *token.Spec) { s.Token = tok }).Secret())
	}
	return list
}

// A cluster has more tokens than fit in one response; each response contains the
// position of the next page.
func TestList_EachPage(t *testing.T) {
	client := fakeCore(t)
	var asked []metav1.ListOptions
	pages := []*corev1.SecretList{secretList(t, "a", 500, "second"), secretList(t, "b", 0, "third"), secretList(t, "c", 3, "")}
	client.PrependReactor("list", "secrets", func(action clienttesting.Action) (bool, runtime.Object, error) {
		asked = append(asked, action.(clienttesting.ListActionImpl).ListOptions)
		return true, pages[len(asked)-1], nil
	})
	infos, err := token.List(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, info := range infos {
		if info.Problem != "" || info.Token.ID() != info.ID {
			t.Errorf("token %s: problem %q", info.ID, info.Problem)
		}
		seen[info.ID] = true
	}
	if len(infos) != 503 || len(seen) != 503 || !seen["a00499"] || !seen["c00002"] {
		t.Errorf("%d tokens, %d of them different, want 503", len(infos), len(seen))
	}
	if len(asked) != 3 {
		t.Fatalf("%d requests, want 3", len(asked))
	}
	for i, next := range []string{"", "second", "third"} {
		opts := asked[i]
		if opts.Continue != next || opts.Limit == 0 || opts.FieldSelector != "type=bootstrap.kubernetes.io/token" {
			t.Errorf("request %d: continue %q, limit %d, selector %q", i+1, opts.Continue, opts.Limit, opts.FieldSelector)
		}
	}
}

// An incomplete list is an error: a caller that signs with it would miss tokens.
func TestList_FailedPage(t *testing.T) {
	for name, failure := range map[string]error{"server error": errServer, "expired": apierrors.NewResourceExpired("too old")} {
		t.Run(name, func(t *testing.T) {
			client := fakeCore(t)
			client.PrependReactor("list", "secrets", func(action clienttesting.Action) (bool, runtime.Object, error) {
				if action.(clienttesting.ListActionImpl).ListOptions.Continue != "" {
					return true, nil, failure
				}
				return true, secretList(t, "a", 2, "second"), nil
			})
			infos, err := token.List(t.Context(), client)
			wantError(t, err, failure)
			if len(infos) != 0 {
				t.Errorf("%d tokens were returned with an error", len(infos))
			}
		})
	}
}

func TestList_Empty(t *testing.T) {
	infos, err := token.List(t.Context(), fakeCore(t))
	if err != nil || len(infos) != 0 {
		t.Errorf("List = %v, %v", infos, err)
	}
}

func TestList_ContextCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := token.List(ctx, fakeCore(t, spec(t).Secret()))
	wantError(t, err, context.Canceled)
}

// One request, so that no existing token can be replaced in between.
func TestCreate_OneRequest(t *testing.T) {
	client := fakeCore(t)
	info, err := token.Create(t.Context(), client, spec(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := token.Delete(t.Context(), client, info); err != nil {
		t.Fatal(err)
	}
	wantVerbs(t, client, "create", "delete")
}

// Delete does not delete other tokens.
func TestDelete_One(t *testing.T) {
	other := spec(t, func(s *token.Spec) { s.Token = parse(t, "bbbbbb."+goodSecret) })
	client := fakeCore(t, spec(t).Secret(), other.Secret())
	if err := token.Delete(t.Context(), client, token.Read(spec(t).Secret())); err != nil {
		t.Fatal(err)
	}
	infos, err := token.List(t.Context(), client)
	if err != nil || len(infos) != 1 || infos[0].ID != "bbbbbb" {
		t.Errorf("left: %v, %v", infos, err)
	}
}

// A Forbidden error must not be reported as a missing or existing token.
func TestGet_ServerErrors(t *testing.T) {
	forbidden := apierrors.NewForbidden(corev1.Resource("secrets"), "bootstrap-token-abcdef", errors.New("no"))
	client := fakeCore(t)
	for verb, err := range failures(t, client, forbidden) {
		if !apierrors.IsForbidden(err) || errors.Is(err, token.ErrExists) || errors.Is(err, token.ErrNotFound) || errors.Is(err, token.ErrChanged) {
			t.Errorf("%s: error = %v, want only Forbidden", verb, err)
		}
		if strings.Contains(err.Error(), goodSecret) {
			t.Errorf("%s: error %q shows the secret", verb, err)
		}
	}
}

// The problem describes a malformed value without quoting the Secret.
func TestProblem_NoSecret(t *testing.T) {
	for _, key := range []string{"token-secret", "token-id", "expiration"} {
		secret := spec(t).Secret()
		secret.Data[key] = []byte(goodSecret + "!")
		info := token.Read(secret)
		if info.Problem == "" {
			t.Fatalf("a bad %s is not reported as a problem", key)
		}
		if printed := fmt.Sprintf("%+v %#v", info, info); strings.Contains(printed, goodSecret) {
			t.Errorf("a bad %s is shown: %s", key, printed)
		}
	}
}

func TestRead_KeepsReadableParts(t *testing.T) {
	tests := []struct {
		name      string
		change    func(*corev1.Secret)
		id        string
		withToken bool
	}{
		{"bad token-id", func(s *corev1.Secret) { s.Data["token-id"] = nil }, goodID, false},
		{"bad token-secret", func(s *corev1.Secret) { s.Data["token-secret"] = nil }, goodID, false},
		{"bad group", func(s *corev1.Secret) { s.Data["auth-extra-groups"] = []byte("x") }, goodID, true},
		{"bad name", func(s *corev1.Secret) { s.Name = "x" }, "", false},
		{"bad expiration", func(s *corev1.Secret) { s.Data["expiration"] = []byte("x") }, goodID, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			secret := spec(t, func(s *token.Spec) { s.Description = "rack 7" }).Secret()
			test.change(secret)
			info := token.Read(secret)
			if info.Problem == "" || info.ID != test.id || info.SecretName != secret.Name || info.Description != "rack 7" || len(info.Usages) != 2 {
				t.Errorf("read %+v", info)
			}
			if info.Token.IsZero() == test.withToken {
				t.Errorf("token %s, want a token: %v", info.Token, test.withToken)
			}
		})
	}
}
