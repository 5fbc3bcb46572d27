package token_test

import (
	"errors"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/bootctl/bootctl/pkg/token"
)

var errServer = errors.New("trouble in the server")

func TestCreate(t *testing.T) {
	tests := []struct {
		name    string
		spec    token.Spec
		there   []*corev1.Secret
		wantErr error
	}{
		{"new", spec(t), nil, nil},
		{"same ID, other secret", spec(t), []*corev1.Secret{spec(t, func(s *token.Spec) {
			s.Token = parse(t, goodID+".ffffffffffffffff")
		}).Secret()}, token.ErrExists},
		{"no usage", spec(t, func(s *token.Spec) { s.Usages = nil }), nil, token.ErrInvalidSpec},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client := fakeCore(t, test.there...)
			wantError(t, token.Create(t.Context(), client, test.spec), test.wantErr)
			got, err := client.Secrets("kube-system").Get(t.Context(), "bootstrap-token-abcdef", metav1.GetOptions{})
			switch {
			case test.wantErr == nil && (err != nil || string(got.Data["token-secret"]) != goodSecret):
				t.Errorf("stored %v, %v", got, err)
			case len(test.there) > 0 && string(got.Data["token-secret"]) != "ffffffffffffffff":
				t.Error("the token that was there was replaced")
			case errors.Is(test.wantErr, token.ErrInvalidSpec) && err == nil:
				t.Error("an invalid token was stored")
			}
		})
	}
}

func TestList(t *testing.T) {
	second := spec(t, func(s *token.Spec) { s.Token = parse(t, "bbbbbb."+goodSecret) }).Secret()
	broken := second.DeepCopy()
	broken.Name = "bootstrap-token-cccccc"
	opaque := spec(t, func(s *token.Spec) { s.Token = parse(t, "dddddd."+goodSecret) }).Secret()
	opaque.Type = corev1.SecretTypeOpaque
	elsewhere := spec(t, func(s *token.Spec) { s.Token = parse(t, "eeeeee."+goodSecret) }).Secret()
	elsewhere.Namespace = "default"
	infos, err := token.List(t.Context(), fakeCore(t, opaque, broken, second, elsewhere, spec(t).Secret()))
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, info := range infos {
		ids = append(ids, info.ID)
	}
	if want := []string{"abcdef", "bbbbbb", "cccccc"}; !slices.Equal(ids, want) {
		t.Fatalf("IDs = %v, want %v", ids, want)
	}
	if infos[0].Problem != "" || infos[2].Problem == "" {
		t.Errorf("problems = %q and %q, want the second alone", infos[0].Problem, infos[2].Problem)
	}
}

func TestDelete(t *testing.T) {
	client := fakeCore(t, spec(t).Secret())
	if err := token.Delete(t.Context(), client, goodID); err != nil {
		t.Fatal(err)
	}
	wantError(t, token.Delete(t.Context(), client, goodID), token.ErrNotFound)
}

func TestErrorsOfTheServerAreKept(t *testing.T) {
	client := fakeCore(t)
	for _, verb := range []string{"create", "list", "delete"} {
		failing(client, verb, errServer)
	}
	wantError(t, token.Create(t.Context(), client, spec(t)), errServer)
	wantError(t, token.Delete(t.Context(), client, goodID), errServer)
	_, err := token.List(t.Context(), client)
	wantError(t, err, errServer)
}
